"""Raw rows by column, and which of them have what a model needs."""

from collections.abc import Mapping, Sequence

from mlops_cli.tasks import Columns, Encoder


def present(
    encoder: Encoder, values: Mapping[str, Sequence[str | None]]
) -> tuple[list[int], Columns]:
    """The positions of the rows that can be answered, and these rows.

    White space alone is nothing. Where the encoder can do without some of its columns, a row
    needs one of them, else all.

    Args:
        encoder: Reads the columns.
        values: Raw cells by column; all columns are of one length.
    """
    rows = [
        [value if value is not None and value.strip() else "" for value in row]
        for row in zip(*values.values(), strict=True)
    ]
    enough = any if encoder.optional else all
    there = [place for place, row in enumerate(rows) if enough(row)]
    inputs = {name: [rows[place][column] for place in there] for column, name in enumerate(values)}
    return there, inputs
