"""A look at all of the data to be added: every row read, columns guessed, the schema inferred."""

import dataclasses
import random
from collections.abc import Iterator
from contextlib import contextmanager

from mlops_cli.data import file as file_source
from mlops_cli.data import kinds, looking, schema
from mlops_cli.data.engine import Engine, Relation, quoted
from mlops_cli.data.guessing import sampled
from mlops_cli.data.tables import Table
from mlops_cli.data_adding.placing import Place
from mlops_cli.data_adding.reading import settings_for
from mlops_cli.data_adding.sources import Fetched
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.adding import AddWishes, Kind
from mlops_cli.schemas.data import FileDataConfig
from mlops_cli.wording import counted

_SAMPLE = 2000
_MOST_CLASSES = 1000
_PROGRESS_ROWS = 10_000


@dataclasses.dataclass(frozen=True)
class Looked:
    """What was found in the files.

    Attributes:
        config: How they are read.
        kind: What they could be used for.
        rows: Rows of each split.
        types: The type of each column.
        classes: Rows of each class.
        schema: What the columns look like.
        encoding: The encoding, where it was guessed.
    """

    config: FileDataConfig
    kind: Kind
    rows: dict[str, int]
    types: dict[str, str]
    classes: dict[str, int]
    schema: schema.TableSchema
    encoding: str | None


def examine(fetched: Fetched, wishes: AddWishes, place: Place, reporter: Reporter) -> Looked:
    """Reads every row once, guesses what was not said, and infers the schema.

    Raises:
        ConfigError: A setting is wrong.
        DataError: A file can't be read, has no rows, or lacks a column.
    """
    with _named_as_typed(fetched):
        looked = _look(fetched, wishes, place, reporter)
    _tell(looked, reporter)
    return looked


@contextmanager
def _named_as_typed(fetched: Fetched) -> Iterator[None]:
    """Calls staged files in messages what the user calls them."""
    try:
        yield
    except (DataError, NotFoundError, ConfigError) as error:
        message, hint = error.message, error.hint
        for path, name in fetched.shown.items():
            message, hint = message.replace(str(path), name), hint.replace(str(path), name)
        raise type(error)(message, hint=hint) from error


def _look(fetched: Fetched, wishes: AddWishes, place: Place, reporter: Reporter) -> Looked:
    config = settings_for(fetched.files, wishes, place)
    tables = {
        split: file_source.open_file(config, str(path)) for split, path in fetched.files.items()
    }
    train = tables["train"]
    for part in ("text", "text_pair", "label", "target"):
        looking.named_column(train, part, getattr(wishes, part))
    rows: dict[str, int] = {}
    sample: list[dict[str, str | None]] = []
    for split, table in tables.items():
        rows[split], drawn = _read(table, fetched, reporter)
        sample = drawn if split == "train" else sample
    columns = sampled(train.columns, sample)
    looking.refuse_headless(train, columns)
    kind = kinds.kind_of(columns, wishes.text, wishes.label, wishes.target, wishes.text_pair)
    _check_columns(kind, tables)
    with Engine(reporter) as engine:
        relation = engine.open(train)
        _refuse_words(wishes.target, relation)
        found = schema.infer(
            engine, relation, text=kind.text, label=kind.label, numbers=kind.counts
        )
        classes = _classes(engine, relation, kind)
        if kind.trainable:
            _warn_of_gaps(engine, relation, kind, reporter)
            if len(classes) == 1:
                reporter.warn("every label is the same, and mlops train needs two classes")
    return Looked(
        config=config,
        kind=kind,
        rows=rows,
        types={name: column.type for name, column in found.columns.items()},
        classes=classes,
        schema=found,
        encoding=train.encoding if train.encoding_guessed else None,
    )


def _check_columns(kind: Kind, tables: dict[str, Table]) -> None:
    """Raises DataError where two parts are one column, or a later file lacks one."""
    taken: dict[str, str] = {}
    for part, name in kind.columns.items():
        if name in taken:
            one, other = (word.replace("_", "-") for word in (taken[name], part))
            raise DataError(
                f"{one} and {other} are the same column, {name!r}",
                hint=f"--{one} COLUMN --{other} COLUMN; "
                f"columns: {', '.join(tables['train'].columns)}",
            )
        taken[name] = part
    for split, table in tables.items():
        for part, name in kind.columns.items():
            if name not in table.columns:
                raise DataError(
                    f"the {split} file has no column {name!r}, the {part} of the training file",
                    hint=f"its columns: {', '.join(table.columns[:20])}",
                )


def _refuse_words(target: str | None, relation: Relation) -> None:
    """Raises DataError where the column of the numbers to predict holds something else."""
    numbers = [name for name, kind in relation.kinds.items() if kind in ("integer", "number")]
    if target is not None and target not in numbers:
        raise DataError(
            f"--target {target} is no column of numbers",
            hint=f"classes? --label {target}; columns of numbers: {', '.join(numbers) or 'none'}",
        )


def _classes(engine: Engine, relation: Relation, kind: Kind) -> dict[str, int]:
    """Rows of each class, the largest first; empty where the label is a number, or unknown."""
    if kind.label is None or not kind.classifies:
        return {}
    answer = engine.run(
        f"SELECT trim(CAST({quoted(kind.label)} AS VARCHAR)) AS value, count(*) AS n "
        f"FROM {relation.raw} WHERE value != '' GROUP BY 1 ORDER BY n DESC, value "
        f"LIMIT {_MOST_CLASSES}"
    )
    return {str(value): int(count) for value, count in answer}


def _warn_of_gaps(engine: Engine, relation: Relation, kind: Kind, reporter: Reporter) -> None:
    """Tells of rows that training will refuse: without text, or without label."""
    for part, name in kind.columns.items():
        value = f"trim(CAST({quoted(name)} AS VARCHAR))"
        sql = f"SELECT count(*) - count(NULLIF({value}, '')) FROM {relation.raw}"
        count = int(engine.run(sql)[0][0])
        if count:
            rows = counted(count, "row has", "rows have")
            what = part.replace("_", " ")
            reporter.warn(
                f"{rows} no {what}, and mlops train refuses them: fill it in or remove them"
            )


def _read(
    table: Table, fetched: Fetched, reporter: Reporter
) -> tuple[int, list[dict[str, str | None]]]:
    """Counts the rows, all of which must be sound, and draws some of them by chance."""
    chance = random.Random(0)
    drawn: list[dict[str, str | None]] = []
    count = 0
    with reporter.task(f"reading {fetched.shown.get(table.path, table.path.name)}", None) as bar:
        for _, row in table.rows():
            count += 1
            # Vitter's algorithm R, "Random Sampling with a Reservoir" (1985).
            if len(drawn) < _SAMPLE:
                drawn.append(row)
            elif (slot := chance.randrange(count)) < _SAMPLE:
                drawn[slot] = row
            if count % _PROGRESS_ROWS == 0:
                bar.advance(_PROGRESS_ROWS)
    if not count:
        raise DataError(f"{table.path} has no rows", hint="a header alone is no data")
    return count, drawn


def _tell(looked: Looked, reporter: Reporter) -> None:
    """Says what was guessed."""
    kind = looked.kind
    said = [f"{part.replace('_', ' ')} column {name!r}" for part, name in kind.columns.items()]
    guess = f" (guessed: {' and '.join(kind.guessed)})" if kind.guessed else ""
    reporter.info(
        f"looks like {kind.task.replace('_', ' ')}: {', '.join(said) or 'no text'}{guess}"
    )
    if looked.encoding is not None:
        reporter.info(
            f"not UTF-8: read as {looked.encoding}, a guess (data.encoding= sets another)"
        )
    if kind.note:
        reporter.warn(kind.note)
