"""AWS: who asks, where, and what it says when it refuses. The only file that knows boto3."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from mlops_cli.errors import (
    ConfigError,
    MissingDependencyError,
    MlopsError,
    NotFoundError,
    UnreachableError,
)
from mlops_cli.extras import extra
from mlops_cli.schemas.target import AwsLambdaTargetConfig, is_region
from mlops_cli.targets import Place

with extra("aws", "mlops deploy aws_lambda"):
    import boto3
    from botocore import exceptions as refusals
    from botocore.config import Config
    from botocore.parsers import ResponseParserError

_LOGIN = "aws sso login, or in a workflow aws-actions/configure-aws-credentials with a role (OIDC)"
_NO_LOGIN = (
    refusals.NoCredentialsError,
    refusals.PartialCredentialsError,
    refusals.CredentialRetrievalError,
    refusals.TokenRetrievalError,
    refusals.SSOError,
    refusals.UnauthorizedSSOTokenError,
    refusals.ProfileNotFound,
)
_OFF = (
    refusals.ConfigParseError,
    refusals.ConfigNotFound,
    refusals.InvalidConfigError,
    refusals.InvalidRegionError,
    ValueError,
)
"""What boto3 has against the variables and files that it reads, before anybody is asked."""
_NO_ANSWER = (refusals.HTTPClientError, refusals.ConnectionError)
_EXPIRED = ("ExpiredToken", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN = (
    "InvalidClientTokenId", "UnrecognizedClient", "AuthFailure", "SignatureDoesNotMatch",
    "InvalidSignature", "IncompleteSignature", "MissingAuthenticationToken", "InvalidAccessKeyId",
)  # fmt: skip
_DENIED = ("AccessDenied", "UnauthorizedOperation", "Unauthorized", "Forbidden")
_ABSENT = (
    "ResourceNotFound", "RepositoryNotFound", "ImageNotFound", "NoSuchEntity",
    "NoSuchKey", "NoSuchBucket",
)  # fmt: skip
_CHANGED = ("PreconditionFailed", "ResourceConflict")
_NO_IMAGE = ("InvalidImage", "ImageAccessDenied", "CodeVerificationFailed", "media type")
_ACTION = re.compile(r"not authorized to perform: (\S+)")


def config_of(place: Place) -> AwsLambdaTargetConfig:
    """The settings of the target."""
    return cast(AwsLambdaTargetConfig, place.config)


def region(place: Place) -> str:
    """The region: of the settings, of the environment, or of the profile; empty without any."""
    named = config_of(place).region or os.environ.get("AWS_REGION")
    try:
        return named or boto3.session.Session().region_name or ""
    except refusals.BotoCoreError:  # Its files are told of by the client.
        return ""


def required_region(place: Place) -> str:
    """The region.

    Raises:
        ConfigError: None is named, or none could be called so.
    """
    found = region(place)
    if not found:
        raise ConfigError(
            "no region of AWS is named", hint="target.region=eu-central-1, or AWS_REGION"
        )
    if not is_region(found):
        raise ConfigError(
            f"{found!r} is no region of AWS", hint="target.region=eu-central-1, or AWS_REGION"
        )
    return found


def client(place: Place, service: str) -> Any:
    """A client of one of AWS's services.

    Raises:
        ConfigError: No region is named, or a variable or file of AWS's is off.
        MissingDependencyError: The profile is none.
    """
    named = required_region(place)
    # What is deployed may take its time to answer; nothing else does.
    waits = config_of(place).timeout + 30 if service == "lambda" else 30
    who = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    with asked(place):
        try:
            return _client(service, named, waits, who)
        except _OFF as error:
            raise ConfigError(
                f"AWS can't be asked: {_line(str(error))}", hint="the variables AWS_…, and ~/.aws"
            ) from error


@cache
def _client(service: str, named: str, waits: int, who: tuple[tuple[str, str], ...]) -> Any:
    """A client, made once for whoever the environment says is asking: making one takes a while."""
    how = Config(connect_timeout=10, read_timeout=waits, retries={"mode": "standard"})
    return boto3.session.Session().client(service, region_name=named, config=how)


@contextmanager
def asked(place: Place) -> Iterator[None]:
    """Translates what AWS refuses.

    Raises:
        MissingDependencyError: There are no credentials, they are wrong, or may not do this.
        UnreachableError: It does not answer.
        NotFoundError: There is no such thing.
        MlopsError: It refuses otherwise.
    """
    try:
        yield
    except _NO_LOGIN as error:
        raise MissingDependencyError(f"AWS: {_line(str(error))}", hint=_LOGIN) from error
    except _NO_ANSWER as error:
        raise UnreachableError(
            f"AWS does not answer in {region(place)}: {_line(str(error))}", hint=_near(place)
        ) from error
    except refusals.ClientError as error:
        raise _refused(error) from error
    except (refusals.BotoCoreError, ResponseParserError) as error:
        raise MlopsError(f"AWS's answer is none: {_line(str(error))}") from error


def found(call: Callable[..., dict[str, Any]], **words: Any) -> dict[str, Any] | None:
    """What AWS answers; None where it says that there is no such thing."""
    try:
        return call(**words)
    except refusals.ClientError as error:
        if _is(_code(error), _ABSENT):
            return None
        raise


def _refused(error: refusals.ClientError) -> MlopsError:
    code, said = _code(error), str(error.response["Error"].get("Message", ""))
    line = _line(said) or code
    if _is(code, _EXPIRED):
        return MissingDependencyError(f"the credentials of AWS are expired: {line}", hint=_LOGIN)
    if _is(code, _UNKNOWN):
        return MissingDependencyError(f"AWS does not know the credentials: {line}", hint=_LOGIN)
    if any(word in f"{code} {said}" for word in _NO_IMAGE):
        return MlopsError(
            f"Lambda does not take the image: {line}",
            hint="one image, not a list of several, below 10 GB, in this region's ECR",
        )
    if _is(code, _DENIED):
        found = _ACTION.search(said)
        action = found[1] if found else error.operation_name
        return MissingDependencyError(
            f"AWS does not allow {action}: {line}", hint=f"a policy that allows {action}"
        )
    if _is(code, _ABSENT):
        return NotFoundError(
            f"AWS has not got it: {line}", hint="target.region, or another account"
        )
    if _is(code, _CHANGED):
        return MlopsError(
            f"it is being changed by somebody else: {line}", hint="the same command again"
        )
    return MlopsError(f"AWS refuses {error.operation_name}: {code}: {line}")


def _code(error: refusals.ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def _is(code: str, kinds: tuple[str, ...]) -> bool:
    """Whether an error is of one of the kinds, of which services differ in the end of the word."""
    return code.removesuffix("Exception").removesuffix("Fault") in kinds


def _line(said: str) -> str:
    """What is said, as one line."""
    return " ".join(said.split())[:300]


def _near(place: Place) -> str:
    """What may be wrong with the region: boto3 knows them by name."""
    named = region(place)
    session = boto3.session.Session()
    known = [
        one
        for partition in ("aws", "aws-cn", "aws-us-gov")
        for one in session.get_available_regions("lambda", partition)
    ]
    if named in known:
        return "the same command again, once it does"
    near = get_close_matches(named, known, n=1)
    return f"did you mean target.region={near[0]}?" if near else "a region: target.region=NAME"
