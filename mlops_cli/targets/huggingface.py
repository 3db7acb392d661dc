"""Target `huggingface`: the bundle and its model card in a model repository of the hub.

All files arrive in one commit, or none: whoever reads the repository sees the model before, or
this one. What the hub has then is held against the bundle, file by file, by the hashes it tells.
Files that the bundle before had and this one has not go with it; other files stay.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token
from huggingface_hub import hf_hub_url as file_url
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from mlops_cli import hub
from mlops_cli.errors import (
    ConfigError,
    GateError,
    MissingDependencyError,
    MlopsError,
    UnreachableError,
    UsageError,
)
from mlops_cli.files import sha256
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.deploy import Live, Need
from mlops_cli.schemas.target import HuggingfaceTargetConfig
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle
from mlops_cli.targets import Done, Order, Place
from mlops_cli.wording import counted

RUNS, PULLS, CANARY, CARD = False, False, False, True
_CARD = "README.md"
_LOGIN = "hf auth login, or a token that may write in HF_TOKEN: https://hf.co/settings/tokens"
_NO_WRITING = frozenset({"read"})
"""Roles of a token that may not write."""


def where(place: Place) -> str:
    """The repository's address, and its branch."""
    config = _config(place)
    return f"{constants.ENDPOINT}/{config.repository or '?'}@{config.branch}"


def check(place: Place, share: float | None) -> Sequence[Need]:
    """The repository's name, a token that may write, and whether the hub takes it."""
    return list(_needs(place))


def files(order: Order) -> Mapping[str, str]:
    """The model card; beside it come the files of the bundle, as they are."""
    return {_CARD: order.card}


def deploy(order: Order, files: Mapping[str, str], reporter: Reporter) -> Done:
    """Sends what the repository has not, in one commit, and proves what is there then."""
    place, config, repository = order.place, _config(order.place), _repository(order.place)
    local = _local(order.bundle)
    with _asked(place):
        api = HfApi()
        api.create_repo(repository, private=config.private, exist_ok=True)
        if config.branch != constants.DEFAULT_REVISION:
            api.create_branch(repository, branch=config.branch, exist_ok=True)
        head = api.repo_info(repository, revision=config.branch).sha
        before = _manifest(place)
        adding = [CommitOperationAdd(name, str(path)) for name, path in local.items()]
        adding.append(CommitOperationAdd(_CARD, files[_CARD].encode()))
        gone = _there(api, place, sorted(_named(before) - set(local)))
        reporter.info(f"sending {counted(len(adding), 'file')} to {where(place)}")
        commit = api.create_commit(
            repository,
            operations=[*adding, *(CommitOperationDelete(name) for name in gone)],
            commit_message=f"{order.model}, by mlops deploy",
            revision=config.branch,
            parent_commit=head,
        )
        _prove(api, order, files[_CARD], commit.oid)
    return Done(
        Live("running", where(place), order.bundle.digest, said=f"commit {commit.oid[:12]}"),
        changed=commit.oid != head,
    )


def status(place: Place) -> Live:
    """What the repository has on its branch."""
    with _asked(place):
        found = _manifest(place)
    if found is None:
        return Live("absent", where(place))
    return Live("running", where(place), str(found.get("digest")))


def withdraw(place: Place, reporter: Reporter) -> Live:
    """Nothing is ever on trial in a repository.

    Raises:
        UsageError: Always.
    """
    raise UsageError("a repository of the hub has no trial", hint="mlops deploy status")


def destroy(place: Place, reporter: Reporter) -> Sequence[str]:
    """Takes the bundle and its card out, in one commit; the repository and its history stay."""
    repository, branch = _repository(place), _config(place).branch
    with _asked(place):
        api = HfApi()
        names = _there(api, place, sorted({*_named(_manifest(place)), _CARD}))
        if not names:
            return []
        api.create_commit(
            repository,
            operations=[CommitOperationDelete(name) for name in names],
            commit_message="Taken down, by mlops deploy",
            revision=branch,
        )
    return [f"{counted(len(names), 'file')} of {where(place)}; the repository and its history stay"]


def _config(place: Place) -> HuggingfaceTargetConfig:
    return cast(HuggingfaceTargetConfig, place.config)


def _repository(place: Place) -> str:
    found = _config(place).repository
    if found is None:
        raise ConfigError(
            "target.repository does not say which repository of the hub",
            hint=f"target.repository=OWNER/{place.name}",
        )
    return found


def _needs(place: Place) -> Iterator[Need]:
    config = _config(place)
    if config.repository is None:
        hint = f"target.repository=OWNER/{place.name}"
        yield Need("repository", there=False, said="none is named", hint=hint)
        return
    if get_token() is None:
        yield Need("token", there=False, said="there is none for the hub", hint=_LOGIN)
        return
    try:
        with _asked(place):
            api = HfApi()
            told = api.whoami()
            there = api.repo_exists(config.repository)
    except MlopsError as error:
        yield Need("hub", there=False, said=error.message, hint=error.hint)
        return
    role = str(((told.get("auth") or {}).get("accessToken") or {}).get("role", ""))
    if role in _NO_WRITING:
        said = f"the token of {told['name']} may only read"
        yield Need("token", there=False, said=said, hint=_LOGIN)
    else:
        yield Need("token", there=True, said=f"{told['name']}, {role or 'of unknown role'}")
    kind = "private" if config.private else "public"
    said = "is there" if there else f"would be made, {kind}"
    yield Need("repository", there=True, said=f"{config.repository} {said}")


def _local(bundle: Bundle) -> dict[str, Path]:
    """The files of a bundle, by name."""
    own = [name for name in (MANIFEST, SIGNATURE) if (bundle.path / name).is_file()]
    names = [*own, *(name for name in bundle.facts["files"] if name not in bundle.left_out)]
    return {name: bundle.path / name for name in names}


def _manifest(place: Place) -> dict[str, Any] | None:
    """`bundle.json` as the branch has it; None where it has none that can be read."""
    url = file_url(_repository(place), MANIFEST, revision=_config(place).branch)
    answer = get_session().get(url, headers=build_hf_headers(), follow_redirects=True)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    hf_raise_for_status(answer)
    try:
        found = json.loads(answer.content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _named(manifest: dict[str, Any] | None) -> set[str]:
    """The files that a bundle in the repository consists of."""
    if manifest is None:
        return set()
    listed = manifest.get("files")
    return {MANIFEST, SIGNATURE, *(listed if isinstance(listed, dict) else ())}


def _there(api: HfApi, place: Place, names: list[str]) -> list[str]:
    """Those of the files that the branch has."""
    return sorted(_infos(api, place, names, _config(place).branch)) if names else []


def _infos(api: HfApi, place: Place, names: list[str], revision: str) -> dict[str, RepoFile]:
    told = api.get_paths_info(_repository(place), names, revision=revision)
    return {one.path: one for one in told if isinstance(one, RepoFile)}


def _prove(api: HfApi, order: Order, card: str, commit: str) -> None:
    """Holds what the hub has against the bundle.

    Raises:
        GateError: A file is not there, or is another one.
    """
    local: dict[str, Path | bytes] = {**_local(order.bundle), _CARD: card.encode()}
    found = _infos(api, order.place, sorted(local), commit)
    for name, content in local.items():
        one = found.get(name)
        if one is None or not _same(one, content):
            raise GateError(
                f"the hub has not the {name} that was sent",
                hint="mlops deploy rollback huggingface, or the same command again",
            )


def _same(one: RepoFile, content: Path | bytes) -> bool:
    if one.lfs is not None and isinstance(content, Path):
        return bool(one.lfs.sha256 == sha256(content))
    content = content.read_bytes() if isinstance(content, Path) else content
    if one.lfs is not None:
        return bool(one.lfs.sha256 == hashlib.sha256(content).hexdigest())
    # As git names what it holds.
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(one.blob_id == blob.hexdigest())


@contextmanager
def _asked(place: Place) -> Iterator[None]:
    """Translates what the hub refuses.

    Raises:
        MissingDependencyError: There is no token, it is wrong, or may not do this.
        UnreachableError: The hub does not answer.
        MlopsError: It refuses otherwise.
    """
    at = constants.ENDPOINT
    try:
        with hub.bounded(SilentReporter()):
            yield
    except LocalTokenNotFoundError as error:
        raise MissingDependencyError(f"there is no token for {at}", hint=_LOGIN) from error
    except HfHubHTTPError as error:
        raise _refused(place, error) from error
    except (OfflineModeIsEnabled, hub.NO_ANSWER) as error:
        raise UnreachableError(
            f"the hub at {at} does not answer", hint="the same command again, once it does"
        ) from error
    except HFValidationError as error:
        line = (str(error).strip().splitlines() or ["it says nothing"])[0]
        raise MlopsError(f"{at} can't take it: {line}") from error


def _refused(place: Place, error: HfHubHTTPError) -> MlopsError:
    at, repository = constants.ENDPOINT, _repository(place)
    code = error.response.status_code
    line = error.server_message or (str(error).strip().splitlines() or [str(code)])[0]
    if code == HTTPStatus.UNAUTHORIZED:
        return MissingDependencyError(f"{at} does not know the token", hint=_LOGIN)
    if code == HTTPStatus.FORBIDDEN:
        return MissingDependencyError(
            f"the token may not write to {repository}: {line}", hint=_LOGIN
        )
    if code == HTTPStatus.PRECONDITION_FAILED:
        return MlopsError(
            f"{repository} was changed by somebody else meanwhile", hint="the same command again"
        )
    if isinstance(error, RepositoryNotFoundError):
        return MissingDependencyError(f"{at} has no {repository} for this token", hint=_LOGIN)
    return MlopsError(f"{at} refuses: {line}")
