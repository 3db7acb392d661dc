"""`data=quickstart`: rows for each kind of task, generated offline from a seed.

For text classification they are acceptable and unacceptable English sentences. What other kinds
of inputs and targets get is named in `_GENERATORS`.
"""

from importlib import import_module

from mlops_cli.data.examples import Splits
from mlops_cli.errors import ConfigError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import QuickstartDataConfig


def load(config: QuickstartDataConfig, reporter: Reporter) -> Splits:
    """Generates the three splits; the same config gives the same rows everywhere.

    Raises:
        ConfigError: The fractions leave nothing to train on, or there are no such rows.
    """
    kind = config.inputs, config.targets
    if kind not in _GENERATORS:
        raise ConfigError(
            f"data=quickstart has no {config.inputs} with {config.targets}",
            hint="data=file data.path=FILE.csv",
        )
    room = import_module(_GENERATORS[kind])
    train, validation, test = room.splits(config)
    reporter.info(f"generated {config.size} {room.CALLED} from seed {config.seed}")
    return Splits(train, validation, test if len(test) else None)


_GENERATORS = {
    ("text", "classes"): "mlops_cli.data.grammar.sentences",
    ("words", "tags"): "mlops_cli.data.grammar.entities",
    ("table", "classes"): "mlops_cli.data.grammar.loans",
    ("image", "classes"): "mlops_cli.data.shapes",
    ("table", "numbers"): "mlops_cli.data.grammar.rents",
    ("text", "labels"): "mlops_cli.data.grammar.complaints",
    ("text", "numbers"): "mlops_cli.data.grammar.orders",
    ("text_pair", "classes"): "mlops_cli.data.grammar.accounts",
    ("text_pair", "numbers"): "mlops_cli.data.grammar.accounts",
}
"""Of each kind of inputs and targets, the module that generates them.

It offers `CALLED`, what the rows are called, and `splits(config) -> (train, validation, test)`.
"""


def sizes(config: QuickstartDataConfig) -> tuple[int, int, int]:
    """Rows of training, validation and test.

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
    return train, validation, test
