"""Acceptable and unacceptable English sentences in minimal pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.grammar.phenomena import PHENOMENA
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "English sentences"
ACCEPTABLE, UNACCEPTABLE = "acceptable", "unacceptable"


@dataclass(frozen=True)
class Sentence:
    """One labelled sentence, and what of English it is about (a key of `PHENOMENA`)."""

    text: str
    label: str
    phenomenon: str


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test sentences with their labels."""
    train, validation, test = (_examples(part) for part in generate(config))
    return train, validation, test


def generate(config: QuickstartDataConfig) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
    """Training, validation and test sentences, each acceptable one followed by its twin.

    No sentence occurs twice, and twins are always in the same split.

    Raises:
        ConfigError: The fractions leave nothing to train on.
    """
    train, validation, test = sizes(config)
    twins = _twins(Dice(config.seed))
    return _take(twins, train), _take(twins, validation), _take(twins, test)


def _take(twins: Iterator[list[Sentence]], size: int) -> list[Sentence]:
    """The next `size` sentences; where that is odd, the last one has no twin."""
    rows: list[Sentence] = []
    while len(rows) < size:
        rows += next(twins)
    return rows[:size]


def _twins(dice: Dice) -> Iterator[list[Sentence]]:
    """An acceptable sentence and its twin again and again, all phenomena in turn, none twice."""
    seen: set[str] = set()
    while True:
        for name in dice.shuffled(list(PHENOMENA)):
            pair = PHENOMENA[name](dice)
            while not seen.isdisjoint(pair):
                pair = PHENOMENA[name](dice)
            seen.update(pair)
            labelled = zip(pair, (ACCEPTABLE, UNACCEPTABLE), strict=True)
            yield [Sentence(text, label, name) for text, label in labelled]


def _examples(rows: list[Sentence]) -> Examples:
    return Examples({"text": [row.text for row in rows]}, [row.label for row in rows])
