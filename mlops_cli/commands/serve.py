"""`mlops serve`: a bundle behind HTTP."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, RunAndOverrides, epilog, share_of, split_run
from mlops_cli.errors import UsageError
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.serve import ServeConfig
    from mlops_cli.serving.server import Listening

NAME = "serve"
EPILOG = epilog(
    "mlops serve",
    "mlops serve best --port 9000",
    "mlops serve --bundle bundles/cola --host 0.0.0.0",
    "mlops serve serve.queue=4096 serve.deadline_ms=500",
    "mlops serve best --canary latest --share 10%",
    "mlops serve --shadow latest",
    "mlops serve --new-key shop",
    "mlops serve serve.api_keys=keys.txt",
)


def run(
    words: RunAndOverrides = None,
    *,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A bundle; else the newest one of the project."),
    ] = None,
    canary: Annotated[
        str | None,
        typer.Option(metavar="RUN|DIR", help="A version on trial with a share of the requests."),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="The canary's share: 10% or 0.1.", show_default="10%"),
    ] = None,
    shadow: Annotated[
        str | None,
        typer.Option(metavar="RUN|DIR", help="A version that is asked the same, unheard."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen at.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port to listen at; 0: a free one.", min=0, max=65535, show_default="8000"
        ),
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make an API key of this name, and serve nothing."),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="With --new-key: one that may administer.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Serve a bundle over HTTP. Needs no training packages."""
    if new_key is not None:
        _make_key(new_key, Output(json_mode=json, quiet=quiet), admin=admin)
        return
    if admin:
        raise UsageError("--admin goes with --new-key", hint="mlops serve --new-key NAME --admin")
    reference, overrides = split_run(words, default="")
    if bundle is not None and reference:
        raise UsageError("--bundle and RUN both name a bundle", hint="give one of them")
    from mlops_cli import project, serving_plan

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    begun = serving_plan.begin(root, bundle, reference or None)
    # Only now, and below: the bytes of what is served are checked meanwhile.
    from mlops_cli import config
    from mlops_cli.registry import trusting

    typed = {
        "serve.host": host,
        "serve.port": port,
        "serve.canary_share": None if share is None else share_of(share),
    }
    given = [f"{key}={value}" for key, value in typed.items() if value is not None]
    settings: ServeConfig = config.load_group("serve", [*overrides, *given], root=root)
    settings = replace(settings, canary=canary or settings.canary, shadow=shadow or settings.shadow)
    if share is not None and settings.canary is None:
        raise UsageError("--share goes with --canary", hint="mlops serve --canary RUN --share 10%")
    trust = trusting.trusted(root, overrides)
    plan = serving_plan.make(root, settings, bundle, reference or None, trust, begun=begun)
    from mlops_cli.serving import logs, startup

    warn = logs.warner(settings, out.warn)
    starting = startup.begin(plan, settings, warn)
    # And this only now: it is loaded meanwhile.
    from mlops_cli.serving import server

    def ready(listening: "Listening") -> None:
        others = [f"{name} {version}" for name, version in listening.models.items()]
        out.result(
            f"Serving {listening.model} ({listening.task}, run {listening.run}) at {listening.url}",
            listening,
            lines="\n".join(f"  {line}" for line in others) if others[1:] else None,
            next_step=f"curl {listening.url}/predict -d '{listening.example}'",
        )

    server.run(starting, settings, on_ready=ready, warn=warn)


def _make_key(name: str, out: Output, *, admin: bool) -> None:
    """Shows a new key, once, and the line by which a server knows it."""
    from mlops_cli.serving import auth

    secret, key = auth.new(name, "admin" if admin else "predict")
    if out.quiet and not out.json_mode:
        out.data(secret)
        return
    out.result(
        f"Made an API key for {name}; it is shown this once: {secret}",
        auth.NewKey(name, key.role, secret, key.line),
        next_step=f"echo '{key.line}' >> keys.txt && mlops serve serve.api_keys=keys.txt",
    )
