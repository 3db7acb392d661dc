"""What lasts: made and taken down by Terraform, from the files in the folder of the deployment."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mlops_cli.errors import NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.targets import Place, lay_out
from mlops_cli.targets.aws_lambda import terraform, terraform_files, versions
from mlops_cli.targets.aws_lambda.session import asked, client, config_of
from mlops_cli.targets.aws_lambda.session import found as there
from mlops_cli.targets.aws_lambda.versions import APPLIED, URL, Function

_FUNCTION = "function"


def applied(found: Function | None, wanted: Mapping[str, str]) -> bool:
    """Whether the function was made from the very same files, as its tag says."""
    return found is not None and found.tags.get(APPLIED) == terraform_files.digest(wanted)


def bring_up(
    place: Place, wanted: Mapping[str, str], given: str, found: Function | None, reporter: Reporter
) -> bool:
    """Makes what the files say, unless it is there.

    Args:
        place: Where.
        wanted: The terraform_files.
        given: The API keys that a new function begins with.
        found: The function, where it is there.
        reporter: Told of progress.

    Returns:
        Whether anything had to be looked at.

    Raises:
        NotFoundError: The function is there, and its state is not here: all would be made twice.
        MlopsError: It can't; what was made until then is known, and is gone on from.
    """
    if applied(found, wanted):
        lay_out(place.folder, wanted)
        return False
    if found is not None:
        _require_state(place)
    terraform.require()
    lay_out(place.folder, wanted)
    for name in terraform_files.edited(place):
        reporter.warn(f"{place.folder / name} was edited: it is applied as it is there")
    ours = _ours(place, _FUNCTION, reporter)
    ours.apply(api_keys=given)
    told = ours.outputs()
    made = versions.function(place)
    assert made is not None
    tags = {APPLIED: terraform_files.digest(wanted)} | ({URL: told["url"]} if "url" in told else {})
    versions.note(place, made, tags)
    return True


def bring_up_repository(place: Place, reporter: Reporter) -> None:
    """Makes the repository of images.

    Raises:
        MlopsError: It can't.
    """
    lay_out(place.folder, terraform_files.of_repository(place))
    _ours(place, terraform_files.REPOSITORY, reporter).apply()


def take_down(place: Place, reporter: Reporter) -> list[str]:
    """Takes down everything but the images; what was removed.

    Raises:
        NotFoundError: The files, or the state, are not here.
        MlopsError: It can't.
    """
    if not (place.folder / terraform_files.MAIN).is_file():
        raise NotFoundError(
            f"there are no Terraform files at {place.folder}",
            hint="get them back from git, or write them: mlops deploy aws_lambda --plan",
        )
    _require_state(place)
    return _ours(place, _FUNCTION, reporter).destroy()


def left(place: Place) -> int:
    """How many things Terraform has made and not taken down, by its state.

    Raises:
        MlopsError: The state is in a bucket that can't be read.
    """
    told = b"{}"
    if (state := config_of(place).state) is not None:
        bucket, _, key = state.removeprefix("s3://").partition("/")
        with asked(place):
            answer = there(client(place, "s3").get_object, Bucket=bucket, Key=key)
            told = answer["Body"].read() if answer is not None else told
    else:
        with suppress(FileNotFoundError):
            told = local_state(place).read_bytes()
    made = json.loads(told or b"{}").get("resources", [])
    return sum(len(one["instances"]) for one in made if one["mode"] == "managed")


def _require_state(place: Place) -> None:
    if stateless(place):
        raise NotFoundError(
            f"Terraform's state is not at {local_state(place)}",
            hint="on the machine that made it; target.state=s3://BUCKET/KEY keeps it for a team",
        )


def stateless(place: Place) -> bool:
    """Whether the state would be on this machine, and is neither here nor to be moved here."""
    if config_of(place).state is not None or local_state(place).is_file():
        return False
    known = _data(place, _FUNCTION) / "terraform.tfstate"
    return not (known.is_file() and '"type": "s3"' in known.read_text("utf-8"))


def local_state(place: Place) -> Path:
    """Where the state of the function is, when it is kept on this machine."""
    return place.state / f"{_FUNCTION}.tfstate"


def _ours(place: Place, kind: str, reporter: Reporter) -> terraform.Files:
    """The files of the function, or of its repository."""
    folder = place.folder / kind if kind == terraform_files.REPOSITORY else place.folder
    return terraform.Files(folder, _data(place, kind), reporter)


def _data(place: Place, kind: str) -> Path:
    """What Terraform downloads, and where it knows the state to be."""
    return place.state / f"terraform-{kind}"
