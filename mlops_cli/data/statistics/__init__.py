"""Statistics of whole tables: a large one is read once, and what the passes need is kept.

Memory does not grow with the rows: what can't be counted in bounded memory is estimated, and
said to be. Of a large table, words and quantiles are those of random rows, drawn once.
"""

import time
from collections.abc import Sequence

from mlops_cli.data.engine import WIDE, Engine, Relation
from mlops_cli.data.parts import Part
from mlops_cli.data.statistics import figures, groups, words
from mlops_cli.data.statistics.columns import Measured, column, overall
from mlops_cli.data.statistics.holding import gather, hold
from mlops_cli.data.statistics.layout import SMALL, Column, Layout, look
from mlops_cli.data.statistics.scales import Scale, scale
from mlops_cli.data.tables import Table
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.statistics import PartStatistics, StatisticsResult

_GATHERED = 20_000_000
"""Values (estimated) of a table with very many columns that are written out for all passes."""


def run(parts: Sequence[Part], label: str | None, reporter: Reporter) -> StatisticsResult:
    """Reads the parts and says what is in them.

    Args:
        parts: Splits or versions; columns of the same name are compared.
        label: The column of the labels, where it is known.
        reporter: Shown the progress.

    Raises:
        DataError: A file is damaged.
    """
    began = time.perf_counter()
    with Engine(reporter) as engine:
        relations = open_parts(engine, [part.table for part in parts], label)
        found = measure(engine, parts, relations, label)
    labels = overall(found, label)
    seconds = time.perf_counter() - began
    return StatisticsResult(found, label if labels else None, labels, None, seconds)


def open_parts(engine: Engine, tables: Sequence[Table], label: str | None) -> list[Relation]:
    """The tables in the engine. Labels are text, whatever they look like."""
    return [
        engine.open(table, {label: "text"} if label in table.columns else None) for table in tables
    ]


def measure(
    engine: Engine, parts: Sequence[Part], relations: Sequence[Relation], label: str | None
) -> list[PartStatistics]:
    """The statistics of tables that are open, over ranges and values that they share."""
    known: dict[str, Column] = {}
    layouts = []
    for relation in relations:
        layouts.append(look(engine, relation, label, known))
        known = layouts[-1].columns | known
    layouts = [
        _kept(engine, layout, f"reading {part.name}")
        for part, layout in zip(parts, layouts, strict=True)
    ]
    first = [
        figures.measure(engine, layout, f"reading {part.name}")
        for part, layout in zip(parts, layouts, strict=True)
    ]
    scales = _scales(first, [layout.columns for layout in layouts])
    measured = []
    for part, layout, table, fits in zip(parts, layouts, first, scales, strict=True):
        grouped = groups.measure(engine, layout, table, fits, f"grouping {part.name}")
        worded = {
            name: words.measure(
                engine,
                layout,
                name,
                f"words of {name} in {part.name}",
                whole=table.sparse(name),
            )
            for name, one in layout.columns.items()
            if one.kind == "text" and one.words
        }
        measured.append(Measured(layout.columns, table, grouped, worded, fits))
    return [
        PartStatistics(
            part.name,
            part.path,
            one.figures.rows,
            one.figures.duplicates,
            [column(name, one, measured) for name in one.columns],
        )
        for part, one in zip(parts, measured, strict=True)
    ]


def _kept(engine: Engine, layout: Layout, description: str) -> Layout:
    """The layout with a table of what all passes need, where that is quicker."""
    if layout.size > SMALL:
        return hold(engine, layout, description)
    columns = len(layout.columns)
    wide = columns > WIDE and layout.size * columns <= _GATHERED
    return gather(engine, layout, description) if wide else layout


def _scales(
    found: Sequence[figures.TableFigures], columns: Sequence[dict[str, Column]]
) -> list[dict[str, Scale]]:
    """The ranges of each column of each part; columns of the same name and kind share them."""
    extremes: dict[tuple[str, str], list[tuple[object, object]]] = {}
    for table, kinds in zip(found, columns, strict=True):
        for name, one in kinds.items():
            more = table.columns[name].more
            if one.kind != "text" and "minimum" in more:
                pair = (more["minimum"], more["maximum"])
                extremes.setdefault((name, one.kind), []).append(pair)
    scales = {key: scale(key[1], pairs) for key, pairs in extremes.items()}
    return [
        {
            name: fits
            for name, one in kinds.items()
            if (fits := scales.get((name, one.kind))) is not None
        }
        for kinds in columns
    ]
