"""What a deployment on AWS Lambda takes: asked of AWS, and nothing is changed."""

import os
from collections.abc import Iterator, Sequence

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.deploy import Need
from mlops_cli.targets import Place, keys
from mlops_cli.targets.aws_lambda import (
    infrastructure,
    registry,
    terraform,
    terraform_files,
    versions,
)
from mlops_cli.targets.aws_lambda.session import (
    asked,
    client,
    config_of,
    region,
    required_region,
)
from mlops_cli.targets.aws_lambda.versions import Function

_LONGEST = 4096
"""Bytes of all variables of a function together."""
_MOVING = (
    "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:PublishVersion",
    "lambda:UpdateAlias", "lambda:InvokeFunction",
)  # fmt: skip
_MAKING = (*_MOVING, "lambda:CreateFunction", "lambda:CreateAlias", "lambda:AddPermission")
_ROLE = ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole")


def look(place: Place, share: float | None) -> Iterator[Need]:
    """Region, credentials, function, Terraform and its state, registry, permission, API keys."""
    terraform_files.named(place)
    named = required_region(place)
    try:
        with asked(place):
            told = client(place, "sts").get_caller_identity()
        found = versions.function(place)
    except MlopsError as error:
        yield Need("account", there=False, said=error.message, hint=error.hint)
        return
    yield Need("account", there=True, said=f"{told['Arn']} in {named}")
    function = _function(place, found)
    yield function
    if not function.there:
        return
    yield from _terraform(place, found)
    yield from _image(place, str(told["Account"]))
    yield _permission(place, str(told["Arn"]), found)
    yield _keys(place, found)


def _function(place: Place, found: Function | None) -> Need:
    if found is None:
        said = f"{place.name} would be made, with role, logs and HTTP API"
        return Need("function", there=True, said=said)
    marks = (found.tags.get("managed-by"), found.tags.get("deployment"))
    if found.tags and marks != ("mlops", place.name):
        said = f"a function {place.name} is there that mlops has not made"
        return Need("function", there=False, said=said, hint="another: target.deployment=NAME")
    return Need("function", there=True, said=f"{place.name} is there")


def _terraform(place: Place, found: Function | None) -> Iterator[Need]:
    command = terraform.there()
    if command is not None:
        yield Need("Terraform", there=True, said=f"{command} is installed")
    elif found is None:
        said, hint = terraform.missing()
        yield Need("Terraform", there=False, said=said, hint=hint)
    else:
        said = "it is not installed: versions move without it, other settings don't"
        yield Need("Terraform", there=True, said=said)
    state = config_of(place).state
    if state is not None:
        yield Need("state", there=True, said=f"Terraform keeps it at {state}")
    elif found is not None and infrastructure.stateless(place):
        said = "it is not on this machine: versions move without it, other settings don't"
        yield Need("state", there=True, said=said)


def _image(place: Place, account: str) -> Iterator[Need]:
    """Whether Lambda may pull from where the image is."""
    config = config_of(place)
    given = config.image or config.registry
    if given is None:
        try:
            there = registry.find(place)
        except MlopsError as error:
            yield Need("registry", there=False, said=error.message, hint=error.hint)
            return
        said = f"images go to {there}" if there else f"a repository {place.name} would be made"
        if there is None and terraform.there() is None:
            missing, hint = terraform.missing()
            yield Need("registry", there=False, said=missing, hint=hint)
        else:
            yield Need("registry", there=True, said=said)
        return
    host = given.partition("/")[0]
    found = registry.HOST.fullmatch(host)
    if found is None and not _emulated():
        hint = f"{account}.dkr.ecr.{region(place)}.amazonaws.com/…, or neither image nor registry"
        said = f"Lambda takes images of ECR alone, and {host} is another registry"
        yield Need("registry", there=False, said=said, hint=hint)
    elif found is not None and found[2] != region(place):
        said = f"Lambda in {region(place)} takes no image of {found[2]}"
        hint = f"target.region={found[2]}, or a registry of {region(place)}"
        yield Need("registry", there=False, said=said, hint=hint)
    else:
        yield Need("registry", there=True, said=f"images are at {given}")


def _emulated() -> bool:
    """Whether it is not AWS that is asked, but an emulator of it."""
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"))


def _permission(place: Place, who: str, found: Function | None) -> Need:
    """Whether whoever asks may do what it takes, as far as AWS tells beforehand."""
    denied, allowed = [], 0
    try:
        for resource, actions in _actions(place, who, found):
            with asked(place):
                told = client(place, "iam").simulate_principal_policy(
                    PolicySourceArn=_principal(who),
                    ActionNames=list(actions),
                    ResourceArns=[resource],
                )["EvaluationResults"]
            refused = [one["EvalActionName"] for one in told if one["EvalDecision"] != "allowed"]
            denied += refused
            allowed += len(actions) - len(refused)
    except MlopsError:
        return Need("permission", there=True, said="AWS does not tell it beforehand to this user")
    if denied:
        said = f"{who} may not {', '.join(denied)}"
        hint = "a policy that allows it, or the role of target.github"
        return Need("permission", there=False, said=said, hint=hint)
    return Need("permission", there=True, said=f"{allowed} actions are allowed")


def _actions(place: Place, who: str, found: Function | None) -> Iterator[tuple[str, Sequence[str]]]:
    """What it takes, by what it is done to: a role may touch this deployment alone."""
    _, partition, _, _, account, _ = who.split(":", 5)
    named, config = region(place), config_of(place)
    function = f"arn:{partition}:lambda:{named}:{account}:function:{place.name}"
    yield function, _MOVING if found else _MAKING
    if found is None:
        yield f"arn:{partition}:iam::{account}:role/{place.name}-{named}", _ROLE
        group = f"log-group:/aws/lambda/{place.name}"
        yield f"arn:{partition}:logs:{named}:{account}:{group}", ("logs:CreateLogGroup",)
        yield f"arn:{partition}:apigateway:{named}::/apis", ("apigateway:POST",)
    if config.image is None:
        host = registry.HOST.fullmatch((config.registry or "").partition("/")[0])
        below = f"{host[1] if host else account}:repository/{terraform_files.repository(place)}"
        yield f"arn:{partition}:ecr:{named}:{below}", ("ecr:PutImage",)
        yield "*", ("ecr:GetAuthorizationToken",)


def _principal(who: str) -> str:
    """The user or role whose policies count: of a session, the role that was assumed."""
    kind, _, rest = who.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return who
    head = who.rpartition(":")[0].replace(":sts:", ":iam:")
    return f"{head}:role/{rest.partition('/')[0]}"


def _keys(place: Place, found: Function | None) -> Need:
    given = versions.keys_of(place, found)
    size = len(keys.variable(given).encode())
    if size > _LONGEST - 200:
        said = f"{len(given)} take {size} bytes, and a function has {_LONGEST} for its variables"
        return Need("API keys", there=False, said=said, hint="fewer: one for each who asks")
    if given:
        return Need("API keys", there=True, said=f"{len(given)} may ask")
    if config_of(place).open:
        return Need("API keys", there=True, said="none: everybody may ask, as target.open says")
    said = "none are given, and everybody can ask the API"
    hint = "MLOPS_API_KEYS or serve.api_keys; mlops serve --new-key NAME makes one"
    return Need("API keys", there=False, said=said, hint=f"{hint}; or target.open=true")
