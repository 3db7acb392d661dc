"""Checks against the schema: columns, types, values, ranges, missing values."""

from collections.abc import Iterator

from mlops_cli.data.checks import EXAMPLES, ROW, Finding, Inspection, Part, listed, sample
from mlops_cli.data.engine import as_kind, quoted
from mlops_cli.data.engine_files import literal
from mlops_cli.data.schema import ColumnSchema, TableSchema
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = (
    "missing_columns",
    "extra_columns",
    "wrong_types",
    "unknown_values",
    "out_of_range",
    "missing_values",
    "repeated_keys",
)


def find(inspection: Inspection) -> Iterator[Finding]:
    """Holds every part to the schema, where there is one."""
    if inspection.schema is None:
        return
    for part in inspection.parts:
        yield from _columns(part, inspection.schema)
        yield from _values(inspection, part, inspection.schema)


def _columns(part: Part, schema: TableSchema) -> Iterator[Finding]:
    there = part.relation.kinds
    missing = [
        name for name, column in schema.columns.items() if column.required and name not in there
    ]
    extra = [name for name in there if name not in schema.columns]
    if missing:
        yield Finding(
            "missing_columns",
            part,
            f"{counted(len(missing), 'column')} of the schema not there: {listed(missing)}",
            len(missing),
            len(schema.columns),
            "add them, or mark them in the schema: required: false",
            missing[0] if len(missing) == 1 else None,
        )
    if extra:
        yield Finding(
            "extra_columns",
            part,
            f"{counted(len(extra), 'column')} not in the schema: {listed(extra)}",
            len(extra),
            len(there),
            "add them to the schema: NAME: {type: text, required: false}",
            extra[0] if len(extra) == 1 else None,
        )


def _values(inspection: Inspection, part: Part, schema: TableSchema) -> Iterator[Finding]:
    """One pass over the table counts what each column breaks."""
    rules = [
        (name, check, condition)
        for name, column in schema.columns.items()
        if name in part.relation.kinds
        for check, condition in _rules(part, name, column)
        if inspection.wants(check)
    ]
    if not rules or not part.rows:
        return
    counts = inspection.engine.run(
        "SELECT "
        + ", ".join(f"count(*) FILTER ({condition})" for _, _, condition in rules)
        + f" FROM {part.relation.raw}",
        description=f"holding {part.name} to the schema",
    )[0]
    for (name, check, condition), count in zip(rules, counts, strict=True):
        column = schema.columns[name]
        allowed = column.missing * part.rows if check == "missing_values" else 0
        if count > allowed:
            message, fix = _wording(check, name, column, count, part.rows)
            examples = sample(inspection, part, condition, f"COALESCE({part.as_text(name)}, '')")
            yield Finding(check, part, message, count, part.rows, fix, name, examples)
    yield from _repeats(inspection, part, schema)


def _rules(part: Part, name: str, column: ColumnSchema) -> Iterator[tuple[str, str]]:
    """The checks of a column, each with the SQL condition of a value that breaks it."""
    raw = quoted(name)
    if column.type != "category":
        value = as_kind(name, column.kind)
        yield "missing_values", f"{raw} IS NULL"
        if column.type != "text":
            yield "wrong_types", f"{raw} IS NOT NULL AND ({value}) IS NULL"
    else:
        value = part.label_text if name == part.label else part.as_text(name)
        yield "missing_values", f"{value} IS NULL"
        if column.values is not None:
            known = ", ".join(literal(entry) for entry in column.values)
            yield "unknown_values", f"{value} NOT IN ({known})"
    beyond = []
    if column.minimum is not None:
        beyond.append(f"({value}) < {_limit(column, column.minimum)}")
    if column.maximum is not None:
        beyond.append(f"({value}) > {_limit(column, column.maximum)}")
    if column.min_length is not None:
        beyond.append(f"length({part.as_text(name)}) < {column.min_length}")
    if column.max_length is not None:
        beyond.append(f"length({part.as_text(name)}) > {column.max_length}")
    if beyond:
        yield "out_of_range", " OR ".join(beyond)


def _limit(column: ColumnSchema, limit: int | float | str) -> str:
    return f"{column.type.upper()} {literal(limit)}" if isinstance(limit, str) else repr(limit)


def _wording(check: str, name: str, column: ColumnSchema, count: int, rows: int) -> tuple[str, str]:
    """What is wrong, and what to do."""
    values = counted(count, "value")
    return {
        "wrong_types": (
            f"{values} of {name} not of type {column.type}",
            f"correct them, or the schema: columns.{name}.type",
        ),
        "unknown_values": (
            f"{values} of {name} not in the schema's list",
            f"correct them, or add them to columns.{name}.values",
        ),
        "out_of_range": (
            f"{values} of {name} not {_bounds(column)}",
            f"correct them, or widen columns.{name} in the schema",
        ),
        "missing_values": (
            f"{values} of {name} missing, {count / rows:.2%}; "
            f"the schema allows {column.missing:.2%}",
            f"fill them in, or raise columns.{name}.missing in the schema",
        ),
    }[check]


def _bounds(column: ColumnSchema) -> str:
    low: int | float | str | None
    high: int | float | str | None
    if column.min_length is not None or column.max_length is not None:
        low, high, unit = column.min_length, column.max_length, " characters long"
    else:
        low, high, unit = column.minimum, column.maximum, ""
    if low is None or high is None:
        return f"at least {low}{unit}" if high is None else f"at most {high}{unit}"
    return f"from {low} to {high}{unit}"


def _repeats(inspection: Inspection, part: Part, schema: TableSchema) -> Iterator[Finding]:
    for name, column in schema.columns.items():
        if not column.unique or name not in part.relation.kinds:
            continue
        if not inspection.wants("repeated_keys"):
            continue
        value = part.as_text(name)
        sql = f"SELECT count({value}) - count(DISTINCT {value}) FROM {part.relation.raw}"
        count = int(inspection.engine.run(sql)[0][0])
        if count:
            found = inspection.engine.run(
                f"SELECT {value}, min({ROW}, 2) FROM {part.numbered} "
                f"WHERE {value} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 "
                f"ORDER BY 2 LIMIT {EXAMPLES}"
            )
            yield Finding(
                "repeated_keys",
                part,
                f"{counted(count, 'value')} of {name} there before; the schema says unique",
                count,
                part.rows,
                f"remove the repeats, or say columns.{name}.unique: false",
                name,
                [(list(rows), str(shown)) for shown, rows in found],
            )
