"""What commands say, to people, to programs and to terminals."""

import io
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

from mlops_cli.errors import ConfigError, GateError
from mlops_cli.output import Output


@dataclass(frozen=True)
class Found:
    path: Path
    score: float
    rows: tuple[int, ...]


FOUND = Found(Path("runs/a"), math.nan, (1, 2))


def test_result_for_people_has_title_lines_and_next_step(capsys):
    Output().result("Trained [tiny]", FOUND, lines="loss [0.1]", next_step="mlops evaluate [run]")
    assert capsys.readouterr().out == "✓ Trained [tiny]\nloss [0.1]\nnext: mlops evaluate [run]\n"


def test_a_finding_that_is_not_good_has_another_mark(capsys):
    Output().result("Checked 3 things: 1 is missing", FOUND, failed=True)
    assert capsys.readouterr().out == "✗ Checked 3 things: 1 is missing\n"


def test_names_do_not_move_the_cursor_of_who_reads_a_log(capsys):
    Output().result("Trained a\rb\a", FOUND, lines="one\ttwo\v")
    assert capsys.readouterr().out == "✓ Trained ab\none\ttwo\n"


def test_a_log_that_shows_colours_gets_them_and_a_payload_none(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    Output().result("Trained", FOUND, next_step="mlops evaluate")
    assert "\x1b[1;32m✓ " in capsys.readouterr().out
    Output().data("lr: 1\n", language="yaml")
    assert capsys.readouterr().out == "lr: 1\n"


def test_a_result_is_out_before_what_is_said_after_it():
    code = (
        "import os; from mlops_cli.output import Output; out = Output()\n"
        "out.result('first', {}); out.warn('second'); out.data('third'); os._exit(0)"
    )
    environment = {name: it for name, it in os.environ.items() if name != "PYTHONUNBUFFERED"}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, **both)
    assert done.stdout == "✓ first\nwarning: second\nthird\n"


def test_output_that_can_not_be_written_is_one_error():
    words = [sys.executable, "-m", "mlops_cli", "config", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    hint = "free some space on the disk and try again"
    assert (done.returncode, done.stderr) == (1, f"error: no space left on device\nhint: {hint}\n")


def test_long_titles_are_not_broken_where_no_terminal_is(capsys):
    title = "a sentence that is longer than eighty columns " * 4
    Output().result(title, FOUND)
    assert capsys.readouterr().out == f"✓ {title}\n"


def test_result_for_programs_is_one_object(capsys):
    Output(json_mode=True).result("Trained", FOUND, lines="for people", next_step="more")
    assert json.loads(capsys.readouterr().out) == {"path": "runs/a", "score": None, "rows": [1, 2]}


def test_quiet_leaves_only_warnings_errors_and_payload(capsys):
    out = Output(quiet=True)
    out.info("a note")
    out.warn("three rows are twice in the data")
    out.result("Trained", FOUND)
    out.data("good\t0.9")
    with out.task("training", 2) as task:
        task.advance(2)
    said = capsys.readouterr()
    assert said.out == "good\t0.9\n"
    assert said.err == "warning: three rows are twice in the data\n"


def test_error_for_people(capsys):
    Output().error(ConfigError("no key 'lrr'", hint="did you mean lr?"))
    assert capsys.readouterr().err == "error: no key 'lrr'\nhint: did you mean lr?\n"


def test_error_for_programs_goes_to_stderr(capsys):
    Output(json_mode=True).error(GateError("mcc is 0.1, not >= 0.25"))
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err) == {
        "error": "mcc is 0.1, not >= 0.25",
        "hint": "",
        "exit_code": 6,
    }


def test_progress_without_a_terminal_is_plain_lines(capsys):
    with Output().task("training", 3) as task:
        task.advance(loss=0.5, lr="3e-5")
        task.advance(loss=0.25)
        task.advance()
    assert capsys.readouterr().err == "training 3/3 loss=0.25 lr=3e-5\n"


def test_characters_that_the_stream_cannot_take_do_not_end_the_work(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    Output().data("größer")
    assert raw.getvalue() == b"gr\\xf6\\xdfer\n"


ON_A_TERMINAL = """
import time
from mlops_cli.output import Output
out = Output()
with out.task("fitting", 4) as outer:
    outer.advance(2, loss=0.5)
    time.sleep(0.3)
    with out.task("validating", 1) as inner:
        inner.advance(1)
        out.warn("one text is too long")
    outer.advance(2)
with out.task("exporting", 1) as again:
    again.advance()
out.info("done")
"""


def test_on_a_terminal_bars_nest_and_warnings_stay_whole():
    environment = os.environ | {"TERM": "xterm-256color"}
    terminal = pexpect.spawn(
        sys.executable, ["-c", ON_A_TERMINAL], env=environment, timeout=30, encoding="utf-8"
    )
    text = terminal.read()
    terminal.close()
    assert terminal.exitstatus == 0
    for bar in ("fitting", "validating", "exporting", "2/4", "loss 0.5"):
        assert bar in text
    assert "warning: one text is too long" in text
    assert text.rstrip().endswith("done\x1b[0m")
