import json

import numpy as np
import pytest
from click.testing import CliRunner

from textzero._compat import has_gpu
from textzero.vectors.training import TrainingSettings
from textzero_cli.main import main


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "t.txt"
    random = np.random.default_rng(0)
    path.write_text("\n".join(" ".join(random.choice([*"abcdefgh"], 9)) for _ in range(90)))
    return path


def run(text, out, *options):
    return CliRunner().invoke(main, ["embed", str(text), "-o", str(out), *map(str, options)])


def settings_of(text, out, *options):
    result = run(text, out, "--dim", 4, *options)
    assert result.exit_code == 0, result.output
    return json.loads((out / "manifest.json").read_text())["settings"]


@pytest.mark.parametrize(
    "options, name, value",
    [
        (["--shift", "5"], "shift", 5.0),
        (["--subsample", "0.1"], "subsample", 0.1),
        (["--clip", "0"], "clip", 0.0),
        (["--smoothing", "0.75"], "smoothing", 0.75),
        (["--weight-offset", "0.3"], "weight_offset", 0.3),
        (["--marginals", "pairs"], "marginals", "pairs"),
        (["--untruncated"], "truncate", False),
        (["--solver", "adagrad"], "solver", "adagrad"),
        (["--unobserved-weight", "0"], "unobserved_weight", 0.0),
        (["--unobserved-power", "0.5"], "unobserved_power", 0.5),
        (["--regularisation", "3"], "regularisation", 3.0),
        (["--flattening", "0.5"], "flattening", 0.5),
        (["--sweeps", "2"], "sweeps", 2),
        (["--model", "sum"], "model", "sum"),
    ],
)
def test_each_option_is_a_setting(text, tmp_path, options, name, value):
    assert settings_of(text, tmp_path / "out", *options)[name] == value


def test_without_options_the_defaults_of_python_hold(text, tmp_path):
    settings = settings_of(text, tmp_path / "out")
    expected = TrainingSettings(dim=4).resolved("harmonic", 8).__dict__
    expected["clip"] = None  # no bound
    assert {name: settings[name] for name in expected} == expected


def test_older_vectors_decide_the_dimension(text, tmp_path):
    settings_of(text, tmp_path / "old")
    result = run(text, tmp_path / "new", "--init", tmp_path / "old", "--min-count", 2)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "new" / "manifest.json").read_text())["dim"] == 4
    result = run(text, tmp_path / "other", "--init", tmp_path / "old", "--dim", 5)
    assert result.exit_code == 3 and "pass --dim 4" in result.output


def test_resume_without_anything_to_resume_is_no_error(text, tmp_path):
    result = run(text, tmp_path / "out", "--dim", 4, "--resume")
    assert result.exit_code == 0 and "afresh" not in result.output
    both = run(text, tmp_path / "other", "--fresh", "--resume")
    assert both.exit_code == 2 and "leave out one of them" in both.output


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_told_before_anything_is_counted(text, tmp_path):
    for command in ("embed", "cooccur"):
        arguments = [command, str(text), "-o", str(tmp_path / "out"), "--device", "gpu"]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2 and "device='gpu' needs CuPy" in result.output
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options", [["--shift", "0"], ["--clip", "nan"], ["--clip", "inf"], ["--smoothing", "nan"]]
)
def test_a_wrong_value_is_a_usage_error(text, tmp_path, options):
    result = run(text, tmp_path / "out", *options)
    assert result.exit_code == 2 and "must" in result.output
    assert not (tmp_path / "out").exists()


def test_a_run_broken_off_says_that_its_folder_holds_what_is_done(text, tmp_path, monkeypatch):
    out = tmp_path / "v"

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("textzero.vectors.pipeline.count_words", interrupt)
        nothing = run(text, out, "--dim", 4)
    assert (nothing.exit_code, nothing.stderr) == (130, "Error: interrupted\n")
    with monkeypatch.context() as patch:
        patch.setattr("textzero.vectors.pipeline.train_vectors", interrupt)
        broken = run(text, out, "--dim", 4)
    assert broken.exit_code == 130
    assert broken.stderr.endswith(
        f"Error: interrupted\nwhat is done is kept in {out}: the same command goes on with it\n"
    )
    again = run(text, out, "--dim", 4)
    assert again.exit_code == 0, again.output
    assert "counts are unchanged\nco-occurrences are unchanged\n" in again.stderr
