"""Studies on disk, without training: what is asked, kept and found again."""

import subprocess
import sys
from itertools import count

import pytest

from mlops_cli.config.sweeps import Choices, Span
from mlops_cli.errors import ConfigError, DataError, MlopsError, NotFoundError
from mlops_cli.tuning import records, study
from mlops_cli.tuning.plan import Plan

LR = Span("lr", 1e-5, 1e-1, log=True)
LAYERS = Span("model.layers", 1, 3, step=1, whole=True)
MODEL = Choices("model", ("tiny", "bert"))


def plan(*axes, sampler="tpe", objectives=("mcc",), **changed):
    given = {
        "name": "s", "fixed": ("epochs=1",), "axes": axes, "objectives": objectives,
        "directions": tuple("maximize" if name == "mcc" else "minimize" for name in objectives),
        "sampler": sampler, "pruner": "none", "startup": 4, "seed": 0, "folder": ".",
        "validate": True,
    }  # fmt: skip
    return Plan(**{**given, **changed})


def values(params, objectives=1):
    """A landscape with its top at lr=1e-3."""
    import math

    near = -abs(math.log10(params.get("lr", 1e-3)) + 3) + params.get("model.layers", 0) / 10
    return [near, params.get("model.layers", 1.0) * 1.0][:objectives]


def search(root, settled, trials, *, told=True):
    """Asks and tells so many trials in one sitting."""
    tried = []
    with study.opened(root, settled) as opened:
        numbers = count(len(opened.trials()))
        for _ in range(trials):
            trial = opened.ask(f"run-{next(numbers)}")
            if trial is None:
                break
            tried.append(dict(trial.params))
            if told:
                opened.finish(trial, values(trial.params, len(settled.objectives)))
    return tried


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "nsga2"])
def test_a_study_that_was_left_goes_on_with_the_points_it_would_have_tried(project, sampler):
    settled = plan(LR, LAYERS, sampler=sampler)
    at_once = search(project.path / "a", settled, 10)
    in_parts = [search(project.path / "b", settled, part) for part in (3, 1, 6)]
    assert [point for part in in_parts for point in part] == at_once
    assert len({point["lr"] for point in at_once}) == 10


def test_tpe_comes_nearer_than_random(project):
    best = {
        sampler: max(
            values(point)[0]
            for seed in range(3)
            for point in search(
                project.path / f"{sampler}{seed}", plan(LR, sampler=sampler, seed=seed), 20
            )
        )
        for sampler in ("tpe", "random")
    }
    assert best["tpe"] > best["random"]


@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_a_trial_that_falls_behind_should_end_and_one_that_leads_should_not(project, pruner):
    with study.opened(project.path, plan(LR, pruner=pruner, startup=2)) as opened:
        ended = []
        for number, level in enumerate((0.5, 0.6, 0.55, 0.1, 0.9)):
            trial = opened.ask(f"run-{number}")
            for step in range(1, 10):
                trial.report(level + step / 100, step)
                if trial.should_prune():
                    ended.append((level, step))
                    opened.prune(trial)
                    break
            else:
                opened.finish(trial, [level])
        assert 0.1 in [level for level, _ in ended]
        assert not {0.5, 0.6, 0.9} & {level for level, _ in ended}
        if pruner == "asha":
            # Of three or more, the best third goes on at each rung.
            assert all(step in (1, 3, 9) for _, step in ended)
            assert 0.55 in [level for level, _ in ended]


def test_a_grid_tries_every_point_once_also_over_several_sittings(project):
    settled = plan(LAYERS, MODEL, sampler="grid")
    tried = [search(project.path, settled, part) for part in (2, 10)]
    points = [tuple(sorted(point.items())) for part in tried for point in part]
    assert len(points) == len(set(points)) == 6


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_no_point_of_a_small_space_is_tried_twice(project, sampler):
    tried = search(project.path, plan(LAYERS, MODEL, sampler=sampler), 20)
    points = [tuple(sorted(point.items())) for point in tried]
    assert len(points) == len(set(points)) <= 6
    assert len(points) >= 5


def test_the_front_of_two_objectives(project):
    settled = plan(LAYERS, sampler="grid", objectives=("mcc", "seconds"))
    search(project.path, settled, 3)
    with study.opened(project.path, settled) as opened:
        assert opened.best() == [0, 1, 2], "each layer is better and slower"


def test_importance_names_what_matters(project):
    settled = plan(LR, Span("trainer.warmup", 0.0, 0.5), sampler="random")
    search(project.path, settled, 30)
    with study.opened(project.path, settled) as opened:
        shares = opened.importance()["mcc"]
    assert next(iter(shares)) == "lr"
    assert sum(shares.values()) == pytest.approx(1)


def test_trials_that_ran_are_taken_up_and_those_that_never_began_are_dropped(project):
    settled = plan(LR)
    with study.opened(project.path, settled) as opened:
        kept = opened.ask("run-0")
        opened._study.ask()  # killed before it was given a run
    with study.opened(project.path, settled) as opened:
        again = opened.taken_up()
        assert [(trial.number, trial.params) for trial in again] == [(kept.number, kept.params)]
        opened.finish(again[0], [0.5])
        assert [trial.values for trial in opened.trials()] == [[0.5]]


def test_a_line_that_a_kill_cut_off_is_dropped(project):
    settled = plan(LR)
    search(project.path, settled, 2)
    journal = project / "studies/s/journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":6,"work')
    with study.opened(project.path, settled) as opened:
        assert len(opened.trials()) == 2
    search(project.path, settled, 1)
    with study.opened(project.path, settled) as opened:
        assert len(opened.trials()) == 3


@pytest.mark.parametrize("damage", [b"nonsense\n", b'{"op_code": 99}\n', b"[]\n", b'"x"\n'])
def test_a_damaged_journal_is_one_line(project, damage):
    settled = plan(LR)
    search(project.path, settled, 2)
    journal = project / "studies/s/journal.log"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], damage, *lines[3:]]))
    with (
        pytest.raises(DataError, match=r"studies/s/journal.log can't be read"),
        study.opened(project.path, settled),
    ):
        pass


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"name": "s"}', "null"])
def test_a_damaged_plan_is_one_line(project, damage):
    search(project.path, plan(LR), 1)
    (project / "studies/s/study.json").write_text(damage, "utf-8")
    with pytest.raises(DataError, match=r"studies/s/study.json can't be read"):
        records.find(project.path, "s")


def test_a_plan_is_read_back_as_it_was(project):
    settled = plan(LR, LAYERS, MODEL)
    search(project.path, settled, 1)
    assert records.find(project.path, "latest") == settled
    with pytest.raises(NotFoundError, match="no study 'ss'"):
        records.find(project.path, "ss")


def test_another_search_under_the_same_name_is_refused(project):
    search(project.path, plan(LR), 1)
    with (
        pytest.raises(ConfigError, match="study s is there already, with another search space"),
        study.opened(project.path, plan(MODEL)),
    ):
        pass


def test_a_lock_of_optuna_that_a_kill_left_is_no_obstacle(project):
    search(project.path, plan(LR), 1)
    (project / "studies/s/journal.log.lock").symlink_to(project / "studies/s/journal.log")
    assert len(search(project.path, plan(LR), 1)) == 1


HOLD = """
import sys, time
from pathlib import Path
from mlops_cli.lock import alone
with alone(Path(sys.argv[1]), "study s"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_processes_do_not_work_on_one_study(project):
    search(project.path, plan(LR), 1)
    folder = str(project / "studies/s")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with (
        pytest.raises(MlopsError, match=f"study s is being worked on by process {holder.pid}"),
        study.opened(project.path, plan(LR)),
    ):
        pass
    holder.kill()
    holder.communicate()
    assert len(search(project.path, plan(LR), 1)) == 1, "a lock ends with its process"
