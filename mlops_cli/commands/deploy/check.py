"""`mlops deploy check`: what a deployment takes, and what it would change."""

import shlex

from mlops_cli.commands._options import Json, Quiet, epilog, share_of
from mlops_cli.commands.deploy._options import Canary, Target, Words, model_and_settings
from mlops_cli.errors import MissingDependencyError
from mlops_cli.extras import extra
from mlops_cli.output import Output
from mlops_cli.wording import counted

NAME = "check"
EPILOG = epilog(
    "mlops deploy check compose",
    "mlops deploy check kubernetes reviews@production",
    "mlops deploy check compose reviews@staging --canary 10%",
)


def run(
    target: Target,
    words: Words = None,
    *,
    canary: Canary = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell what a deployment takes, each gap with its remedy, and what it would change."""
    from mlops_cli import project

    with extra("train", "mlops deploy"):
        from mlops_cli import deployment
    from mlops_cli.reports import deploy as report

    out = Output(json_mode=json, quiet=quiet)
    reference, overrides = model_and_settings(words)
    share = share_of(canary) if canary is not None else None
    wanted = deployment.Wanted(target, reference, overrides, share)
    found = deployment.check(project.find_root(), wanted, out)
    missing = [need for need in found.needs if not need.there]
    typed = ["mlops", "deploy", target, *(words or ()), *(["--canary", canary] if canary else [])]
    out.result(
        report.checked(found),
        found,
        lines=report.needs(found),
        next_step=missing[0].hint if missing else shlex.join(typed),
        failed=bool(missing),
    )
    if missing:
        raise MissingDependencyError(
            f"{len(missing)} of {counted(len(found.needs), 'thing')} that {found.target} takes "
            f"{'is' if len(missing) == 1 else 'are'} missing, first: {missing[0].name}",
            hint=missing[0].hint,
        )
