"""Rows of invented tables, dealt out to the splits."""

from collections.abc import Iterator

from mlops_cli.data.examples import Examples
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig


def dealt(
    rows: Iterator[tuple[dict[str, str], str]], config: QuickstartDataConfig
) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test rows of the sizes that the settings ask for.

    Args:
        rows: Columns and target of each row, without end.
        config: The settings.
    """
    train, validation, test = (_examples(rows, size) for size in sizes(config))
    return train, validation, test


def _examples(rows: Iterator[tuple[dict[str, str], str]], size: int) -> Examples:
    drawn = [next(rows) for _ in range(size)]
    names = list(drawn[0][0]) if drawn else []
    columns = {name: [row[name] for row, _ in drawn] for name in names}
    return Examples(columns, [target for _, target in drawn])
