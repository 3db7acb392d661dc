"""Stage `runs compare`: several runs side by side."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_cli.errors import UsageError
from mlops_cli.runs import details
from mlops_cli.schemas.runs import Difference, RunComparison, RunDetails
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tracking import finding

_FACTS = ("git", "data", "checkpoint", "environment", "precision")
_NEWS_TO_NOBODY = ("environment.executable", "git.branch")


def run(root: Path, references: Sequence[str]) -> RunComparison:
    """Compares runs.

    Args:
        root: The project.
        references: What `finding.find` takes, at least two.

    Raises:
        UsageError: There are not two different runs.
        NotFoundError: There is no such run.
        DataError: A record can't be read.
    """
    found = [finding.find(root, reference) for reference in references]
    different = list({run.path.resolve(): run for run in found}.values())
    if len(different) < 2:
        both = f"all of them are {found[0].id}" if len(found) > 1 else "there is one"
        raise UsageError(
            f"comparing takes two runs, and {both}", hint="mlops runs list shows what there is"
        )
    return compared([details.read(one) for one in different])


def compared(runs: Sequence[RunDetails]) -> RunComparison:
    """The runs side by side."""
    figures = differences([_metrics(one) for one in runs])
    names = [name for name in runs[0].curves if all(name in one.curves for one in runs[1:])]
    return RunComparison(
        runs=[one.run for one in runs],
        statuses=[one.status for one in runs],
        facts=[d for d in differences([_facts(one) for one in runs]) if _tells(d)],
        settings=differences([flat(details.completed(one.config)) for one in runs]),
        metrics=figures,
        best={f.name: place for f in figures if (place := _best(f)) is not None},
        curves={name: [one.curves[name] for one in runs] for name in names},
        monitor=str(runs[0].facts.get("monitor", "")),
    )


def differences(contents: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Every name of several mappings with its values, in the order in which they come up."""
    names = dict.fromkeys(name for content in contents for name in content)
    return [Difference(name, [content.get(name) for content in contents]) for name in names]


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _facts(one: RunDetails) -> dict[str, Any]:
    return flat({name: one.facts[name] for name in _FACTS if name in one.facts})


def _tells(difference: Difference) -> bool:
    return difference.name not in _NEWS_TO_NOBODY


def _metrics(one: RunDetails) -> dict[str, Any]:
    """Figures of the best checkpoint, of every evaluation, and what the training took."""
    found: dict[str, Any] = dict(one.facts.get("metrics", {}))
    for split, metrics in one.evaluation.items():
        # Validation is what training recorded, unless it was done again with other data.
        found |= {f"{split}/{name}": value for name, value in metrics.items()}
    for name in ("epochs", "seconds"):
        if name in one.facts:
            found[f"trained {name}" if name == "epochs" else name] = one.facts[name]
    return found


def _best(figures: Difference) -> int | None:
    """Place of the run with the best value; None where nobody can tell, or all are as good."""
    metric = figures.name.rpartition("/")[2]
    higher = False if metric.endswith("loss") else HIGHER_IS_BETTER.get(metric)
    values = [
        (value if higher else -value, -place)
        for place, value in enumerate(figures.values)
        if isinstance(value, int | float) and not math.isnan(value)
    ]
    if higher is None or "/" not in figures.name or len({value for value, _ in values}) < 2:
        return None
    return -max(values)[1]
