"""`mlops package`: a bundle, or what trains one, as a container image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, RunAndOverrides, epilog, split_run
from mlops_cli.errors import UsageError
from mlops_cli.output import Output
from mlops_cli.wording import counted

if TYPE_CHECKING:
    from mlops_cli.schemas.image import ImageConfig
    from mlops_cli.schemas.packages import Packaged, PackagedTraining

NAME = "package"
EPILOG = epilog(
    "mlops package",
    "mlops package reviews@production --push registry.example.com/team",
    "mlops package best --tag reviews:candidate image.port=9000",
    "mlops package bundles/cola --output build/cola --no-build",
    "mlops package reviews@production --compose",
    "mlops package reviews@production image.runtime=lambda",
    "mlops package --train best --push registry.example.com/team",
)


def run(
    words: RunAndOverrides = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Where to write what the image is built from.",
            show_default="packages/NAME-TAG",
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:TAG]",
            help="Name of the image.",
            show_default="model and version, or run",
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            metavar="REGISTRY",
            help="Push the image there, and tell its digest.",
            show_default=False,
        ),
    ] = None,
    compose: Annotated[
        bool,
        typer.Option("--compose", help="Also write compose.yaml: server, Prometheus, Grafana."),
    ] = False,
    train: Annotated[
        bool,
        typer.Option(
            "--train", help="The image that trains: code and packages of a run, or of now."
        ),
    ] = False,
    build: Annotated[
        bool, typer.Option("--build/--no-build", help="Build the image, where Docker is there.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a container image of a bundle: small, reproducible, run by no root.

    What is packaged: NAME@STAGE or NAME@VERSION of the registry, a run, or the folder of a bundle;
    the newest bundle by default; signed as the project asks (registry.trust). Where Docker is not
    there, what to build it from is written.

    With --train: what is committed, or the commit of a run with the changes that it began with, and
    every package in the version it had, so that a cluster trains as the run did. No data, no
    secrets: mount /project/data and /project/runs.
    """
    from mlops_cli import bundle_lookup, config, packaging, project
    from mlops_cli.registry import trusting

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    reference, overrides = split_run(words, default="")
    image = config.load_group("image", overrides, root=root)
    if train:
        _refuse_what_serves(overrides, compose=compose)
        _train(root, reference, image, out, output=output, tag=tag, registry=push, build=build)
        return
    serve = config.load_group("serve", overrides, root=root)
    folder = bundle_lookup.called(root, reference or None)
    trusting.trusted(root, overrides).check(folder, out.warn)
    wanted = packaging.Wanted(image, serve, output, tag, push, compose, build)
    done = packaging.run(root, folder, wanted, out)
    out.result(_title(done), done, lines=_lines(done), next_step=_next(done))


def _refuse_what_serves(overrides: list[str], *, compose: bool) -> None:
    """Refuses words that say nothing to an image that trains."""
    if compose:
        raise UsageError("--compose is for what serves", hint="leave out --compose or --train")
    typed = next((word for word in overrides if word.startswith("image.runtime=")), None)
    if typed is not None:
        hint = "leave out image.runtime or --train"
        raise UsageError(f"{typed} is for what serves", hint=hint)


def _train(
    root: Path,
    reference: str,
    image: "ImageConfig",
    out: Output,
    *,
    output: Path | None,
    tag: str | None,
    registry: str | None,
    build: bool,
) -> None:
    from mlops_cli.packaging import training
    from mlops_cli.tracking import finding

    found = finding.find(root, reference) if reference else None
    wanted = training.WantedTraining(image, found, output, tag, registry, build)
    done = training.run(root, wanted, out)
    what = f"run {done.run}" if done.run else f"commit {done.commit[:8]}"
    title = f"Wrote what {done.name} is built from: {done.folder}"
    if done.built:
        title = f"Packaged what trains {what} as {done.name} ({done.built.megabytes:.0f} MB)"
    changes = " and the changes that the run kept" if done.dirty else ""
    lines = [
        f"code     {counted(done.files, 'file')} at {done.commit[:8]}{changes}",
        f"packages {done.packages}, for Python {done.python}",
        *_context_lines(done),
    ]
    data = [one for one in done.left_out if one.partition("/")[0] == "data"]
    if data:
        more = f" and {len(data) - 1} more" if data[1:] else ""
        lines.insert(1, f"without  {data[0]}{more}: data is mounted")
    name = done.pushed.reference if done.pushed else done.name
    step = 'docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD/data:/project/data" \\\n'
    step += f'  --volume "$PWD/runs:/project/runs" {name} train'
    lines_text = "\n".join([*lines, *_made_lines(done)])
    out.result(title, done, lines=lines_text, next_step=step if done.built else done.command)


def _title(done: "Packaged") -> str:
    if done.built is None:
        return f"Wrote what {done.name} is built from: {done.folder}"
    size = f"{done.built.megabytes:.0f} MB, of it the model {done.built.model_megabytes:.1f} MB"
    return f"Packaged {done.model} as {done.name} ({size})"


def _lines(done: "Packaged") -> str:
    lines = _context_lines(done)
    if done.compose:
        lines.append(f"compose  {done.compose}")
    return "\n".join([*lines, *_made_lines(done)])


def _context_lines(done: "Packaged | PackagedTraining") -> list[str]:
    return [
        f"context  {done.folder / 'context'}, sha256 {done.context[:12]}",
        f"parts    {done.sbom}",
    ]


def _made_lines(done: "Packaged | PackagedTraining") -> list[str]:
    lines = []
    if done.built:
        same = (
            "the same inputs give the same id"
            if done.built.reproducible
            else "holds the time of its build"
        )
        lines.append(f"image    {done.built.id[7:19]}, {same}")
    if done.pushed:
        lines.append(f"pushed   {done.pushed.reference}")
        lines.append(f"         {done.pushed.sent} layers sent, {done.pushed.there} were there")
    return lines


def _next(done: "Packaged") -> str:
    from mlops_cli.schemas.image import SERVER

    if done.built is None:
        return done.command
    if done.compose:
        return f"docker compose --file {done.compose} up --detach"
    name = done.pushed.reference if done.pushed else done.name
    if done.runtime != SERVER:
        return "mlops deploy check aws_lambda"
    return f"docker run --rm --read-only --cap-drop ALL --publish 8000:{done.port} {name}"
