"""`data=quickstart`: acceptable and unacceptable sentences, generated offline from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.grammar.phenomena import PHENOMENA
from mlops_cli.errors import ConfigError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import QuickstartDataConfig

ACCEPTABLE, UNACCEPTABLE = "acceptable", "unacceptable"


@dataclass(frozen=True)
class Sentence:
    """One labelled sentence, and what of English it is about (a key of `PHENOMENA`)."""

    text: str
    label: str
    phenomenon: str


def load(config: QuickstartDataConfig, reporter: Reporter) -> Splits:
    """Generates the three splits; the same config gives the same sentences everywhere.

    Raises:
        ConfigError: The fractions leave nothing to train on.
    """
    train, validation, test = (_examples(split) for split in generate(config))
    reporter.info(f"generated {config.size} English sentences from seed {config.seed}")
    return Splits(train, validation, test if len(test) else None)


def generate(config: QuickstartDataConfig) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
    """Training, validation and test sentences, each acceptable one followed by its twin.

    No sentence occurs twice, and twins are always in the same split.

    Raises:
        ConfigError: The fractions leave nothing to train on.
    """
    validation = max(2, round(config.size * config.validation_fraction))
    test = round(config.size * config.test_fraction)
    train = config.size - validation - test
    if train < 2:
        raise ConfigError(
            "data.validation_fraction and data.test_fraction leave nothing to train on",
            hint="make them smaller: data.validation_fraction=0.1 data.test_fraction=0.1",
        )
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
