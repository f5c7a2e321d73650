"""Bars on a terminal: what they say before they move, and that Ctrl-C leaves nothing of them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from numba.core import event

from textzero_cli import _compiling, _models, _progress, _signals, answer


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """A terminal as standard error; pytest replaces what a fixture sets."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    return screen


def drawn(screen):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


def test_a_person_is_told_that_kernels_are_compiled(monkeypatch):
    screen = terminal(monkeypatch)
    assert not _compiling.compiling()  # watches from now on
    with event.trigger_event("numba:compile"):
        with event.trigger_event("numba:compile"):
            assert _compiling.compiling()
        assert _compiling.compiling()
        with _progress.Bars().stage("count", 10):
            pass
    assert not _compiling.compiling()
    assert "compiling, for the first time" in drawn(screen)


def test_a_bar_that_has_not_moved_shows_that_work_goes_on(monkeypatch):
    terminal(monkeypatch)
    bars = _progress.Bars()
    with bars.stage("count", 10, "words"):
        (task,) = bars._bar.tasks
        assert not task.started  # so it pulses
        bars.advance(1)
        assert task.started
    with bars.stage("answer", 0):
        assert bars._bar.tasks[0].started  # else it would not show how long it takes


def test_one_of_what_is_counted_is_in_the_singular():
    assert _progress.amount_done(0, 1, None, "tables") == "0 of 1 table"
    assert _progress.amount_done(1, None, None, "queries") == "1 query"
    assert _progress.amount_done(1, 3, None, "tests") == "1 of 3 tests"


def test_ctrl_c_waits_until_a_bar_is_drawn_or_taken_away(monkeypatch):
    monkeypatch.setattr(_signals, "_ASKED", [])
    reached = []
    with pytest.raises(KeyboardInterrupt), _signals.waiting():
        _signals._ask(signal.SIGINT, None)
        reached.append("the end of the block")
    assert reached and _signals._ASKED == [signal.SIGINT] and not _signals._LATER
    monkeypatch.setattr(_signals, "_ASKED", [])
    with pytest.raises(KeyboardInterrupt):
        _signals._ask(signal.SIGINT, None)


def test_ctrl_c_that_comes_while_garbage_is_collected_is_not_lost():
    code = """
import gc, signal, time
from textzero_cli import _signals
_signals.heed_signals()
def collected(phase, info):
    gc.callbacks.clear()
    signal.raise_signal(signal.SIGINT)
gc.callbacks.append(collected)
try:
    gc.collect()
    time.sleep(20)
except KeyboardInterrupt:
    raise SystemExit(_signals.exit_code())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "")


def test_a_bar_that_is_interrupted_while_it_begins_is_taken_away():
    ended = []

    class Interrupted(_progress.Progress):
        def begin(self, *_):
            raise KeyboardInterrupt

        def end(self):
            ended.append(True)

    with pytest.raises(KeyboardInterrupt), Interrupted().stage("count", 10):
        pass
    assert ended


def test_a_bar_is_seen_while_what_keras_writes_is_kept(capfd):
    bars = _progress.Bars()
    with _models._stderr_kept(bars) as written:
        os.write(2, b"noise")
        bars.terminal.write("bar")
        bars.terminal.flush()
        assert written() == "noise"
    assert capfd.readouterr().err == "bar"


def test_questions_count_when_they_are_answered(tmp_path, monkeypatch, capsysbinary):
    pytest.importorskip("keras")
    record = {"question": "谁？", "passages": ["甲。"]}
    (tmp_path / "q.jsonl").write_text((json.dumps(record) + "\n") * 100)
    told = []

    class Told(_progress.Progress):
        def begin(self, name, total, _):
            told.append((name, total))

        def advance(self, amount):
            told.append(amount)

    found = SimpleNamespace(text="甲", score=1.0)

    def predict(asked, *_, **__):
        told.append("read")
        return [found] * len(asked)

    reader = SimpleNamespace(predict=predict)
    monkeypatch.setattr(answer.models, "load", lambda *_, **__: (reader, 1 << 30))
    monkeypatch.setattr(answer, "make_progress", lambda *_, **__: Told())
    answer.answer.main(["model", str(tmp_path / "q.jsonl")], standalone_mode=False)
    size = (tmp_path / "q.jsonl").stat().st_size
    begun, *rest = told
    assert begun == ("answer", size) and [x for x in rest if x == "read"] == ["read"] * 2
    assert rest[0] == "read" and sum(x for x in rest if x != "read") == size
    assert capsysbinary.readouterr().out.count(b"\n") == 100
