"""`mlops data add`: a file, folder, URL, hub data set or query becomes data of the project."""

import re
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, LabelColumn, Quiet, TextColumn, epilog
from mlops_cli.errors import UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.adding import AddResult, AddWishes

NAME = "add"
EPILOG = epilog(
    "mlops data add reviews.csv",
    "mlops data add reviews.csv --name films --text review --label stars",
    "mlops data add raw.txt data.delimiter=space 'data.columns=[label,text]'",
    "mlops data add folder/   (with train.csv, validation.csv, test.csv)",
    "mlops data add https://example.com/reviews.csv",
    "mlops data add hub:nyu-mll/glue data.config=cola --name cola",
    "mlops data add --sql 'SELECT * FROM reviews' --url sqlite:///app.db --name reviews",
)
_SETTING = re.compile(r"\+{0,2}data(\.\w+)?=")
_SETTLED = re.compile(r"\+*(data\.(?:name|module|path|validation_path|test_path|schema))=")
_COLUMNS = ("text", "text_pair", "label")
_OTHER_SETTING = re.compile(r"\+*[a-z_.]+=")


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE data.KEY=VALUE...",
            help="File, folder, URL or hub id; then how to read it, where that can't be told.",
            show_default=False,
        ),
    ] = None,
    *,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What the project calls it: data=NAME."),
    ] = None,
    text: TextColumn = None,
    text_pair: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the second text, where texts are pairs."),
    ] = None,
    label: LabelColumn = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of numbers to predict, instead of a label."),
    ] = None,
    sql: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Take the rows of a query.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The query's database, as SQLAlchemy writes it. A password that it lacks is "
            "taken from MLOPS_SQL_PASSWORD; none is written down.",
        ),
    ] = None,
    move: Annotated[bool, typer.Option("--move", help="Move the files, don't copy them.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace data, schema and config of that name.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add data: find its task, columns and types, write config and schema, let DVC hold it.

    Afterwards `data=NAME` names it. Nothing is changed when anything fails.
    """
    from mlops_cli import project
    from mlops_cli.schemas.adding import AddWishes

    out = Output(json_mode=json, quiet=quiet)
    wishes = _wishes(
        words or [],
        AddWishes(None, name, text, label, target, move, force, sql, url, text_pair=text_pair),
    )
    with extra("data", "mlops data add"), extra("train", "mlops data add"):
        from mlops_cli import data_adding
    result = data_adding.run(wishes, project.find_root(), out)
    rows = sum(file.rows for file in result.files)
    counted = f", {_rows(rows)}" if result.files else ""
    said = "Added" if result.changed else "Added before, and as it is:"
    out.result(
        f"{said} {result.name} ({result.kind.title.lower()}{counted})",
        result,
        next_step=f"{result.kind.command} data={result.name}",
        lines=_lines(result),
    )


def _wishes(words: list[str], wishes: "AddWishes") -> "AddWishes":
    """Tells the source from the settings, and takes columns that were typed as settings."""
    from dataclasses import replace

    settings = [word for word in words if _SETTING.match(word)]
    for word in settings:
        if match := _SETTLED.match(word):
            raise UsageError(
                f"{match[1]} is what mlops data add writes itself",
                hint="validation and test files: a folder with train.csv, validation.csv, test.csv"
                if match[1].endswith("_path")
                else "leave it out",
            )
    sources = [word for word in words if word not in settings]
    if len(sources) > 1 and _OTHER_SETTING.match(sources[-1]):
        raise UsageError(
            f"{sources[-1]} says nothing of how data is read",
            hint="leave it out, or data.KEY=VALUE",
        )
    if len(sources) > 1:
        raise UsageError(
            f"one source at a time, not {len(sources)}: {', '.join(sources[:3])}",
            hint="files of one data set lie in a folder, as train.csv, validation.csv, test.csv",
        )
    named: dict[str, str | None] = {part: getattr(wishes, part) for part in _COLUMNS}
    for word in settings:
        key, _, value = word.lstrip("+").partition("=")
        part = key.removeprefix("data.")
        if part in named and getattr(wishes, part) is None:
            named[part] = value.strip("'\"")
    wishes = replace(wishes, text=named["text"], text_pair=named["text_pair"], label=named["label"])
    if wishes.label is not None and wishes.target is not None:
        raise UsageError("--label and --target are two kinds of the same column", hint="name one")
    columns = re.compile(rf"\+*data\.({'|'.join(_COLUMNS)})=")
    kept = tuple(word for word in settings if not columns.match(word))
    return replace(wishes, source=sources[0] if sources else None, settings=kept)


def _lines(result: "AddResult") -> str:
    """What was made, for people."""
    kind = result.kind
    guessed = {part: " (guessed)" if part in kind.guessed else "" for part in ("text", "label")}
    lines = [
        ("text", f"{kind.text}{guessed['text']}" if kind.text else ""),
        ("text pair", kind.text_pair or ""),
        ("label", f"{kind.label}{guessed['label']}{_classes(result)}" if kind.label else ""),
        ("columns", _shortened([f"{name} {kind}" for name, kind in result.types.items()], 8)),
        *((file.split, f"{file.path}, {_rows(file.rows)}") for file in result.files),
        ("schema", result.schema or ""),
        ("config", result.config),
    ]
    shown = [f"  {title:<10} {value}" for title, value in lines if value]
    if result.git:
        shown.append(f"commit: git add {shlex.join(result.commit)}")
    return "\n".join(shown)


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _classes(result: "AddResult") -> str:
    if not result.classes:
        return ""
    named = [f"{label[:30]} {count:,}" for label, count in result.classes.items()]
    return f": {len(named)} {'class' if len(named) == 1 else 'classes'}, {_shortened(named, 5)}"


def _shortened(items: list[str], most: int) -> str:
    more = f", … ({len(items) - most} more)" if len(items) > most else ""
    return ", ".join(items[:most]) + more
