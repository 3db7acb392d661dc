"""What a sample of rows keeps the shares of, whatever their targets are."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from mlops_cli.data.collecting import known_names, labels_of, names_in
from mlops_cli.data.examples import Examples
from mlops_cli.data.split_rules import Parts
from mlops_cli.schemas.data import DataConfig


def strata(examples: Examples, config: DataConfig) -> Sequence[str]:
    """What the rows of a sample keep the shares of.

    That is the class, and of several labels the rarest; other targets all count as one.
    """
    if config.targets == "classes":
        return examples.targets
    if config.targets != "labels":
        return [""] * len(examples)
    labels = [labels_of(target, config) for target in examples.targets]
    counts = Counter(chain.from_iterable(labels))
    return [min(names, key=lambda name: (counts[name], name), default="") for names in labels]


def bring_back(examples: Examples, parts: Parts, config: DataConfig) -> None:
    """Moves rows to train whose labels or tags would occur in a later split only."""
    known = known_names(examples.take(parts["train"]), config)
    for name in [part for part in parts if part != "train"]:
        for row in list(parts[name]):
            names = names_in(examples.targets[row], config)
            if not known.issuperset(names):
                parts[name].remove(row)
                parts["train"].append(row)
                known.update(names)
