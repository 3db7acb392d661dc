"""`mlops models sign`: somebody stands for a bundle or a version with a signature."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_version
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "sign"
EPILOG = epilog(
    "mlops models sign --key release.pem",
    "mlops models sign reviews@production --key release.pem",
    "mlops models sign best --certificate me.crt --key me.pem --chain team.crt",
    "mlops models sign reviews@v1.2.0 --keyless",
)


def run(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME@STAGE|RUN|DIR",
            help="A registered version, a run with a bundle, or the folder of one.",
            autocompletion=complete_version,
            show_default="the newest bundle",
        ),
    ] = None,
    *,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An elliptic-curve private key (PEM); its password: MLOPS_SIGNING_PASSWORD.",
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key's certificate (PEM).")
    ] = None,
    chain: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A certificate between that and the authority; may be repeated."
        ),
    ] = None,
    keyless: Annotated[
        bool, typer.Option("--keyless", help="By an identity that sigstore attests; online.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sign a bundle or a registered version, in the format of OpenSSF Model Signing.

    Whose signatures count when a version is promoted, served or predicted with: registry.trust.
    """
    from mlops_cli import bundle_lookup, project

    with extra("train", "mlops models"):
        from mlops_cli.registry import names, signing

    out = Output(json_mode=json, quiet=quiet)
    credentials = signing.Credentials(key, certificate, chain or (), keyless)
    root = project.find_root()
    if reference is not None and "@" in reference and "/" not in reference:
        done = signing.run_version(root, reference, credentials, out)
        following = names.pushing(done.remote)
    else:
        folder = bundle_lookup.called(root, reference)
        done = signing.run_bundle(root, folder, credentials, out)
        following = f"mlops models register {done.run or done.signed}"
        if done.registered:
            following = f"mlops models sign {done.registered} {credentials.options}"
    out.result(f"Signed {done.signed} by {done.by}", done, next_step=following)
