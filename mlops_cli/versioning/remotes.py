"""The remotes of a project: where its data goes besides this machine.

What may be committed is written to `.dvc/config`. Secrets are written to `.dvc/config.local`, which
git ignores and only its owner reads; they are never shown, logged or part of a result.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dvc.config import Config
from dvc.config import ConfigError as DvcConfigError

from mlops_cli.errors import ConfigError, UsageError
from mlops_cli.files import write_text
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.remotes import Remote, RemoteAdded, RemoteRemoved
from mlops_cli.versioning import settings
from mlops_cli.versioning.repository import damaged_config, dvc_folder, edited, open_config

_SHOWN_FILES = {"repo": ".dvc/config", "local": ".dvc/config.local"}
_IGNORED = "/config.local"


def secrets_to_ask(url: str, words: Sequence[str]) -> list[str]:
    """The secret settings that were typed as `KEY=-`, after every word was checked.

    Raises:
        UsageError: The URL or a word can't be used.
        ConfigError: There is no such setting.
    """
    typed = settings.parse(words, settings.kind_of(settings.check_url(url)))
    return [key for key, value in typed.items() if value == "-" and key in settings.SECRETS]


def add(
    root: Path,
    name: str,
    url: str,
    words: Sequence[str],
    reporter: Reporter,
    *,
    answers: Mapping[str, str] | None = None,
    default: bool = False,
    force: bool = False,
) -> RemoteAdded:
    """Writes a remote into the project's DVC config.

    Args:
        root: The project.
        name: Its name.
        url: Its URL, or a folder.
        words: Its settings as `KEY=VALUE`.
        reporter: Hears what should be done otherwise.
        answers: Values of the secret settings that were typed as `KEY=-`.
        default: Make it the default remote; the first one always is.
        force: Replace a remote of this name.

    Raises:
        UsageError: The name or URL can't be used, or the name is taken.
        ConfigError: There is no such setting, or its value is wrong.
    """
    name, url = settings.check_name(name), settings.check_url(url)
    kind = settings.kind_of(url)
    typed = settings.parse(words, kind)
    values = {key: (answers or {}).get(key, value) for key, value in typed.items()}
    settings.check_values(url, values)
    config = open_config(root)
    known = name in config["remote"]
    if known and not force:
        raise UsageError(f"there is a remote {name!r} already", hint="--force replaces it")
    secret = {key: value for key, value in values.items() if key in settings.SECRETS}
    public = {key: value for key, value in values.items() if key not in secret}
    if any(typed[key] != "-" for key in secret):
        told = next(key for key in secret if typed[key] != "-")
        reporter.warn(f"what is typed stays in the shell's history; {told}=- asks for it instead")
    default = default or not config["core"].get("remote")
    files = _write(config, root, name, url, public=public, secret=secret, default=default)
    return RemoteAdded(_remote(config, name), known, files)


def _write(
    config: Config,
    root: Path,
    name: str,
    url: str,
    *,
    public: Mapping[str, str],
    secret: Mapping[str, str],
    default: bool,
) -> list[str]:
    """Writes secrets first: a kill in between leaves a remote that is not complete nowhere."""
    stored = settings.stored_url(url, dvc_folder(root).parent)
    files = []
    try:
        if secret:
            _let_git_ignore_secrets(dvc_folder(root))
        if secret or name in config.read("local")["remote"]:
            # Without a URL of its own, what the committed file says about the place holds.
            with edited(config, "local", validate=False) as local:
                local["remote"].pop(name, None)
                if secret:
                    local["remote"][name] = dict(secret)
            files.append(_SHOWN_FILES["local"])
        with edited(config, "repo") as repo:
            repo["remote"][name] = {"url": stored, **public}
            if default:
                repo["core"]["remote"] = name
        files.insert(0, _SHOWN_FILES["repo"])
    except DvcConfigError as error:
        raise damaged_config(error) from error
    return files


def _let_git_ignore_secrets(folder: Path) -> None:
    """`dvc init --no-scm` makes no .gitignore, and the project may be in git all the same."""
    ignore = folder / ".gitignore"
    lines = ignore.read_text("utf-8").splitlines() if ignore.is_file() else []
    if _IGNORED not in lines:
        write_text(ignore, "\n".join([*lines, _IGNORED, ""]))


def list_all(root: Path) -> list[Remote]:
    """Every remote of the project, the default one first, without secrets."""
    config = open_config(root)
    found = [_remote(config, name) for name in config["remote"]]
    return sorted(found, key=lambda remote: (not remote.default, remote.name))


def remove(root: Path, name: str) -> RemoteRemoved:
    """Takes a remote out of the project's config files. The data in it stays.

    Raises:
        ConfigError: There is no such remote in the project.
    """
    config = open_config(root)
    name = find(config, name)
    remote, files = _remote(config, name), []
    levels = [level for level in ("repo", "local") if name in config.read(level)["remote"]]
    if not levels:
        raise ConfigError(
            f"the remote {name!r} is set for all projects of this machine",
            hint=f"dvc remote remove --global {name}",
        )
    for level in levels:
        with edited(config, level, validate=False) as held:
            del held["remote"][name]
            if held["core"].get("remote") == name:
                del held["core"]["remote"]
        files.append(_SHOWN_FILES[level])
    return RemoteRemoved(remote, files)


def find(config: Mapping[str, Any], name: str | None) -> str:
    """The name of a remote as the config has it; the default remote's if None.

    Raises:
        ConfigError: There is no such remote, or no default.
    """
    known = list(config["remote"])
    if name is None:
        name = config["core"].get("remote")
        if name is None:
            raise ConfigError(
                "the project has no default remote" if known else "the project has no remote",
                hint=f"--remote {known[0]}" if known else "mlops remote add storage URL --default",
            )
    if name.lower() not in known:
        near = get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"remotes: {', '.join(known)}"
        raise ConfigError(
            f"there is no remote {name!r}",
            hint=hint if known else f"mlops remote add {name} URL --default",
        )
    return name.lower()


def describe(config: Mapping[str, Any], name: str) -> Remote:
    """What may be shown of a remote."""
    held = config["remote"][name]
    url = settings.shown_url(str(held["url"]))
    shown = {
        key: settings.shown_url(str(value))
        for key, value in held.items()
        if key != "url" and key not in settings.SECRETS
    }
    secrets = sorted(set(held) & settings.SECRETS)
    default = config["core"].get("remote") == name
    kind = str(held["url"]).partition("://")[0] if "://" in str(held["url"]) else "folder"
    return Remote(name, url, kind, default, shown, secrets)


def _remote(config: Config, name: str) -> Remote:
    # Read without DVC's schema: what it would add are defaults that nobody has set.
    return describe(config.read(), name)
