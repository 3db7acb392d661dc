"""Labels given the rest: is what is learnt from the reference still right in the current table?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact
from threadpoolctl import threadpool_limits

from mlops_cli.data.drift.classifier import Domains
from mlops_cli.data.drift.features import Learner
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftCheck

MOST_LABELS = 10
"""Of more labels a model takes too long to learn."""


def check(
    column: str,
    learner: Learner,
    labels: NDArray[Any],
    split: Domains,
    *,
    floor: float,
    reporter: Reporter,
) -> DriftCheck:
    """Compares how often models of the reference are right, there and in the current table.

    Each fold's model, which has seen the rest of the reference, answers the fold's rows of both
    tables. So all answers come from the same models, none of which has seen the row. Rows of a
    group are evidence for one.

    Args:
        column: The label column.
        learner: The rows, and the model that is to tell their labels.
        labels: The label of each row.
        split: Where the rows come from, and their folds.
        floor: The smallest loss of right answers that matters.
        reporter: Shown a bar.
    """
    right = np.zeros(len(labels), dtype=bool)
    folds = int(split.folds.max()) + 1
    with (
        threadpool_limits(1),
        reporter.task(f"learning {column} from the reference", folds) as progress,
    ):
        for fold in range(folds):
            train = np.flatnonzero((split.folds != fold) & (split.labels == 0))
            test = np.flatnonzero(split.folds == fold)
            if len(set(labels[train].tolist())) > 1 and len(test):
                right[test] = learner.fit(train, labels[train]).answer(test) == labels[test]
            progress.advance()
    counts = [np.bincount(right[split.labels == side], minlength=2) for side in (0, 1)]
    before, now = (count[1] / count.sum() for count in counts)
    groups = [len(np.unique(split.groups[split.labels == side])) for side in (0, 1)]
    told = [count * (group / count.sum()) for count, group in zip(counts, groups, strict=True)]
    # One-sided: that a model is right more often is nothing to be warned of.
    table = np.rint(told).astype(int)[:, ::-1]
    p = fisher_exact(table, alternative="greater").pvalue
    return DriftCheck(
        column=column,
        aspect="learnt labels",
        test="Fisher's exact",
        measure="change of share",
        effect=max(0.0, float(before - now)),
        floor=floor,
        p=float(p),
        detail=f"right {before:.1%} → {now:.1%}",
    )
