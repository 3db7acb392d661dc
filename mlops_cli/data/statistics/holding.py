"""One pass over a large table that keeps what the others need, so that they don't read texts again.

Decoding and cutting up texts is most of the work. Of a text only its measures are kept, and the
text itself where its row was drawn or where it may be the longest.
"""

from dataclasses import replace

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import Layout

_HELD_BYTES = 400_000_000
"""What the values of numbers, dates and categories may take; else the file is read again."""
_BYTES = {"category": 16, "boolean": 1, "date": 4}
"""What a value takes; that of the other kinds takes 8."""


def hold(engine: Engine, layout: Layout, description: str) -> Layout:
    """Reads the table once.

    Args:
        engine: Where the table is open.
        layout: A large table.
        description: What to call the work beside a progress bar.

    Returns:
        The layout with `held`: a table of `row`, the hash of each row; whether it was `drawn`; the
        measures of each text and its hash `h0`, and the text `t0` of some rows; and, where that
        is not too much, the typed value `t0` of the other columns and whether there was a raw
        value `f0`.
    """
    whole = _fits(layout)
    fields, values = ["row", "drawn"], []
    texts = layout.texts
    for number, column in enumerate(layout.columns.values()):
        if number in texts:
            values += [f"t{number}", *layout.measures(number), f"hash(t{number}) AS h{number}"]
            drawn = "drawn" if column.words else "false"
            kept = f"{drawn} OR l{number} > {column.length}"
            fields += [f"CASE WHEN {kept} THEN t{number} END AS t{number}"]
            fields += [f"{letter}{number}" for letter in "lbh"]
        elif whole:
            values += [f"r{number} IS NOT NULL AS f{number}", f"t{number}"]
            fields += [f"f{number}", f"t{number}"]
    name = f"held_of_{layout.relation.name}"
    hashed = ", ".join(f"r{number}" for number in range(len(layout.columns)))
    rows = (
        f"SELECT hash({hashed}) AS row, drawn{''.join(f', {value}' for value in values)} "
        f"FROM {layout.drawing}"
    )
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(fields)} FROM ({rows})",
        description=description,
    )
    return replace(layout, held=name, whole=whole)


def gather(engine: Engine, layout: Layout, description: str) -> Layout:
    """Writes out what the passes over a small table with very many columns read.

    Returns:
        The layout with `gathered`.
    """
    name = f"gathered_of_{layout.relation.name}"
    # Each part of a row is looked up by name; as a subquery, all of them would be in every pass.
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {layout.source('text')}",
        description=description,
    )
    return replace(layout, gathered=name)


def _fits(layout: Layout) -> bool:
    kinds = (column.kind for column in layout.columns.values() if column.kind != "text")
    return layout.size * sum(1 + _BYTES.get(kind, 8) for kind in kinds) <= _HELD_BYTES
