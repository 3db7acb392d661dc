"""Which task some rows of texts are likely for, by what their targets look like."""

from collections.abc import Sequence

from mlops_cli.tasks import cells

_MOST_RATINGS = 20
"""Whole numbers of no more kinds than these are taken for classes, as of one to five stars."""
_SHARE_OF_SEVERAL = 0.1
"""From this share of cells with several labels on, the separator is taken for one."""
_SEPARATOR = "|"


def likely_task(targets: Sequence[str], *, pairs: bool) -> str:
    """A choice of the config group `task`.

    Args:
        targets: Some of the rows' targets; missing ones are left out.
        pairs: Whether a row has two texts.
    """
    numbers = [cells.number(target) for target in targets]
    if targets and None not in numbers:
        found = {value for value in numbers if value is not None}
        if len(found) > _MOST_RATINGS or any(value % 1 for value in found):
            return "text_similarity" if pairs else "text_regression"
    if pairs:
        return "text_pair_classification"
    return "multi_label_classification" if have_several(targets) else "text_classification"


def have_several(targets: Sequence[str]) -> bool:
    """Whether cells hold several labels, and not only one now and then by its spelling."""
    several = sum(len(cells.names(target, _SEPARATOR)) > 1 for target in targets)
    return several > _SHARE_OF_SEVERAL * len(targets)
