"""The statistics of tables for the terminal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mlops_cli.reports.cells import figure, plain_table, quoted, sparkline, titled
from mlops_cli.schemas.statistics import (
    ColumnStatistics,
    LengthStatistics,
    PartStatistics,
    StatisticsResult,
    TextStatistics,
)
from mlops_cli.wording import counted

_VALUES, _WORDS, _LABELS = 5, 8, 30
_FIGURES = ("min", "5 %", "25 %", "50 %", "75 %", "95 %", "max", "mean", "std", "zeros")
_ROOM: tuple[tuple[str, ...], ...] = (
    (),
    ("5 %", "25 %", "75 %", "zeros", "blank"),
    ("5 %", "25 %", "75 %", "95 %", "zeros", "blank"),
    ("5 %", "25 %", "75 %", "95 %", "zeros", "blank", "std", "distinct"),
    ("5 %", "25 %", "75 %", "95 %", "zeros", "blank", "std", "distinct", "mean"),
)
"""What is left out for narrower and narrower terminals."""
_NAME = 24

ESTIMATES = "≈ is an estimate, ≥ of a sample; everything else is counted"
"""What the signs before figures mean."""

Row = tuple[str, str, ColumnStatistics]
"""A column's name where it is the first of its rows, the part's name, and the column."""


def headline(result: StatisticsResult) -> str:
    """The size of the data in one sentence."""
    rows = ", ".join(f"{part.name} {part.rows:,}" for part in result.parts)
    columns = len({column.name for part in result.parts for column in part.columns})
    return f"{counted(columns, 'column')}; rows: {rows}"


def tables(result: StatisticsResult) -> RenderableType:
    """Everything below the headline."""
    return Group(_parts(result.parts), *_labels(result), columns(result.parts))


def columns(parts: Sequence[PartStatistics]) -> RenderableType:
    """The columns of all parts, those of one name below each other."""
    found = [*_numbers(parts), *_categories(parts), *_texts(parts), *_dates(parts)]
    if any(column.approximate for part in parts for column in part.columns):
        found += [
            "",
            Text(ESTIMATES, style="dim"),
        ]
    return Group(*found)


def _parts(parts: Sequence[PartStatistics]) -> Group:
    table = plain_table(("", "file"), ("rows", "duplicates", "columns", "missing"))
    for part in parts:
        cells = max(1, part.rows * len(part.columns))
        missing = sum(column.missing for column in part.columns)
        figures = (f"{part.rows:,}", f"{part.duplicates:,}", str(len(part.columns)))
        table.add_row(Text(part.name), Text(part.path), *figures, f"{missing / cells:.1%}")
    return titled("Data", table)


def _labels(result: StatisticsResult) -> list[RenderableType]:
    """The labels of all parts and of each."""
    if result.labels is None:
        return []
    by_part = [
        {one.value: one for one in column.values.top}
        for part in result.parts
        for column in part.columns
        if column.name == result.label and column.values
    ]
    several = len(by_part) > 1
    names = [part.name for part in result.parts] if several else []
    table = plain_table((result.label or "",), ("rows", "share", *names))
    for label in result.labels.top[:_LABELS]:
        shares = [
            f"{part[label.value].count:,}  {part[label.value].share:6.1%}"
            if label.value in part
            else "—"
            for part in by_part
        ]
        together = (f"{label.count:,}", f"{label.share:.1%}")
        table.add_row(Text(quoted(label.value)), *together, *(shares if several else []))
    if result.labels.rest:
        table.add_row(Text("any other", style="dim"), f"{result.labels.rest:,}")
    return [titled("Labels", table)]


def _of_kind(parts: Sequence[PartStatistics], *kinds: str) -> Iterator[Row]:
    """The columns of these kinds, those of one name together, in the order of the first part."""
    names = dict.fromkeys(column.name for part in parts for column in part.columns)
    for name in names:
        shown = name
        for part in parts:
            for column in part.columns:
                if column.name == name and column.kind in kinds:
                    yield shown, part.name, column
                    shown = ""


@dataclass(frozen=True)
class _Fitting:
    """A table that leaves figures out where the terminal is too narrow for them."""

    make: Callable[[tuple[str, ...]], Table]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest table that fits."""
        for hidden in _ROOM:
            table = self.make(hidden)
            needed = Measurement.get(console, options.update(max_width=1000), table).maximum
            if needed <= options.max_width:
                break
        yield table


def _start(rows: Sequence[Row], right: Sequence[str]) -> Table:
    several = len({part for _, part, _ in rows}) > 1
    table = plain_table(("column", *(("part",) if several else ())), ("missing", *right))
    # Figures give way before names do.
    table.columns[0].min_width = min(_NAME, max(len(row[0]) for row in rows))
    if several:
        table.columns[1].min_width = min(_NAME, max(len(row[1]) for row in rows))
    return table


def _begin(table: Table, row: Row) -> list[RenderableType]:
    """The cells that every table begins with."""
    name, part, column = row
    named: list[RenderableType] = [Text(name)]
    if table.columns[1].header == "part":
        named.append(Text(part, style="dim"))
    wrong = Text(f" +{column.invalid:,} invalid", style="yellow") if column.invalid else Text("")
    return [*named, Text.assemble(f"{column.missing:,}", wrong)]


def _distinct(column: ColumnStatistics) -> str:
    return ("≈" if "distinct" in column.approximate else "") + f"{column.distinct:,}"


def _numbers(parts: Sequence[PartStatistics]) -> list[RenderableType]:
    rows = list(_of_kind(parts, "integer", "number"))
    if not rows:
        return []
    return [titled("Numbers", _Fitting(partial(_number_table, rows)))]


def _number_table(rows: Sequence[Row], hidden: tuple[str, ...]) -> Table:
    headings = [name for name in ("distinct", *_FIGURES) if name not in hidden]
    table = _start(rows, headings)
    table.add_column("", no_wrap=True)
    for row in rows:
        column, found = row[2], row[2].numbers
        begin = _begin(table, row)
        if found is None:
            table.add_row(*begin, *("—" for _ in headings))
            continue
        about = "≈" if "quantiles" in column.approximate else ""
        figures = {
            "distinct": _distinct(column),
            "min": figure(found.minimum),
            **{f"{percent} %": about + figure(value) for percent, value in found.quantiles.items()},
            "max": figure(found.maximum),
            "mean": figure(found.mean),
            "std": figure(found.std),
            "zeros": f"{found.zeros:,}",
        }
        line = Text(sparkline(found.histogram), style="cyan")
        table.add_row(*begin, *(figures[name] for name in headings), line)
    return table


def _categories(parts: Sequence[PartStatistics]) -> list[RenderableType]:
    rows = list(_of_kind(parts, "category", "boolean"))
    if not rows:
        return []
    table = _start(rows, ("distinct",))
    table.add_column("most frequent", overflow="fold")
    for row in rows:
        values = row[2].values
        shown = values.top[:_VALUES] if values else []
        words = ", ".join(f"{quoted(one.value)} {one.share:.1%}" for one in shown)
        more = ", …" if row[2].distinct > len(shown) else ""
        table.add_row(*_begin(table, row), _distinct(row[2]), Text(words + more))
    return [titled("Categories", table)]


def _texts(parts: Sequence[PartStatistics]) -> list[RenderableType]:
    rows = [row for row in _of_kind(parts, "text") if row[2].text]
    if not rows:
        return []
    table = _Fitting(partial(_text_table, rows))
    notes = [
        note for name, _, column in rows if name for note in (*_words(column), *_examples(column))
    ]
    return [titled("Texts", table), *notes]


def _text_table(rows: Sequence[Row], hidden: tuple[str, ...]) -> Table:
    """Two lines for each text: lengths in characters and in words."""
    lengths = [name for name in ("mean", "50 %", "95 %", "longest") if name not in hidden]
    counts = [name for name in ("distinct", "blank") if name not in hidden]
    table = _start(rows, (*counts, "", *lengths, "vocabulary"))
    table.add_column("", no_wrap=True)
    for row in rows:
        if (found := row[2].text) is None:
            continue
        shown = {"distinct": _distinct(row[2]), "blank": f"{found.blank:,}"}
        begin = [*_begin(table, row), *(shown[name] for name in counts)]
        table.add_row(*begin, "chars", *_lengths(found.characters, lengths, ""))
        if found.words:
            blank = [""] * len(begin)
            table.add_row(*blank, "words", *_lengths(found.words, lengths, vocabulary(found)))
    return table


def vocabulary(text: TextStatistics) -> str:
    """How many different words there are; of a sample, that there are at least so many."""
    known = "" if text.vocabulary is None else f"{text.vocabulary:,}"
    return known if text.sampled is None else f"≥{known}"


def _lengths(found: LengthStatistics, shown: Sequence[str], different: str) -> list[RenderableType]:
    figures = {
        "mean": figure(found.mean),
        "50 %": figure(found.quantiles["50"]),
        "95 %": figure(found.quantiles["95"]),
        "longest": f"{found.longest:,}",
    }
    line = Text(sparkline(found.histogram), style="cyan")
    return [*(figures[name] for name in shown), different, line]


def _words(column: ColumnStatistics) -> list[RenderableType]:
    if column.text is None or not column.text.frequent:
        return []
    shown = (
        f"{quoted(one.value)} {one.share:.1%}" for one in column.text.frequent[:_WORDS] if one.count
    )
    sampled = column.text.sampled
    of = "" if sampled is None else f"in {sampled:,} texts drawn at random "
    name = (f"{column.name}: frequent words {of}", "dim")
    return [Text.assemble(name, ", ".join(shown))]


def _examples(column: ColumnStatistics) -> list[RenderableType]:
    examples = column.text.examples if column.text else []
    name = (f"{column.name}: ", "dim")
    return [Text.assemble(name, quoted(example)) for example in examples]


def _dates(parts: Sequence[PartStatistics]) -> list[RenderableType]:
    rows = list(_of_kind(parts, "date", "timestamp"))
    if not rows:
        return []
    table = _start(rows, ("distinct", "earliest", "latest"))
    table.add_column("", no_wrap=True)
    for row in rows:
        found = row[2].dates
        ends = (found.earliest, found.latest) if found else ("—", "—")
        line = Text(sparkline(found.histogram if found else None), style="cyan")
        table.add_row(*_begin(table, row), _distinct(row[2]), *ends, line)
    return [titled("Dates", table)]
