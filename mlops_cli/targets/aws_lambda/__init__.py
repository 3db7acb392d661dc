"""Target `aws_lambda`: the image as a function of AWS Lambda, behind an HTTP API.

Terraform makes what lasts from files that a team keeps: repository, role, logs, function, alias and
API. Which version answers is moved by Lambda's own calls: a new version is asked what it answers
with before the alias leads to it, a canary is a weight of the alias, and going back is the alias on
the version before. So a trial and a rollback take seconds, no Terraform and no Docker; and
Terraform, which does not look at these, finds nothing to change afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Live, Need
from mlops_cli.schemas.image import LAMBDA
from mlops_cli.targets import Done, Image, Order, Place, keys
from mlops_cli.targets.aws_lambda import (
    infrastructure,
    needs,
    registry,
    terraform_files,
    versions,
)
from mlops_cli.targets.aws_lambda.session import region
from mlops_cli.wording import counted

RUNS, PULLS, CANARY, CARD = True, True, True, False
RUNTIME = LAMBDA


def where(place: Place) -> str:
    """The region, and the function there."""
    return f"AWS {region(place) or '?'}/{place.name}"


def check(place: Place, share: float | None) -> Sequence[Need]:
    """Credentials, function, Terraform, registry, permission and API keys."""
    return list(needs.look(place, share))


def files(order: Order) -> Mapping[str, str]:
    """The Terraform files, and the settings that they take."""
    return terraform_files.of(order)


def push(place: Place, image: Image, reporter: Reporter) -> Image:
    """The image in a registry that Lambda pulls from; see `targets.Pushing`."""
    return registry.push(place, image, reporter)


def deploy(order: Order, files: Mapping[str, str], reporter: Reporter) -> Done:
    """Publishes a version, asks it, and has the alias lead to it; see `Target.deploy`."""
    place, found = order.place, versions.function(order.place)
    given = keys.variable(versions.keys_of(place, found))
    if order.share is not None:
        if found is None:
            raise NotFoundError(
                f"there is no function {place.name}", hint="deploy it without --canary first"
            )
        number = _proven(order, given, reporter)
        versions.lead(place, None, (number, order.share))
        return Done(status(place), changed=True)
    made = infrastructure.bring_up(place, files, given, found, reporter)
    try:
        number = _proven(order, given, reporter)
    except MlopsError as error:
        said = "the one before answers still"
        if found is None:
            infrastructure.take_down(place, reporter)
            said = "nothing is there, as before"
        raise type(error)(f"not deployed, {said}: {error.message}", hint=error.hint) from error
    moved = versions.lead(place, number)
    return Done(status(place), changed=made or moved)


def status(place: Place) -> Live:
    """What the alias leads to."""
    live = versions.look(place, where(place))
    if live.state != "absent" or not (count := infrastructure.left(place)):
        return live
    return replace(
        live, state="stopped", said=f"no function; {counted(count, 'thing')} around it left"
    )


def withdraw(place: Place, reporter: Reporter) -> Live:
    """Takes the weight of a trial from the alias."""
    versions.lead(place, None)
    return status(place)


def destroy(place: Place, reporter: Reporter) -> Sequence[str]:
    """Takes down everything but the images and their repository; the files stay."""
    return infrastructure.take_down(place, reporter)


def _proven(order: Order, given: str, reporter: Reporter) -> str:
    """The number of a version that answers with what was ordered."""
    number = versions.publish(order, given, reporter)
    versions.prove(order, number, reporter)
    return number
