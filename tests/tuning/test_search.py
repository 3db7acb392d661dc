"""Going on with a study whose trials are all there: what it says and writes."""

import dataclasses

from mlops_cli import config
from mlops_cli.config.sweeps import Span
from mlops_cli.reporting import SilentReporter
from mlops_cli.tuning import Prepared, search, study
from mlops_cli.tuning.plan import Plan

PLAN = Plan(
    "s", ("epochs=1",), (Span("lr", 1e-5, 1e-1, log=True),), ("mcc",), ("maximize",), "random",
    "none", 4, 0, ".", validate=True,
)  # fmt: skip


class Heard(SilentReporter):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def searched(project, score):
    """One more trial with this score, and the study gone on with; what it warned of."""
    with study.opened(project.path, PLAN) as opened:
        trials = len(opened.trials()) + 1
        opened.finish(opened.ask(f"run-{trials}"), [score])
    loaded = config.load(PLAN.fixed, root=project.path)
    loaded = dataclasses.replace(loaded, tune=dataclasses.replace(loaded.tune, trials=trials))
    heard = Heard()
    search.run(Prepared(PLAN, loaded, None), project.path, heard)
    return heard.warnings


def test_the_experiment_follows_the_best_until_somebody_edits_it(project):
    file = project / "configs/experiment/s.yaml"
    assert searched(project, 0.5) == []
    assert "run run-1: mcc 0.5\n" in file.read_text("utf-8")
    assert searched(project, 0.7) == []
    assert "run run-2: mcc 0.7\n" in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8") + "seed: 3\n", "utf-8")
    (told,) = searched(project, 0.9)
    assert told == "configs/experiment/s.yaml is there and stays as it is: --force replaces it"
    assert file.read_text("utf-8").endswith("seed: 3\n")


def test_other_settings_than_it_began_with_are_told(project):
    assert searched(project, 0.5) == []
    project({"configs/config.yaml": "defaults: [base, _self_]\nlr: 0.5\nbatch_size: 8\n"})
    (told,) = searched(project, 0.6)
    assert told == (
        "study s goes on with other settings or data than it began with: batch_size=8; "
        "its runs compare no longer"
    ), "what is searched is nobody's setting"
