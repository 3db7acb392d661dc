"""A data source of your own, named by configs/data/custom.yaml."""

import random

from mlops_cli.data.examples import Examples, Splits

_WHAT = ("the boiler", "our lift", "the front door", "the roof", "my heating", "the hall light")
_URGENT = ("is on fire", "leaks into the flat", "fell down", "sparks", "trapped a neighbour")
_CAN_WAIT = ("looks old", "is a little loud", "could be cleaned", "needs some paint", "squeaks")


def load(config, reporter):
    """Messages to a caretaker. What a source leaves out, here validation and test, is split off.

    Args:
        config: The settings of `data`; `config.params` holds those of your own.
        reporter: Told of what a person should hear: reporter.warn("…").
    """
    draw = random.Random(config.params["seed"])
    texts, labels = [], []
    for number in range(config.params["rows"]):
        label, ends = draw.choice([("urgent", _URGENT), ("can wait", _CAN_WAIT)])
        link = f" see https://photos.example/{draw.randrange(10**6)}" if number % 3 == 0 else ""
        texts.append(f"{draw.choice(_WHAT)} {draw.choice(ends)} in house {number}{link}")
        labels.append(label)
    return Splits(train=Examples({"text": texts}, labels))
