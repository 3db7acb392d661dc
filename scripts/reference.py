"""Writes docs/commands.md and docs/config.md from the program itself; `--check` only compares.

The commands' pages are their own `--help`, the settings' tables come from the schemas and the
shipped YAML files: neither can say what the program doesn't do.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

from mlops_cli.cli import application
from mlops_cli.config.keys import GROUPS, SHORTCUTS, Key, keys_of, schemas_of
from mlops_cli.config.tree import open_tree
from mlops_cli.schemas.option import Limits

REPOSITORY = Path(__file__).resolve().parent.parent
GENERATED = "<!-- Written by scripts/reference.py; `make fix` renews it. -->\n"
SAYS = re.compile(r"(?:@package \S+\s)?(?P<about>.+?):\s+(?P<command>mlops [^\n]+)", re.DOTALL)
"""How the comment at the top of a YAML file reads: what it is, and a command that uses it."""


def command_paths() -> list[list[str]]:
    """The words of every command, in the order of the help."""
    paths: list[list[str]] = [[]]
    app = application()
    paths += [[command.name] for command in app.registered_commands if command.name]
    for group in app.registered_groups:
        assert group.name
        assert group.typer_instance
        paths.append([group.name])
        for command in group.typer_instance.registered_commands:
            assert command.callback
            paths.append([group.name, command.name or command.callback.__name__])
    return paths


def help_text(words: list[str]) -> str:
    """What a command's `--help` prints on a terminal without colours, 88 columns wide."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "88", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-m", "mlops_cli", *words, "--help"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n")


def commands_page() -> str:
    """Every command's help, in one page."""
    paths = command_paths()
    with ThreadPoolExecutor() as pool:
        texts = list(pool.map(help_text, paths))
    page = [GENERATED, "# Commands\n"]
    for words, text in zip(paths, texts, strict=True):
        title = " ".join(["mlops", *words])
        page += [f"## {title}\n", f"```text\n{text}\n```\n"]
    return "\n".join(page)


def config_page() -> str:
    """Every group's choices and every setting with its type, default and limits."""
    page = [GENERATED, "# Config\n", "Settings are typed as `KEY=VALUE` after a command.\n"]
    page += ["## Shortcuts\n", *table(SHORTCUTS.values(), ""), ""]
    for group in GROUPS:
        page += [f"## {group}\n", *choices(group), ""]
        for title, keys in schemas(group):
            page += [f"{title}\n", *table(keys, f"{group}."), ""]
    page += ["## experiment\n", *choices("experiment"), ""]
    return "\n".join(page)


def choices(group: str) -> Iterator[str]:
    """A list of a group's shipped files with what their first comment says."""
    for name, path in open_tree(REPOSITORY).choices(group).items():
        comment = [line[1:].strip() for line in takewhile(is_comment, path.open(encoding="utf-8"))]
        says = SAYS.match("\n".join(comment))
        assert says, f"{path} does not open with a comment that names a command"
        yield f"- `{group}={name}`: {' '.join(says['about'].split())}: `{says['command']}`"


def is_comment(line: str) -> bool:
    """Whether a line of YAML is a comment."""
    return line.startswith("#")


def schemas(group: str) -> Iterator[tuple[str, list[Key]]]:
    """The settings of a group: those of all its choices, then those that some add."""
    shared = GROUPS[group]
    if shared is None:
        return
    common = keys_of(shared)
    yield f"Settings of every `{group}`:", list(common.values())
    for family, schema in schemas_of(group).items():
        added = [key for name, key in keys_of(schema).items() if name not in common]
        if added:
            yield f"Where the {group} module is `{family}`, also:", added


def table(keys: Iterable[Key], prefix: str) -> Iterator[str]:
    """A table of settings."""
    yield "| setting | type | default | |"
    yield "|---|---|---|---|"
    for key in keys:
        about = " ".join(filter(None, (key.help, limits_text(key.limits))))
        yield f"| `{prefix}{key.name}` | {type_text(key.kind)} | {default_text(key)} | {about} |"


def type_text(kind: object) -> str:
    """A type the way people read it."""
    name = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return name.replace("typing.", "").replace(" | None", " or null").replace("|", "\\|")


def default_text(key: Key) -> str:
    """The schema's default, or nothing where the YAML files set it."""
    default = "null" if key.default is None else key.default
    default = str(default).lower() if isinstance(default, bool) else default
    return f"`{default}`" if default != "" else ""


def limits_text(limits: Limits) -> str:
    """The values a setting takes."""
    if limits.choices is not None:
        return "One of " + ", ".join(f"`{choice}`" for choice in limits.choices) + "."
    words = (("≥", limits.minimum), (">", limits.above), ("≤", limits.maximum), ("<", limits.below))
    said = [f"{sign} {value:.12g}" for sign, value in words if value is not None]
    return f"({', '.join(said)})" if said else ""


def main() -> None:
    """Writes the pages, or names those that are out of date and exits with 1."""
    pages = {"docs/commands.md": commands_page(), "docs/config.md": config_page()}
    stale = []
    for name, text in pages.items():
        path = REPOSITORY / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"{', '.join(stale)} out of date: run make fix")


if __name__ == "__main__":
    main()
