"""Whose signatures the project accepts."""

from collections.abc import Sequence
from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.registry import RegistryConfig, problems
from mlops_cli.serving.signatures import Trust

_WORDS = (b"trust", b"require_signature")


def trusted(root: Path, overrides: Sequence[str] = ()) -> Trust:
    """Whose signatures count, as the project's config and what was typed say.

    Raises:
        ConfigError: They are wrong, or name a file that is not there.
    """
    if not overrides and not _mentioned(root):
        return Trust()  # What ships trusts nobody: that is known without composing anything.
    from mlops_cli import config as configs

    return of(configs.load_group("registry", overrides, root=root))


def of(settings: RegistryConfig) -> Trust:
    """Whose signatures count, by settings.

    Raises:
        ConfigError: They require what nobody can give, or name a file that is not there.
    """
    for problem in problems(settings):
        raise problem
    files = tuple(project.locate(name) for name in settings.trust)
    for name, file in zip(settings.trust, files, strict=True):
        if not file.is_file():
            raise ConfigError(
                f"registry.trust names {name}, which is not there",
                hint="a file of a public key, as seen from the project's root",
            )
    return Trust(files, settings.trust_identities, settings.require_signature)


def _mentioned(root: Path) -> bool:
    """Whether any config file of the project says a word of it."""
    return any(
        word in file.read_bytes()
        for file in (root / "configs").rglob("*.yaml")
        if file.is_file()
        for word in _WORDS
    )
