"""A disk that fills up while a run is written: one clear line, and nothing is lost."""

import contextlib
import shutil
import subprocess

import pytest
from own import filler
from own.resumed import EVERY_STEP, SMALL, assert_same_outcome, facts, only_run

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(project):
    """A disk of a few megabytes for the project's runs; `mount` asks for root."""
    runs = project.path / "runs"
    runs.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(runs)]
    for become_root in ([], ["sudo", "-n"]):
        with contextlib.suppress(FileNotFoundError):  # There is no sudo.
            if subprocess.run([*become_root, *mount], check=False).returncode == 0:
                break
    else:
        pytest.skip("no small disk: this user may not mount one")
    yield runs
    subprocess.run([*become_root, "umount", "-l", str(runs)], check=True)


def assert_told(refused, run):
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[-2:] == [
        f"error: run {run.name} can't be written: no space left on device",
        f"hint: free some space, then: mlops train --resume {run.name}",
    ]
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("place", "free", "goes_on_from"),
    [
        pytest.param("start", 0, 0, id="the first metrics"),
        pytest.param("2 train", 16384, 1, id="a checkpoint"),
        pytest.param("10 val", 16384, 9, id="the best weights"),
    ],
)
def test_a_full_disk_while_training(
    project, mlops, small_disk, unstopped, place, free, goes_on_from
):
    project({"fill": f"{place} {free}"})
    settings = [*SMALL, *EVERY_STEP]
    refused = mlops("train", *settings, *filler.FILLER)
    (run,) = (path for path in small_disk.iterdir() if path.is_dir())
    assert_told(refused, run)
    assert not (project / "fill").exists()
    assert list(run.rglob(".*")) == []

    (small_disk / "ballast").unlink()
    resumed = mlops("train", "--resume", "latest")

    assert resumed.exit_code == 0, resumed.stderr
    assert f"going on with {run.name} from step {goes_on_from}\n" in resumed.stderr
    assert_same_outcome(run, unstopped(*EVERY_STEP))


def test_a_full_disk_while_the_model_is_saved(project, mlops, small_disk, unstopped):
    done = mlops("train", *SMALL, *filler.FILLER)
    assert done.exit_code == 0, done.stderr
    run = only_run(project.path)
    shutil.rmtree(run / "model")
    shutil.copy(run / "run.json", project / "finished.json")
    (run / "run.json").write_text(
        (project / "finished.json").read_text().replace('"finished"', '"interrupted"')
    )
    project({"fill": "start 16384"})

    assert_told(mlops("train", "--resume", run.name), run)
    assert not (run / "model").exists()

    (small_disk / "ballast").unlink()
    assert mlops("train", "--resume", run.name).exit_code == 0
    assert facts(run)["status"] == "finished"
    assert_same_outcome(run, unstopped())


def test_a_disk_that_is_full_from_the_beginning(project, mlops, small_disk):
    filler.fill(free=0)
    refused = mlops("train", *SMALL)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-2:] == [
        "error: no space left on device",
        "hint: free some space on the disk and try again",
    ]
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
