"""`mlops predict`: answers to texts, standard input or a file."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, epilog
from mlops_cli.completion import complete_run, complete_version
from mlops_cli.errors import UsageError
from mlops_cli.output import Output
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.predictions import PredictResult
from mlops_cli.wording import counted

if TYPE_CHECKING:
    from mlops_cli.prediction import Settings
    from mlops_cli.schemas.launcher import RayLauncherConfig
    from mlops_cli.serving.runtime import Predictor

NAME = "predict"
EPILOG = epilog(
    'mlops predict "Fred watered the plants flat."',
    "mlops predict --quiet < texts.txt > labels.txt",
    "mlops predict reviews.csv --output labelled.csv --threshold 0.8",
    "mlops predict --file reviews.parquet --output labelled.parquet --launcher ray",
    "mlops predict cat.png photos/",
    'mlops predict "A man sleeps." "Nobody is awake."   (a model that takes pairs)',
    "mlops predict --model reviews@production 'One text'",
    "mlops predict --bundle bundles/cola --top-k 3 --json 'One text' 'Another text'",
)
_MOST_SHOWN = 5


def run(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT...",
            help="Texts, two and two for a model of pairs; - (or none at all) reads standard "
            "input, one a line, the two of a pair parted by a tab. A lone name of a table that "
            "is there is that of --file.",
            show_default=False,
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="Predict the rows of a CSV, TSV, JSONL or Parquet file."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where the rows go, with columns such as predicted_label, predicted_score."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    text: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the text; else as in the training data."),
    ] = None,
    text_pair: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The same of the second text of a pair."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME,…", help="Columns of a CSV or TSV without a header."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A bundle; else the newest one of the project."),
    ] = None,
    run_reference: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="The bundle of this run (id, its beginning, latest, best).",
            autocompletion=complete_run,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME@STAGE",
            help="A registered version, such as reviews@production or reviews@v1.2.0.",
            autocompletion=complete_version,
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="Labels with scores per answer (a file: in predicted_scores)."
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(metavar="P", help="Give no label whose score is below this."),
    ] = 0.0,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Rows per run of the model.")] = 32,
    graph: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The bundle's graph that answers: plain, optimized, quantized, fp16.",
            show_default="the one it prefers",
        ),
    ] = None,
    launcher: Annotated[
        str | None,
        typer.Option(
            metavar="ray",
            help="Where the rows of a file are answered: the machines of a Ray cluster, as "
            "launcher=ray finds it.",
            show_default="this machine",
        ),
    ] = None,
    json: Json = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Only the answers, one a line."),
    ] = False,
) -> None:
    """Predict with a bundle alone: needs no training packages."""
    if file is None and (table := _lone_table(texts)) is not None:
        texts, file = None, table
    _check_sources(texts, file, output, text or text_pair or columns)
    if launcher is not None:
        _check_launcher(launcher, file)
    if sum(name is not None for name in (bundle, run_reference, model)) > 1:
        raise UsageError("--bundle, --run and --model each name a bundle", hint="give one of them")
    from mlops_cli import bundle_lookup, prediction, project
    from mlops_cli.registry import trusting
    from mlops_cli.serving import own_code

    out = Output(json_mode=json, quiet=quiet)
    default = _MOST_SHOWN if file is None else 1
    settings = prediction.Settings(default if top_k is None else top_k, threshold, batch_size)
    root = project.find_root()
    if model is not None:
        folder = bundle_lookup.registered(root, model)
    else:
        folder = bundle_lookup.find(root, bundle, run_reference)
    trusting.trusted(root).check(folder, out.warn)
    predictor = prediction.open_bundle(folder, graph)
    own_code.warn(predictor.bundle, root, out.warn)
    if file is None or output is None:
        _predict_texts(predictor, prediction.meant(predictor, texts), settings, out)
    else:
        names = [name.strip() for name in columns.split(",")] if columns else None
        cluster = _cluster(launcher, root) if launcher is not None else None
        rows = _Rows(file, output, text, text_pair, names, force, cluster)
        _predict_file(predictor, rows, settings, out)


@dataclass(frozen=True)
class _Rows:
    """The options of a file."""

    file: Path
    output: Path
    text: str | None
    text_pair: str | None
    columns: list[str] | None
    force: bool
    cluster: "RayLauncherConfig | None"


def _lone_table(texts: list[str] | None) -> Path | None:
    """The table that one text alone is the name of."""
    if texts is None or len(texts) != 1:
        return None
    path = Path(texts[0])
    try:
        if not path.is_file():
            return None
    except (OSError, ValueError):  # A text that is too long for a name, or holds a null.
        return None
    from mlops_cli.data.tables import ENDINGS

    return path if path.suffix.lower() in ENDINGS else None


def _check_sources(
    texts: list[str] | None, file: Path | None, output: Path | None, column: str | None
) -> None:
    """Refuses options that don't go together, and a terminal that would wait for input."""
    if file is not None:
        if texts:
            raise UsageError("texts and --file don't go together", hint="give one of them")
        if output is None:
            predicted = f"{file.stem}-predicted{file.suffix}"
            raise UsageError(
                "--file needs --output",
                hint=shlex.join(["mlops", "predict", "--file", str(file), "--output", predicted]),
            )
        return
    if output is not None or column is not None:
        raise UsageError(
            "--output, --text, --text-pair and --columns go with --file",
            hint="mlops predict --file IN.csv --output OUT.csv",
        )
    if not texts and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("no text to predict", hint='mlops predict "a text"')


def _check_launcher(launcher: str, file: Path | None) -> None:
    if launcher != "ray":
        raise UsageError(f"--launcher takes ray, not {launcher!r}", hint="--launcher ray")
    if file is None:
        raise UsageError(
            "--launcher goes with --file",
            hint="mlops predict --file IN.csv --output OUT.csv --launcher ray",
        )


def _cluster(launcher: str, root: Path) -> "RayLauncherConfig":
    """The settings of the cluster, as the project's config has them."""
    from mlops_cli import config
    from mlops_cli.schemas.launcher import RayLauncherConfig

    settings = config.load([f"launcher={launcher}"], root=root).launcher
    assert isinstance(settings, RayLauncherConfig)
    return settings


def _predict_texts(
    predictor: "Predictor", texts: list[str] | None, settings: "Settings", out: Output
) -> None:
    from mlops_cli import prediction

    if not texts or texts == ["-"]:
        given = prediction.read_lines(sys.stdin.buffer, "standard input")
        answers = prediction.lines(predictor, given, "standard input", settings)
    else:
        answers = prediction.texts(predictor, texts, settings)
    if out.quiet and not out.json_mode:
        for answer in answers:
            out.data(answer.answer.words)
        return
    predictions = list(answers)
    flat = [plain(one.answer) | one.inputs for one in predictions]
    result = PredictResult(flat, predictor.bundle.path, predictor.bundle.run)
    empty = sum(not one.there for one in predictions)
    if empty:
        out.warn(f"texts that are empty and got no answer: {empty}")
    if out.json_mode:
        out.result("", result)
        return
    from mlops_cli.reports import predictions as report

    title = report.headline(predictions, settings.threshold)
    out.result(title, result, lines=report.texts(predictions))


def _predict_file(predictor: "Predictor", rows: _Rows, settings: "Settings", out: Output) -> None:
    from mlops_cli import file_prediction

    result = file_prediction.run(
        predictor,
        rows.file,
        rows.output,
        settings,
        out,
        text_column=rows.text,
        pair_column=rows.text_pair,
        columns=rows.columns,
        overwrite=rows.force,
        cluster=rows.cluster,
    )
    if out.json_mode or out.quiet:
        out.result("", result)
        return
    from mlops_cli.reports import predictions as report

    speed = f"{result.rows_per_second:,.0f} rows/s"
    title = f"Predicted {counted(result.rows, 'row')} into {result.output} ({speed})"
    out.result(title, result, lines=report.file(result))
