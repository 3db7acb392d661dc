"""Checks of the classes: too small, too unequal, in one split only."""

from collections.abc import Iterator

from mlops_cli.data.checks import EXAMPLES, Finding, Inspection, Part, listed
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = ("unseen_classes", "missing_classes", "tiny_classes", "imbalance")

_MOST_CLASSES = 1000
_FEW = 50
"""Labels that are numbers, and more than so many, are amounts."""


def find(inspection: Inspection) -> Iterator[Finding]:
    """Counts the classes of every part. A column of numbers to be predicted has none."""
    part = inspection.train
    train = _counts(inspection, part)
    kind = part.relation.kinds.get(part.label or "")
    few = _FEW if kind in ("number", "integer") else max(_FEW, part.rows // 2)
    if not 0 < len(train) <= min(_MOST_CLASSES, few):
        return
    yield from _tiny(inspection, inspection.train, train)
    yield from _imbalance(inspection, train)
    for part in inspection.later:
        if part.label is None:
            continue
        counts = _counts(inspection, part)
        yield from _tiny(inspection, part, counts)
        missing = sorted(set(train) - set(counts))
        if missing:
            yield Finding(
                "missing_classes",
                part,
                f"{counted(len(missing), 'class', 'classes')} of train not in {part.name}: "
                f"{listed(missing)}",
                len(missing),
                len(train),
                f"add rows of it to {part.name}, or split anew: mlops data split",
                part.label,
                [([], label) for label in missing[:EXAMPLES]],
            )
        unseen = sorted(set(counts) - set(train))
        if unseen:
            rows = sum(counts[label] for label in unseen)
            yield Finding(
                "unseen_classes",
                part,
                f"{counted(rows, 'row')} of {part.name} with a label that train does not have: "
                f"{listed(unseen)}",
                rows,
                part.rows,
                "correct the labels, or add rows of the class to train",
                part.label,
                [([], label) for label in unseen[:EXAMPLES]],
            )


def _counts(inspection: Inspection, part: Part) -> dict[str, int]:
    """Rows of each class, the largest first; none where there is no label."""
    if part.label is None:
        return {}
    found = inspection.engine.run(
        f"SELECT label, count(*) AS n FROM {part.keys} WHERE label IS NOT NULL "
        f"GROUP BY label ORDER BY n DESC, label LIMIT {_MOST_CLASSES + 1}"
    )
    return {str(label): int(count) for label, count in found}


def _tiny(inspection: Inspection, part: Part, counts: dict[str, int]) -> Iterator[Finding]:
    least = inspection.settings.class_rows
    tiny = {label: count for label, count in counts.items() if count < least}
    if not tiny:
        return
    named = [f"{label} ({count})" for label, count in tiny.items()]
    yield Finding(
        "tiny_classes",
        part,
        f"{counted(len(tiny), 'class', 'classes')} with fewer than {least} rows in {part.name}: "
        f"{listed(named)}",
        len(tiny),
        len(counts),
        "add rows, merge classes, or lower validation.class_rows",
        part.label,
        [([], name) for name in named[:EXAMPLES]],
    )


def _imbalance(inspection: Inspection, counts: dict[str, int]) -> Iterator[Finding]:
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    ratio = counts[largest] / counts[smallest]
    if ratio < inspection.settings.class_ratio:
        return
    yield Finding(
        "imbalance",
        inspection.train,
        f"class {largest} has {ratio:.1f} times the rows of class {smallest}: "
        f"{counts[largest]:,} and {counts[smallest]:,}",
        counts[smallest],
        sum(counts.values()),
        "weigh the classes: trainer.class_weights=balanced; and look at mcc or f1_macro",
        inspection.train.label,
        [([], f"{label} ({count})") for label, count in list(counts.items())[-EXAMPLES:]],
    )
