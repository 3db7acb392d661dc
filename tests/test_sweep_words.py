"""Words with several values: what they mean, and what is wrong with them."""

import time

import pytest

from mlops_cli import tuning
from mlops_cli.config import grids
from mlops_cli.config.sweeps import Choices, Span
from mlops_cli.errors import ConfigError
from mlops_cli.reporting import SilentReporter


def points(root, *words):
    return [" ".join(point) for point in grids.grid(words, root).points]


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("lr=1e-5,3e-5", ["1e-05", "3e-05"]),
        ("seed=range(3)", ["0", "1", "2"]),
        ("seed=range(5,1,-2)", ["5", "3"]),
        ("lr=range(0.1,0.4,0.1)", ["0.1", "0.2", "0.3"]),
        ("model=choice(tiny,bert)", ["tiny", "bert"]),
        ("model=glob(bert*,exclude=*cased)", ["bert", "bert-multilingual"]),
        ("seed=sort(3,1,2)", ["1", "2", "3"]),
        ("seed=1,1,2", ["1", "2"]),
        ("trainer.patience=null,2", ["null", "2"]),
        ("trainer.group_by_length=true,false", ["true", "false"]),
    ],
)
def test_a_sweep_means_what_hydra_means_by_it(project, word, values):
    key = word.partition("=")[0]
    assert points(project.path, word) == [f"{key}={value}" for value in values]


def test_a_grid_is_every_combination_and_the_last_word_changes_fastest(project):
    found = points(project.path, "lr=1e-3,1e-4", "epochs=2", "seed=range(2)")
    assert found == [
        "lr=0.001 seed=0", "lr=0.001 seed=1", "lr=0.0001 seed=0", "lr=0.0001 seed=1",
    ]  # fmt: skip


def test_a_shuffled_sweep_has_the_same_order_each_time(project):
    first = points(project.path, "seed=shuffle(range(9))")
    assert first == points(project.path, "seed=shuffle(range(9))")
    assert first != sorted(first) == [f"seed={n}" for n in range(9)]


def test_text_with_spaces_is_one_value(project):
    found = points(project.path, "data=file", "data.text=a", "data.path='a b.csv',c.csv")
    assert found == ["data.path='a b.csv'", "data.path=c.csv"]


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["lr=1e-3,abc"], "lr must be a number, not 'abc'", "lr: Peak learning rate"),
        (["lrr=1,2"], "there is no key 'lrr'", "did you mean lr="),
        (["model=tiny,brt"], "model has no choice 'brt'", "did you mean model=bert?"),
        (["model=glob(zz*)"], "no choice of model fits", "choices: bert"),
        (
            ["model.hidden_size=32,34", "seed=0,1"],
            "model.hidden_size=34 seed=0: model.hidden_size must be a multiple",
            "did you mean",
        ),
        (["model.layers=1,2", "model=tiny,bert"], "model.layers is not a key of model=bert", ""),
        (["lr=interval(1e-5,1e-3)"], "has no end of values", "mlops tune 'lr=interval"),
        (["seed=range(0)"], "has no values", "sweeps:"),
        (["seed=range(1,9,0)"], "the step is 0", ""),
        (["seed=range(1000000)"], "more than 10,000 values", "larger step"),
        (["seed=range(500)", "epochs=range(1,100)"], "the grid has 49,500 points", "mlops tune"),
        (["lr=1e-3"], "there is nothing to sweep", "a single run needs no -m"),
        (["lr=abc"], "lr must be a number", ""),
        (["seed=1,2", "seed=3,4"], "seed is swept twice", "keep one"),
        (["lr=interval(1)"], "can't read 'lr=interval(1)'", "interval(1e-5,1e-3)"),
    ],
    ids=" ".join,
)
def test_a_wrong_grid_is_told_before_anything_runs(project, mlops, words, error, hint):
    told = mlops("train", "-m", *words, json=True)
    assert told.exit_code == 3
    assert error in told.stderr
    assert hint in told.stderr
    assert not (project / "runs").exists()
    assert not (project / "sweeps").exists()


def test_hundreds_of_points_are_checked_in_a_moment(project):
    began = time.process_time()
    assert len(points(project.path, "lr=1e-3,1e-4", "seed=range(200)", "epochs=1,2")) == 800
    assert time.process_time() - began < 5


def axes(root, *words, **listed):
    return grids.space(words, listed, root).axes


def test_bounds_decades_apart_are_searched_on_a_logarithmic_scale_unless_tagged(project):
    (wide,) = axes(project.path, "lr=interval(1e-5,1e-3)")
    (narrow,) = axes(project.path, "lr=interval(1e-4,5e-4)")
    (linear,) = axes(project.path, "lr=tag(linear,interval(1e-5,1e-3))")
    (tagged,) = axes(project.path, "lr=tag(log,interval(1e-4,5e-4))")
    assert (wide.log, wide.log_guessed) == (True, True)
    assert (narrow.log, linear.log) == (False, False)
    assert (tagged.log, tagged.log_guessed) == (True, False)


def test_a_key_of_whole_numbers_is_searched_in_whole_numbers(project):
    assert axes(project.path, "batch_size=interval(8,64)") == (
        Span("batch_size", 8, 64, step=1, whole=True),
    )
    assert axes(project.path, "model.layers=range(1,5)") == (
        Span("model.layers", 1, 4, step=1, whole=True),
    )


def test_a_file_describes_the_space_and_words_go_over_it(project):
    listed = {"lr": "interval(1e-4, 3e-4)", "model": {"layers": [1, 2]}, "seed": "range(2)"}
    found = axes(project.path, "seed=3", "lr=1e-3,1e-4", **listed)
    assert found == (Choices("model.layers", ("1", "2")), Choices("lr", ("0.001", "0.0001")))


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["lr=interval(1e-3,1e-5)"], "lower bound must be less", "interval(1e-05,0.001)"),
        (["lr=interval(1e-3,1e-3)"], "lower bound must be less", "lr=0.001"),
        (["lr=interval(0,1)"], "lr must be greater than 0", ""),
        (["lr=tag(log,interval(0,1))"], "a logarithmic scale begins above 0", ""),
        (["lr=tag(lg,interval(0,1))"], "there is no tag 'lg'", "did you mean log?"),
        (["batch_size=interval(8.5,64)"], "batch_size takes whole numbers", "interval(9,64)"),
        (["epochs=2"], "the search space is empty", "lr='interval(1e-5,1e-3)'"),
        (["model=choice(tiny,nope)"], "model has no choice 'nope'", "choices of model: bert, "),
        (["model=choice(tiny)"], "the search space is constant", "mlops train model=tiny"),
        (["model.layers=range(1,3)", "model=tiny,bert"], "not a key of model=bert", ""),
        (["lr=1,2", "tune.objectives=[mccc]"], "there is no metric 'mccc'", "did you mean mcc?"),
        (
            ["lr=1,2", "tune.objectives=[mae]"],
            "there is no metric 'mae' of task=text_classification",
            "metrics: accuracy, balanced_accuracy, precision_macro, recall_macro, f1_macro, "
            "precision_weighted, recall_weighted, f1_weighted, mcc, auroc, log_loss, "
            "calibration_error, seconds",
        ),
        (["lr=1,2", "tune.objectives=[mcc,mcc]"], "names mcc twice", ""),
        (["lr=1,2", "tune.objectives=[mcc]", "tune.directions=[up]"], "'up' is no direction", ""),
        (["lr=interval(1,2)", "tune.sampler=grid"], "no end of them", "another sampler"),
        (["model=tiny,bert", "tune.sampler=cmaes"], "searches numbers", "tune.sampler=tpe"),
        (
            ["lr=1,2", "tune.objectives=[mcc,seconds]", "tune.pruner=median"],
            "judges by one objective",
            "tune.pruner=none",
        ),
        (["lr=1,2", "tune.study=a/b"], "can't be the name of a study", ""),
        (["lr=1,2", "tune.sampler=tpee"], "tune.sampler must be one of", "did you mean"),
    ],
    ids=" ".join,
)
def test_a_wrong_search_is_told_before_anything_runs(project, mlops, words, error, hint):
    told = mlops("tune", *words, json=True)
    assert told.exit_code == 3
    assert error in told.stderr
    assert hint in told.stderr
    assert not (project / "studies").exists()


def prepared(root, *words):
    return tuning.prepare(words, root, SilentReporter(), tuning.Limits()).plan


def test_a_metric_of_a_task_that_is_searched_or_ones_own_can_be_an_objective(project):
    project({"mine/task.py": "", "configs/task/mine.yaml": "name: mine.task\n"})
    words = ("data=file", "data.path=a.csv")
    several = prepared(
        project.path, "task=text_classification,text_regression", "tune.objectives=[mae,seconds]"
    )
    assert several.objectives == ("mae", "seconds")
    own = ("task=mine", *words, "lr=1,2", "tune.objectives=[profit]")
    settled = prepared(project.path, *own, "tune.directions=[maximize]")
    assert (settled.objectives, settled.directions) == (("profit",), ("maximize",))
    assert "trainer.monitor=profit" not in settled.fixed
    with pytest.raises(ConfigError) as caught:
        prepared(project.path, *own)
    assert caught.value.hint.endswith("; one of your own needs tune.directions")
