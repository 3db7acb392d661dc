"""The door: exit codes, errors for people and programs, Ctrl-C, closed pipes."""

import json
import signal
import subprocess
import sys

import pytest

from mlops_cli import __version__

CAUSE = """
import sys
from mlops_cli import cli, errors
from mlops_cli.output import Output

app = cli.application()

@app.command()
def fail(json: bool = False):
    {body}

cli.application = lambda word: app
sys.argv = ["mlops", "fail", *{words}]
cli.main()
"""


def fail(body, *words, **options):
    """Runs the door in a process of its own with a command that does `body`."""
    script = CAUSE.format(body=body, words=list(words))
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        encoding="utf-8",
        check=False,
        **options,
    )


def test_version(mlops):
    done = mlops("--version")
    assert (done.exit_code, done.stdout) == (0, f"mlops {__version__}\n")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_commands(mlops, flag):
    done = mlops(flag)
    assert done.exit_code == 0
    for command in ("init", "train", "evaluate", "export", "predict", "update", "config"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("words", [(), ("config",)], ids=["mlops", "config"])
def test_a_left_out_command_shows_the_help(mlops, words):
    done = mlops(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(" ".join(("Usage: mlops", *words)))


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("trian",), "No such command 'trian'. Did you mean 'train'?", "mlops --help"),
        (("train", "--jsno"), "No such option: --jsno", "mlops train --help"),
        (
            ("evaluate", "--split", "valid"),
            "Invalid value for '--split': 'valid' is not one of 'train'",
            "mlops evaluate --help",
        ),
        (("train", "--resume"), "Option '--resume' requires an argument", "mlops train --help"),
    ],
)
def test_usage_errors_are_told_like_all_errors(mlops, words, message, hint):
    done = mlops(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.endswith(f"hint: {hint}\n")

    told = json.loads(mlops(*words[:1], "--json", *words[1:]).stderr)
    assert told["exit_code"] == 2
    assert set(told) == {"error", "hint", "exit_code"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("MlopsError", 1),
        ("TrainingError", 1),
        ("UsageError", 2),
        ("ConfigError", 3),
        ("MissingDependencyError", 4),
        ("NotFoundError", 5),
        ("UnreachableError", 5),
        ("DataError", 5),
        ("GateError", 6),
        ("Interrupted", 130),
    ],
)
def test_each_error_has_its_exit_code(name, code):
    done = fail(f"raise errors.{name}('what', hint='how')")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "error: what\nhint: how\n")
    told = json.loads(fail(f"raise errors.{name}('what')", "--json").stderr)
    assert told == {"error": "what", "hint": "", "exit_code": code}


def test_an_unknown_error_keeps_its_traceback():
    done = fail("raise ZeroDivisionError('ours')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: ours")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_work_in_one_line(name):
    body = f"import signal; signal.raise_signal(signal.{name})"
    done = fail(body)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")
    told = json.loads(fail(body, "--json").stderr)
    assert told == {"error": "interrupted", "hint": "", "exit_code": 130}


LOADING = """
import signal, sys
from mlops_cli.__main__ import main

class Interrupting:
    def find_spec(self, name, *_):
        if name == "mlops_cli.commands":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
main()
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "error: interrupted"),
        (["--json"], '{"error": "interrupted", "hint": "", "exit_code": 130}'),
    ],
)
def test_interrupted_while_it_loads_it_says_the_same(words, said):
    command = [sys.executable, "-c", LOADING, "status", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{said}\n")


def test_a_question_that_is_refused_is_an_interruption():
    done = fail("import typer; typer.prompt('name')", stdin=subprocess.DEVNULL)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("lines", [1, 100_000], ids=["at the end", "while writing"])
def test_a_closed_pipe_is_no_error(lines):
    script = CAUSE.format(
        body=f"import time; time.sleep(0.2); [Output().data('line') for _ in range({lines})]",
        words=[],
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait() == 141
    assert told == b""


@pytest.mark.parametrize("words", ["--help", "config list"])
def test_a_closed_output_is_no_error(words, mlops_script, project):
    done = subprocess.run(
        f"{mlops_script} {words} >&-", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_errors_leave_the_exit_code(mlops_script, project):
    done = subprocess.run(
        f"{mlops_script} config show lrr=1 2>&-", shell=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, b"")


def test_the_module_is_the_script(mlops_script):
    for command in ([sys.executable, "-m", "mlops_cli"], [mlops_script]):
        done = subprocess.run([*command, "--version"], capture_output=True, check=True)
        assert done.stdout.decode() == f"mlops {__version__}\n"


def test_signals_of_the_caller_are_left_alone(mlops):
    before = signal.getsignal(signal.SIGINT)
    mlops("--version")
    assert signal.getsignal(signal.SIGINT) == before


def test_a_full_disk_is_one_line():
    body = "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/runs/a')"
    done = fail(f"import errno, os; {body}")
    assert done.returncode == 1
    assert done.stderr == (
        "error: /runs/a: no space left on device\nhint: free some space on the disk and try again\n"
    )


def test_a_full_disk_is_named_by_what_was_written():
    done = fail("import errno; raise OSError(errno.ENOSPC, 'Full', '/read/a', None, '/written/b')")
    assert done.stderr.startswith("error: /written/b: full\n")


def test_other_system_errors_keep_their_traceback():
    done = fail("import errno; raise OSError(errno.EBADF, 'ours')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
