"""One server at a time keeps what it serves in a file; a kill frees it."""

import os
import signal
import subprocess
import sys

from own import served

from mlops_cli.serving import state as states
from mlops_cli.serving.keeping import Keeper
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.state import ModelState, Placed, State

WANTED = Wanted({"model": ""})


def of(version, wanted=WANTED):
    return State(wanted, {"model": ModelState(version, [Placed(version, "/b", "a" * 64)])})


def primary(file):
    return states.read(file).models["model"].primary


def test_a_second_server_does_not_overwrite_what_the_first_keeps(tmp_path):
    file = tmp_path / "serving" / "state.json"
    first, second = Keeper(file, WANTED), Keeper(file, WANTED)
    assert first.take()
    assert not second.take()
    assert second.other == f"process {os.getpid()}"
    assert first.write(of("one"))
    assert not second.write(of("two"))
    assert primary(file) == "one"
    first.close()
    assert second.write(of("two"))
    assert primary(file) == "two"
    assert not first.take()


def test_a_server_of_something_else_never_takes_over_what_another_kept(tmp_path):
    file, other = tmp_path / "state.json", Wanted({"model": "/elsewhere"})
    first, second = Keeper(file, WANTED), Keeper(file, other)
    assert first.take()
    assert not second.take()
    first.write(of("one"))
    first.close()
    for _ in range(2):
        assert not second.write(of("two", other))
        assert primary(file) == "one"
    assert first.take()


HOLDER = """
import sys, time
from pathlib import Path
from mlops_cli.serving.keeping import Keeper
from mlops_cli.serving.plan import Wanted
keeper = Keeper(Path(sys.argv[1]), Wanted({}))
print(keeper.take(), flush=True)
time.sleep(60)
"""


def test_a_kill_frees_the_file_at_once(tmp_path):
    file = tmp_path / "state.json"
    command = [sys.executable, "-c", HOLDER, file]
    keeper = Keeper(file, WANTED)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"True\n"
        assert not keeper.take()
        assert keeper.other == f"process {holder.pid}"
        holder.send_signal(signal.SIGKILL)
    assert keeper.take()


def test_where_no_lock_can_be_made_the_server_serves(tmp_path):
    (tmp_path / "file").write_text("")
    assert Keeper(tmp_path / "file" / "state.json", WANTED).take()


def test_a_second_server_of_a_project_says_that_it_keeps_nothing(trained, tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    bundle = trained.path / "bundle"
    with (
        served.serving(bundle, tmp_path, stop=None) as first,
        served.serving(bundle, tmp_path) as second,
    ):
        told = second.log.read_text("utf-8")
        assert told.count(f"process {first.process.pid} keeps what it serves in") == 1
        assert "serve.state=FILE" in told
        assert "keeps what it serves" not in first.log.read_text("utf-8")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(60)
        with served.serving(bundle, tmp_path) as again:
            assert "keeps what it serves" not in again.log.read_text("utf-8")


def test_a_folder_that_is_no_project_stays_as_it_is(trained, tmp_path):
    with served.serving(trained.path / "bundle", tmp_path):
        assert not (tmp_path / ".mlops").exists()
