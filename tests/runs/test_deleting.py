"""`mlops runs delete`: what goes, what stays, and what a kill leaves."""

import shutil

import pytest

from mlops_cli.errors import MlopsError, NotFoundError, UsageError
from mlops_cli.reporting import SilentReporter
from mlops_cli.runs import deleting
from mlops_cli.runs.index import Index


@pytest.fixture
def four(recorded):
    return [
        recorded("20260101-000001-tiny-aaaa", mcc=0.2),
        recorded("20260101-000002-tiny-bbbb", mcc=0.6),
        recorded("20260101-000003-tiny-cccc", mcc=0.4),
        recorded("20260101-000004-tiny-dddd", mcc=None, status="failed"),
    ]


def delete(project, *references, **options):
    plan = deleting.plan(project.path, references, **options)
    return deleting.carry_out(project.path, plan, SilentReporter())


def left(project):
    return sorted(run[-4:] for run in Index(project.path).facts())


def test_a_plan_touches_nothing_and_tells_the_size(project, four):
    plan = deleting.plan(project.path, ["20260101-000001"])
    assert [(one.run, one.status) for one in plan.removals] == [(four[0].id, "finished")]
    assert plan.megabytes == pytest.approx(1.0, abs=0.05)
    assert not plan.done
    assert left(project) == ["aaaa", "bbbb", "cccc", "dddd"]


def test_named_runs_go_and_nothing_is_left_of_them(project, four):
    done = delete(project, four[0].id, "latest")
    assert done.done
    assert left(project) == ["bbbb", "cccc"]
    assert not (project / "runs" / ".trash").exists()


@pytest.mark.parametrize(
    ("options", "stay"),
    [
        ({"where": "val/mcc < 0.5"}, ["bbbb", "dddd"]),
        ({"where": "status=failed"}, ["aaaa", "bbbb", "cccc"]),
        ({"where": "status=finished", "keep_best": 1}, ["bbbb", "dddd"]),
        ({"keep_best": 2}, ["bbbb", "cccc"]),
        ({"keep_best": 1, "by": "val/loss"}, ["bbbb"]),
        ({"keep_best": 9}, ["aaaa", "bbbb", "cccc"]),
    ],
)
def test_conditions_and_the_best(project, four, options, stay):
    delete(project, **options)
    assert left(project) == stay


def test_only_the_checkpoints_may_go(project, four):
    done = delete(project, four[0].id, checkpoints_only=True)
    assert done.megabytes == 1
    assert not four[0].checkpoints.exists()
    assert four[0].config_path.exists()
    assert not deleting.plan(project.path, [four[0].id], checkpoints_only=True).removals


def test_a_run_that_is_trained_stays(project, recorded):
    running = recorded("20260101-000001-tiny-aaaa", status="running", environment={"host": "far"})
    with pytest.raises(MlopsError, match="is being trained"):
        delete(project, running.id)
    plan = deleting.plan(project.path, where="model=tiny")
    assert not plan.removals
    assert plan.kept == {running.id: "it is being trained"}


def test_a_killed_run_goes(project, recorded):
    recorded("20260101-000001-tiny-aaaa", status="running", pid=2**22 + 1)
    delete(project, where="status=killed")
    assert left(project) == []


def test_runs_of_the_pipeline_go_by_name_or_when_asked(project, recorded):
    recorded("pipeline-tiny-0123456789ab")
    recorded("20260101-000001-tiny-aaaa")
    plan = deleting.plan(project.path, where="model=tiny")
    assert [one.run[-4:] for one in plan.removals] == ["aaaa"]
    assert "mlops repro" in plan.kept["pipeline-tiny-0123456789ab"]
    assert len(deleting.plan(project.path, where="model=tiny", pipeline=True).removals) == 2
    assert deleting.plan(project.path, ["pipeline"]).removals[0].pipeline


def test_no_link_is_followed(project, recorded, tmp_path):
    run = recorded("20260101-000001-tiny-aaaa")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("text")
    (run.path / "data").symlink_to(outside)
    shutil.move(run.path, tmp_path / "elsewhere")
    run.path.symlink_to(tmp_path / "elsewhere")
    recorded("20260101-000002-tiny-bbbb")
    (project / "runs" / "20260101-000002-tiny-bbbb" / "data").symlink_to(outside)
    delete(project, where="model=tiny")
    assert left(project) == []
    assert (outside / "precious").exists()
    assert (tmp_path / "elsewhere" / "run.json").exists()


def test_a_folder_outside_of_the_project_is_refused(project, recorded, tmp_path):
    run = recorded("20260101-000001-tiny-aaaa")
    shutil.copytree(run.path, tmp_path / "copy")
    with pytest.raises(UsageError, match="no run of this project"):
        delete(project, str(tmp_path / "copy"))
    assert (tmp_path / "copy").exists()


def test_a_kill_in_the_middle_leaves_whole_runs_and_its_rest_goes_next_time(
    project, four, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(path, **_):
        (path / "config.yaml").unlink()
        raise Killed

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(Killed):
        delete(project, four[0].id, four[1].id)
    monkeypatch.undo()
    assert left(project) == ["bbbb", "cccc", "dddd"]
    assert four[1].config_path.exists()
    assert list((project / "runs" / ".trash").iterdir())
    delete(project, four[1].id)
    assert not (project / "runs" / ".trash").exists()


def test_a_damaged_run_and_one_without_a_record_can_be_deleted(project, four):
    (four[0].path / "run.json").write_text("{")
    (four[1].path / "run.json").unlink()
    delete(project, four[0].id, four[1].id)
    assert not four[0].path.exists()
    assert not four[1].path.exists()


def test_something_must_be_named(project, four):
    with pytest.raises(UsageError, match="which runs"):
        deleting.plan(project.path)
    with pytest.raises(NotFoundError):
        deleting.plan(project.path, ["nothing"])
    with pytest.raises(NotFoundError):
        deleting.plan(project.path, [".."])
    with pytest.raises(UsageError, match="--by model"):
        deleting.plan(project.path, keep_best=1, by="model")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "runs"])
def test_what_is_no_name_of_a_run_deletes_nothing(project, four, name):
    with pytest.raises(NotFoundError, match="no run"):
        delete(project, name)
    assert left(project) == ["aaaa", "bbbb", "cccc", "dddd"]
