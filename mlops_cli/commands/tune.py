"""`mlops tune`: search for the best settings."""

from collections.abc import Mapping
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Overrides, Quiet, epilog
from mlops_cli.errors import UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "tune"
EPILOG = epilog(
    "mlops tune lr='interval(1e-5,1e-3)' model='choice(tiny,bert)' --trials 30",
    "mlops tune lr='interval(1e-4,1e-2)' tune.objectives=[mcc,seconds]",
    "mlops tune tune=mine --jobs 2   (configs/tune/mine.yaml)",
    "mlops tune --resume latest",
)


def _complete_study(incomplete: str) -> list[tuple[str, str]]:
    """Completes a study: `latest` or a name."""
    from mlops_cli import project

    names = [path.parent.name for path in (project.find_root() / "studies").glob("*/study.json")]
    found = [("latest", "The newest study"), *((name, "Study") for name in sorted(names))]
    return [item for item in found if names and item[0].startswith(incomplete)]


def run(
    words: Overrides = None,
    *,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            "-n",
            min=1,
            help="Trials in all, earlier ones included.",
            show_default="tune.trials",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=0, help="Begin no trial after so long.", show_default=False
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Trials at once.", show_default="launcher.jobs"),
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The study's name.", show_default=False)
    ] = "",
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Go on with a study.",
            autocompletion=_complete_study,
            show_default=False,
        ),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Show a study, and try nothing.",
            autocompletion=_complete_study,
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace configs/experiment/NAME.yaml.")
    ] = False,
    validate: Annotated[
        bool,
        typer.Option("--validate/--no-validate", help="Let each trial check its data first."),
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for the best settings, and write them as an experiment.

    Words with several values span the search space: interval(LOW,HIGH), range(LOW,HIGH),
    choice(A,B). The same command again goes on with the same study, in studies/NAME/.
    """
    from mlops_cli import project, tuning

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if show is not None:
        given = {
            "KEY=VALUE": words,
            "--resume": resume is not None,
            "--name": name,
            "--trials": trials,
            "--timeout": timeout is not None,
            "--jobs": jobs,
            "--force": force,
            "--no-validate": not validate,
        }
        _refuse("--show", show, given)
    elif resume is not None:
        _refuse("--resume", resume, {"--name": name, "--no-validate": not validate})
    limits = tuning.Limits(trials, timeout, jobs)
    if resume is not None:
        prepared = tuning.prepare_again(resume, words or [], root, limits)
    elif show is None:
        prepared = tuning.prepare(words or [], root, out, limits, name=name, validate=validate)
    with extra("tune", "mlops tune"):
        from mlops_cli.reports import tune as report
        from mlops_cli.tuning import search
    if show is not None:
        result = search.show(show, root)
    else:
        result = search.run(prepared, root, out, force=force)
    out.result(
        report.headline(result),
        result,
        lines=report.study(result),
        next_step=" ".join(("mlops train", *result.next_words)) if result.next_words else "",
    )


def _refuse(option: str, study: str, given: Mapping[str, object]) -> None:
    """Refuses what would be ignored beside an option that names a study."""
    for other, value in given.items():
        if value:
            raise UsageError(
                f"{option} and {other} don't go together", hint=f"mlops tune {option} {study}"
            )
