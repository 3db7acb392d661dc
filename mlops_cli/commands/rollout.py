"""`mlops rollout`: which versions a running server serves."""

from contextlib import suppress
from typing import Annotated, Any

import typer

from mlops_cli.commands._options import Json, Quiet, epilog, share_of
from mlops_cli.errors import UsageError
from mlops_cli.output import Output
from mlops_cli.project import from_home

app = typer.Typer(
    no_args_is_help=True,
    help="Change the versions that a running server serves; MLOPS_ADMIN_KEY holds an admin's key.",
)

_Url = Annotated[str, typer.Option(metavar="URL", help="The server.")]
_Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the model.", show_default="the only one"),
]
_Bundle = Annotated[
    str,
    typer.Argument(
        metavar="RUN|DIR|VERSION",
        help="A run, the folder of a bundle, or a version that is loaded.",
        show_default=False,
    ),
]
_HERE = "http://127.0.0.1:8000"


@app.command(epilog=epilog("mlops rollout status", "mlops rollout status --url http://shop:8000"))
def status(url: _Url = _HERE, *, json: Json = False, quiet: Quiet = False) -> None:
    """Show versions, canary, shadow, and what happened lately."""
    from mlops_cli import admin_client

    _show("Serving", admin_client.state(url), Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout load latest", "mlops rollout load best --model topics"))
def load(
    bundle: _Bundle,
    *,
    model: _Model = None,
    url: _Url = _HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Load a version beside the one that answers; a new name makes a new model."""
    from mlops_cli import admin_client

    found = admin_client.change(url, model, "load", bundle=_there(bundle))
    _show(f"Loaded {bundle}", found, Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout promote latest", "mlops rollout promote best --keep"))
def promote(
    bundle: _Bundle,
    *,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the one before loaded, to go back to it at once."),
    ] = False,
    model: _Model = None,
    url: _Url = _HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let a version answer from now on; no request fails."""
    from mlops_cli import admin_client

    found = admin_client.change(url, model, "promote", bundle=_there(bundle), keep=keep)
    _show(f"Promoted {bundle}", found, Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout canary latest", "mlops rollout canary best --share 25%"))
def canary(
    bundle: _Bundle,
    *,
    share: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the requests: 10% or 0.1.")
    ] = "10%",
    model: _Model = None,
    url: _Url = _HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put a version on trial with a share of the requests, or change its share.

    It is rolled back when it fails, is slow, or answers otherwise: serve.canary_*.
    """
    from mlops_cli import admin_client

    body = {"bundle": _there(bundle), "share": share_of(share)}
    found = admin_client.change(url, model, "canary", **body)
    _show(f"Put {bundle} on trial", found, Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout shadow latest", "mlops rollout shadow --stop"))
def shadow(
    bundle: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|DIR|VERSION",
            help="A run, the folder of a bundle, or a version that is loaded.",
            show_default=False,
        ),
    ] = None,
    *,
    stop: Annotated[bool, typer.Option("--stop", help="End it.")] = False,
    model: _Model = None,
    url: _Url = _HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask a version the same as the others, unheard, and record where it differs."""
    from mlops_cli import admin_client

    if stop == (bundle is not None):
        raise UsageError("a shadow, or --stop", hint="mlops rollout shadow RUN")
    found = admin_client.change(url, model, "shadow", bundle=_there(bundle) if bundle else None)
    done = f"Put {bundle} in the shadow" if bundle else "Ended the shadow"
    _show(done, found, Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout rollback", "mlops rollout rollback --model topics"))
def rollback(
    model: _Model = None, url: _Url = _HERE, *, json: Json = False, quiet: Quiet = False
) -> None:
    """End the canary; without one, go back to the version before."""
    from mlops_cli import admin_client

    found = admin_client.change(url, model, "rollback")
    _show("Rolled back", found, Output(json_mode=json, quiet=quiet))


@app.command(epilog=epilog("mlops rollout unload 20261121-043744-tiny-7db7"))
def unload(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="A version that is loaded.", show_default=False)
    ],
    *,
    model: _Model = None,
    url: _Url = _HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take down a version that answers nobody."""
    from mlops_cli import admin_client

    found = admin_client.unload(url, model, version)
    _show(f"Unloaded {version}", found, Output(json_mode=json, quiet=quiet))


def _there(words: str) -> str:
    """A folder that is here as the server sees it; everything else as it is."""
    here = from_home(words)
    with suppress(OSError):  # No file can be called so.
        return str(here.resolve()) if here.is_dir() else words
    return words


def _show(title: str, found: dict[str, Any], out: Output) -> None:
    lines = [line for model in found["models"] for line in _lines(model)]
    lines += [
        f"  {event['at']}  {event['change']} {event['version']} of {event['model']}"
        + (f": {event['reason']}" if event["reason"] else "")
        for event in found["events"][-5:]
    ]
    trials = [model["canary"] for model in found["models"] if model["canary"]]
    passed = next((one["version"] for one in trials if one["passed"]), None)
    watched = trials or any(model["shadow"] for model in found["models"])
    following = "mlops rollout status" if watched else "mlops rollout canary RUN"
    out.result(
        title,
        found,
        lines="\n".join(lines),
        next_step=f"mlops rollout promote {passed}" if passed else following,
    )


def _lines(model: dict[str, Any]) -> list[str]:
    """What a person wants to see of a model."""
    lines = [f"{model['name']}: {model['primary']}"]
    trial, shadow = model["canary"], model["shadow"]
    used = {model["primary"]}
    if trial:
        used.add(trial["version"])
        took = f", p95 {trial['p95_ms']} ms" if trial["p95_ms"] is not None else ""
        lines.append(
            f"  canary  {trial['version']}: {trial['share']:.4g} of the requests,"
            f" {trial['requests']} so far, {trial['errors']} failed{took};"
            f" {trial['differing']} of {trial['compared']} rows differ"
            + ("; passed" if trial["passed"] else "")
        )
    if shadow:
        used.add(shadow["version"])
        lines.append(
            f"  shadow  {shadow['version']}: {shadow['differing']} of {shadow['compared']} rows"
            f" differ, {shadow['failed']} failed, {shadow['dropped']} not compared"
        )
    if model["previous"]:
        lines.append(f"  before  {model['previous']}")
    idle = [one["name"] for one in model["versions"] if one["name"] not in used]
    return lines + [f"  loaded  {name}" for name in idle]
