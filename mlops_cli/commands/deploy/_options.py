"""Options that the commands of deployments share."""

from typing import Annotated

import typer

from mlops_cli.commands._options import split_run
from mlops_cli.completion import complete_target, complete_version_or_override
from mlops_cli.errors import UsageError

_TARGET = typer.Argument(
    metavar="TARGET",
    help="A choice of the config group target: compose, kubernetes, aws_lambda, huggingface, "
    "your own.",
    autocompletion=complete_target,
    show_default=False,
)
Target = Annotated[str, _TARGET]
OptionalTarget = Annotated[str | None, _TARGET]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL@STAGE KEY=VALUE...",
        help="A version, a run or the folder of a bundle; then settings of target, image, serve "
        "and registry.",
        autocompletion=complete_version_or_override,
        show_default="what is in production",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE...",
        help="Settings of the target, over those that it was deployed with.",
        autocompletion=complete_version_or_override,
        show_default=False,
    ),
]
Message = Annotated[
    str | None,
    typer.Option("--message", "-m", metavar="WHY", help="The reason, for the audit log."),
]
Canary = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Beside what answers, with a share of the requests: 10% or 0.1.",
        show_default=False,
    ),
]


def model_and_settings(words: list[str] | None) -> tuple[str | None, list[str]]:
    """What to deploy, None for what is in production, and the settings.

    Raises:
        UsageError: What to deploy is named by an empty word, or one that follows is no setting.
    """
    reference, overrides = split_run(words, default="")
    if words and not words[0]:
        # An empty variable of a script must not deploy something else than was meant.
        raise UsageError("the model that is named is empty", hint="MODEL@STAGE, or leave it out")
    for word in overrides:
        if "=" not in word:
            raise UsageError(f"{word!r} is no setting", hint="KEY=VALUE, such as target.port=9000")
    return reference or None, overrides


def only_settings(words: list[str] | None) -> list[str]:
    """Words of which each is a setting.

    Raises:
        UsageError: One is none.
    """
    for word in words or ():
        if "=" not in word:
            raise UsageError(f"{word!r} is no setting", hint="such as target.deployment=reviews")
    return words or []
