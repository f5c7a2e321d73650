"""The commands of models: what help says, and what a machine without Keras says."""

import importlib
import re
import subprocess
import sys
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from textzero_cli.main import COMMANDS, main

KINDS = ("tagger", "reader", "extractor", "classifier")
NEW = ("train", "tag", "answer", "extract", "classify", "saliency")


def test_the_commands_of_models_stand_behind_parse():
    names = list(COMMANDS)
    assert tuple(names[names.index("parse") + 1 :][: len(NEW)]) == NEW


def test_help_needs_no_keras():
    asked = [[name, "--help"] for name in NEW] + [["train", kind, "--help"] for kind in KINDS]
    code = f"""
import sys
from click.testing import CliRunner
from textzero_cli.main import main
for arguments in {[*asked, ["evaluate", "model", "--help"]]}:
    assert CliRunner().invoke(main, arguments).exit_code == 0, arguments
print(*{{'keras', 'tensorflow', 'numpy', 'numba'}} & set(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "\n", result.stderr


def test_without_keras_it_is_said_what_to_install(tmp_path):
    (tmp_path / "data").write_text("")
    asked = [["train", kind, str(tmp_path / "data"), "-o", str(tmp_path / "m")] for kind in KINDS]
    asked += [[name, "m"] for name in NEW[1:]] + [["evaluate", "model", "m", "gold"]]
    code = f"""
import sys
from click.testing import CliRunner
from textzero_cli.main import main
sys.modules["keras"] = None
for arguments in {asked}:
    result = CliRunner().invoke(main, arguments, input="")
    print(result.exit_code, result.stdout, result.stderr, end="", sep="|")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = "1||Error: this command needs Keras and TensorFlow: pip install 'textzero[models]'\n"
    assert result.stdout == said * len(asked), result.stdout + result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_that_help_tells_are_those_of_the_settings(kind):
    pytest.importorskip("keras")
    module = importlib.import_module(f"textzero.models.{kind}")
    network = asdict(getattr(module, kind.capitalize()).settings_class())
    found = asdict(getattr(module, kind.capitalize()).fit_options) | network
    text = " ".join(CliRunner().invoke(main, ["train", kind, "--help"]).stdout.split())
    told = dict(re.findall(r"--([a-z-]+) (?:(?!--)[^[]|\[(?!default))*\[default: ([^\]]+)\]", text))
    compared = 0
    for option, value in told.items():
        name = option.replace("-", "_")
        if name in found:
            assert value == str(found[name]), option
            compared += 1
    assert compared >= 7, told
