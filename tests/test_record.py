"""The run record and the ways to name a run."""

import dataclasses
import hashlib
import json
import subprocess
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from mlops_cli.errors import DataError, MlopsError, NotFoundError
from mlops_cli.project import git_facts
from mlops_cli.tracking import finding, packages, record


@pytest.fixture
def git(project):
    """`git("add", "x")` in the project."""
    return lambda *words: subprocess.run(["git", "-C", project.path, *words], check=True)


def make(root, name, **facts):
    """A run called `name` with these facts in its run.json."""
    run = record.Run(root / "runs" / name)
    run.path.mkdir(parents=True)
    (run.path / "run.json").write_text(json.dumps({"id": name, **facts}), "utf-8")
    return run


def finished(root, name, monitor="mcc", **metrics):
    scores = {f"val/{key}": value for key, value in metrics.items()}
    return make(root, name, status="finished", monitor=monitor, metrics=scores)


def test_a_new_run_has_its_first_records(tmp_path):
    run = record.create(tmp_path, "tiny", {"seed": 7}, "lr: 0.001\n", ["lr=1e-3", 'a="b"'])
    facts = run.read()
    assert run.path == tmp_path / "runs" / run.id
    assert "-tiny-" in run.id
    assert facts["id"] == run.id
    assert facts["status"] == "running"
    assert facts["seed"] == 7
    assert run.config_path.read_text("utf-8") == "lr: 0.001\n"
    assert (run.path / "overrides.yaml").read_text("utf-8") == '- "lr=1e-3"\n- "a=\\"b\\""\n'
    assert run.checkpoints.is_dir()


def test_every_package_is_recorded(tmp_path):
    run = record.create(tmp_path, "tiny", {}, "", [])
    told = packages.read(run.path)
    assert told["numpy"] == metadata.version("numpy")
    # Folders tell the same as pip reads; of two with one name, what comes first is imported.
    listed = reversed(list(metadata.distributions()))
    known = {canonicalize_name(one.metadata["Name"]): one.version for one in listed}
    assert known.items() >= told.items()
    (run.path / packages.FILE).write_text("nothing")
    with pytest.raises(DataError, match="damaged"):
        packages.read(run.path)


def test_two_trainings_never_share_a_folder(tmp_path):
    first = record.create(tmp_path, "tiny", {"seed": 1}, "", [], run_id="same")
    with pytest.raises(MlopsError, match="there already"):
        record.create(tmp_path, "tiny", {"seed": 2}, "", [], run_id="same")
    assert first.read()["seed"] == 1


def test_uncommitted_changes_are_kept_as_git_takes_them(project, git):
    project({"code.py": "a\n", ".gitignore": "secret\n"})
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("config", "diff.noprefix", "true")
    git("config", "color.diff", "always")
    project({"code.py": "b\n", "secret": "hidden\n", "unknown": "new\n"})
    (project / "code.py").with_suffix(".bin").write_bytes(bytes(range(256)))
    git("add", "code.bin")
    facts = {"git": dataclasses.asdict(git_facts(project.path))}
    run = record.create(project.path, "tiny", facts, "", [])
    kept = run.diff.read_bytes()
    assert hashlib.sha256(kept).hexdigest() == facts["git"]["dirty_hash"]
    assert b"hidden" not in kept
    git("reset", "-q", "--hard")
    git("apply", str(run.diff))
    assert (project / "code.py").read_text() == "b\n"
    assert (project / "code.bin").read_bytes() == bytes(range(256))


def test_large_changes_and_those_of_another_moment_are_not_kept(project, git):
    project({"code.py": "a\n"})
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    clean = record.create(project.path, "a", {"git": {"dirty_hash": None}}, "", [])
    project({"code.py": "b\n"})
    other = record.create(project.path, "b", {"git": {"dirty_hash": "0" * 64}}, "", [])
    project({"code.py": "b\n" * 2**20})
    facts = {"git": dataclasses.asdict(git_facts(project.path))}
    large = record.create(project.path, "c", facts, "", [])
    assert not any(run.diff.exists() for run in (clean, other, large))


def test_updates_keep_the_other_facts(tmp_path):
    run = make(tmp_path, "a", status="running", seed=1)
    run.update(status="finished")
    assert run.read() == {"id": "a", "status": "finished", "seed": 1}


def test_a_broken_record_is_told(tmp_path):
    run = make(tmp_path, "a")
    (run.path / "run.json").write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"run a has no readable run\.json"):
        run.read()


def test_metrics_can_be_read_while_they_are_written(tmp_path):
    run = make(tmp_path, "a")
    assert list(run.metrics()) == []
    run.log({"loss": 0.5}, step=1, epoch=0)
    run.log({"loss": 0.25}, step=2, epoch=0)
    with run.metrics_path.open("ab") as stream:
        stream.write(b"\x00\xff\xfe\n")  # What a lost page of a disk leaves.
        stream.write(b'{"step": 3, "lo')
    assert [(line["step"], line["loss"]) for line in run.metrics()] == [(1, 0.5), (2, 0.25)]


def test_metrics_after_a_checkpoint_are_dropped_for_a_resumed_run(tmp_path):
    run = make(tmp_path, "a")
    for step in (1, 2, 3):
        run.log({"loss": 1 / step}, step=step, epoch=0)
    run.truncate_metrics(2)
    assert [line["step"] for line in run.metrics()] == [1, 2]


def test_latest_is_the_newest(tmp_path):
    make(tmp_path, "20250101-000000-tiny-aaaa")
    make(tmp_path, "20250102-000000-bert-bbbb")
    assert finding.find(tmp_path, "latest").id == "20250102-000000-bert-bbbb"


def test_a_run_whose_id_tells_no_time_is_as_old_as_it_recorded(tmp_path):
    first = record.create(tmp_path, "tiny", {}, "", [], run_id="pipeline-tiny-0123")
    assert first.id == "pipeline-tiny-0123"
    first.update(started="2020-01-31T10:00:00.000+00:00")
    second = record.create(tmp_path, "tiny", {}, "", [])
    assert [run.id for run in finding.all_runs(tmp_path)] == [first.id, second.id]
    assert finding.find(tmp_path, "latest").id == second.id
    first.update(started="2999-01-31T10:00:00.000+00:00")
    assert finding.find(tmp_path, "latest").id == first.id


def test_latest_of_two_runs_of_one_second_is_the_later(tmp_path):
    make(tmp_path, "20250101-000000-tiny-bbbb", started="2025-01-01T00:00:00.100+00:00")
    make(tmp_path, "20250101-000000-tiny-aaaa", started="2025-01-01T00:00:00.900+00:00")
    assert finding.find(tmp_path, "latest").id == "20250101-000000-tiny-aaaa"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [("best", "b"), ("best:accuracy", "a"), ("best:log_loss", "c")],
)
def test_best_goes_by_a_metric_and_its_direction(tmp_path, reference, expected):
    finished(tmp_path, "a", mcc=0.1, accuracy=0.9, log_loss=0.7)
    finished(tmp_path, "b", mcc=0.3, accuracy=0.8, log_loss=0.5)
    finished(tmp_path, "c", mcc=0.2, accuracy=0.7, log_loss=0.3)
    make(tmp_path, "d", status="interrupted", monitor="mcc", metrics={"val/mcc": 0.99})
    assert finding.find(tmp_path, reference).id == expected


def test_best_leaves_out_runs_without_a_number(tmp_path):
    finished(tmp_path, "a", mcc=None)
    finished(tmp_path, "b", mcc=-0.5)
    assert finding.find(tmp_path, "best").id == "b"


def test_best_passes_over_a_damaged_run(tmp_path):
    finished(tmp_path, "a", mcc=0.5)
    damaged = make(tmp_path, "b")
    (damaged.path / "run.json").write_text("{", "utf-8")
    assert finding.find(tmp_path, "best").id == "a"


def test_best_compares_runs_by_one_metric(tmp_path):
    finished(tmp_path, "a", monitor="accuracy", accuracy=0.9, mcc=0.1)
    finished(tmp_path, "b", mcc=0.3, accuracy=0.6)
    assert finding.find(tmp_path, "best").id == "b"


def test_a_run_is_named_by_its_beginning_or_its_folder(tmp_path):
    run = make(tmp_path, "20250101-000000-tiny-aaaa")
    make(tmp_path, "20250102-000000-tiny-bbbb")
    assert finding.find(tmp_path, "20250101").id == run.id
    assert finding.find(tmp_path, run.id).id == run.id
    assert finding.find(tmp_path, str(run.path)).id == run.id


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("2025", "'2025' begins the ids of 2 runs", "the newest of them is 20250102-tiny"),
        ("20250103-tiny", "no run '20250103-tiny'", "did you mean 20250102-tiny?"),
        ("lastest", "no run 'lastest'", "did you mean latest?"),
        ("zzz", "no run 'zzz'", "the newest run is 20250102-tiny"),
        ("best:acuracy", "no metric 'acuracy'", "did you mean best:accuracy?"),
        ("best:zzz", "no metric 'zzz'", "metrics: accuracy, balanced_accuracy"),
        ("best", "no finished run to choose the best from", "mlops train"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_the_nearest(tmp_path, reference, message, hint):
    make(tmp_path, "20250101-tiny", status="running")
    make(tmp_path, "20250102-tiny", status="failed")
    with pytest.raises(NotFoundError, match=message) as caught:
        finding.find(tmp_path, reference)
    assert caught.value.hint.startswith(hint)


def test_without_runs_training_is_proposed(tmp_path):
    with pytest.raises(NotFoundError, match="no runs in") as caught:
        finding.find(tmp_path, "latest")
    assert caught.value.hint == "train a model first: mlops train"


@pytest.mark.parametrize("content", ["[]", "null", '"x"', '{"status": 5}', '{"data": []}'])
def test_a_record_of_another_shape_is_told(tmp_path, content):
    run = make(tmp_path, "a")
    (run.path / "run.json").write_text(content, "utf-8")
    with pytest.raises(DataError, match=r"run\.json of run a is damaged"):
        run.read()
