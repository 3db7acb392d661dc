"""Shell completion of settings and runs. Reads files and tags only: no Hydra, no project code."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress

import typer

from mlops_cli.completion.settings import Candidate, overrides

_MOST_RUNS = 50
_HELP_WIDTH = 60


def complete_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes `KEY=VALUE`: groups, their choices, shortcuts, dotted keys and limited values."""
    before, word = _current_word(incomplete)
    return _continuing(before, word, overrides(word, _earlier(ctx, before)))


def complete_run(incomplete: str) -> list[Candidate]:
    """Completes a run: `latest`, `best`, `best:METRIC` or an id, the newest first."""
    before, word = _current_word(incomplete)
    return _continuing(before, word, _runs(word))


def complete_column(incomplete: str) -> list[Candidate]:
    """Completes the name of a metric, setting or fact of a run; `-` may stand in front."""
    from mlops_cli.runs.names import candidates

    before, word = _current_word(incomplete)
    sign = "-" if word.startswith("-") else ""
    found = [(sign + name, text) for name, text in candidates()]
    return _continuing(before, word, found)


def complete_columns(incomplete: str) -> list[Candidate]:
    """Completes the last of several names that are joined by commas."""
    from mlops_cli.runs.names import candidates

    before, word = _current_word(incomplete)
    front, comma, _ = word.rpartition(",")
    taken = front.split(",")
    found = [(front + comma + name, text) for name, text in candidates() if name not in taken]
    return _continuing(before, word, found)


def complete_condition(incomplete: str) -> list[Candidate]:
    """Completes the name that a condition begins with, or goes on with after a space."""
    from mlops_cli.runs.names import candidates

    before, word = _current_word(incomplete)
    front, space, _ = word.rpartition(" ")
    return _continuing(before, word, [(front + space + name, text) for name, text in candidates()])


def complete_remote(incomplete: str) -> list[Candidate]:
    """Completes the name of a DVC remote, as the project's config file says it."""
    from mlops_cli import project

    config = project.find_root() / ".dvc" / "config"
    text = config.read_text("utf-8", errors="replace") if config.is_file() else ""
    names = re.findall(r'^\s*\[\'?remote "([^"]+)"\'?\]', text, re.MULTILINE)
    return [(name, "Remote") for name in names if name.startswith(incomplete)]


def complete_workflow(incomplete: str) -> list[Candidate]:
    """Completes the name of a workflow's file."""
    from mlops_cli import project

    folder = (project.repository(project.find_root()) or project.find_root()) / ".github/workflows"
    names = sorted(file.stem for file in folder.glob("*.y*ml"))
    return [(name, "Workflow") for name in names if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[Candidate]:
    """Completes the name of a registered model."""
    models = dict.fromkeys(tag.partition("@")[0] for tag in _tags())
    return [(name, "Model") for name in models if name.startswith(incomplete)]


def complete_version(incomplete: str) -> list[Candidate]:
    """Completes `NAME`, `NAME@VERSION` and `NAME@STAGE` of the registered models."""
    before, word = _current_word(incomplete)
    tags = _tags()
    if "@" not in word:
        found = {tag.partition("@")[0]: "Model" for tag in tags}
    else:
        found = dict.fromkeys(reversed(tags), "Version")
        staged = (tag.split("#") for tag in _tags("*#*"))
        found |= {f"{model}@{stage.rstrip('!')}": "Stage" for model, stage, *_ in staged}
    return _continuing(before, word, list(found.items()))


def complete_version_or_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes a version in the first place, and settings of the target everywhere."""
    before, word = _current_word(incomplete)
    earlier = _earlier(ctx, before)
    target = ctx.params.get("target")
    found = overrides(word, [f"target={target}", *earlier] if target else earlier)
    first = [] if earlier or "=" in word else complete_version(incomplete)
    return [*first, *_continuing(before, word, found)]


def complete_target(incomplete: str) -> list[Candidate]:
    """Completes a target that is there, the project's own too."""
    return [(name, "Target") for name in targets() if name.startswith(incomplete)]


def targets() -> list[str]:
    """Choices of the config group `target`, the project's own too."""
    from mlops_cli import project
    from mlops_cli.config.tree import open_tree

    return list(open_tree(project.find_root()).choices("target"))


def complete_stage(incomplete: str) -> list[Candidate]:
    """Completes a stage that the project's config or a tag names."""
    from mlops_cli import config, project
    from mlops_cli.errors import MlopsError

    found = [tag.split("#")[1].rstrip("!") for tag in _tags("*#*")]
    with suppress(MlopsError):  # Told by the command.
        found += config.load_group("registry", [], root=project.find_root()).stages
    return [(name, "Stage") for name in dict.fromkeys(found) if name.startswith(incomplete)]


def _tags(pattern: str = "*@v*") -> list[str]:
    """Tags of git whose names are like this, the lower versions first."""
    from mlops_cli import project

    words = ("for-each-ref", "--sort=version:refname", "--format=%(refname:strip=2)")
    listed = project.run_git(project.find_root(), *words, f"refs/tags/{pattern}")
    return [tag for tag in (listed or b"").decode().split() if not tag.endswith("!")]


def complete_run_or_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes a run in the first place, and settings everywhere."""
    before, word = _current_word(incomplete)
    earlier = _earlier(ctx, before)
    found = overrides(word, earlier)
    if not earlier and "=" not in word:
        found = [*_runs(word), *found]
    return _continuing(before, word, found)


def complete_stage_or_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes a stage of the pipeline in the first place, and settings everywhere."""
    from mlops_cli.schemas.pipeline import STAGES

    before, word = _current_word(incomplete)
    earlier = _earlier(ctx, before)
    found = overrides(word, earlier)
    if not earlier and "=" not in word:
        found = [*STAGES.items(), *found]
    return _continuing(before, word, found)


def complete_choice(incomplete: str) -> list[Candidate]:
    """Completes `GROUP` and `GROUP/NAME`."""
    return _choices(incomplete, packaged=False)


def complete_packaged(incomplete: str) -> list[Candidate]:
    """Completes `GROUP/NAME` of the choices that ship with `mlops`."""
    return _choices(incomplete, packaged=True)


def _choices(word: str, *, packaged: bool) -> list[Candidate]:
    from mlops_cli import project
    from mlops_cli.config.keys import EXPERIMENT, GROUPS, group_help
    from mlops_cli.config.tree import Tree, description, open_tree

    tree = open_tree(project.find_root())
    tree = Tree(tree.root, None, tree.packaged) if packaged else tree
    groups = [group for group in (*GROUPS, EXPERIMENT) if group.startswith(word.partition("/")[0])]
    if not packaged and "/" not in word and len(groups) > 1:
        return [(group, _short(group_help(group))) for group in groups]
    return [
        (f"{group}/{choice}", _short(description(path)))
        for group in groups
        for choice, path in tree.choices(group).items()
    ]


def _current_word(incomplete: str) -> tuple[str, str]:
    """What bash cut off the front of the word under the cursor, and the whole word.

    bash breaks words at `=` and `:`: of `model=be` it tells us, and replaces, only `be`.
    """
    if "COMP_WORDS" not in os.environ:
        return "", incomplete
    end = int(os.environ.get("COMP_CWORD", "0"))
    words = os.environ["COMP_WORDS"].split("\n")
    at_break = end < len(words) and _is_break(words[end])
    parts = [words[end]] if at_break else []
    for word in reversed(words[:end]):
        if not _is_break(word) and not (parts and _is_break(parts[0])):
            break
        parts.insert(0, word)
    before = "".join(parts)
    return before, before + ("" if at_break else incomplete)


def _is_break(word: str) -> bool:
    return re.fullmatch("[=:]+", word) is not None


def _continuing(before: str, word: str, found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that go on from `word`, without what the shell leaves in place."""
    return [
        (value[len(before) :], _short(text))
        for value, text in found
        if value.startswith(word) and value != before
    ]


def _short(text: str) -> str:
    """Help that fits beside a candidate, without what shells give a meaning to."""
    plain = re.sub(r"[\[\]()`\"'$\\]", "", text).rstrip(".")
    return plain if len(plain) <= _HELP_WIDTH else plain[: _HELP_WIDTH - 1].rstrip() + "…"


def _earlier(ctx: typer.Context, before: str) -> list[str]:
    """The words before the one under the cursor, put together again where bash broke them."""
    words = [
        word for value in ctx.params.values() if isinstance(value, list | tuple) for word in value
    ]
    if "COMP_WORDS" in os.environ:
        words = re.sub(r"\n?([=:]+)(?:\n|$)", r"\1", "\n".join(words)).split("\n")
        words = words[:-1] if before else words
    return [word for word in words if word]


def _runs(word: str) -> list[Candidate]:
    from mlops_cli import project
    from mlops_cli.schemas.task import HIGHER_IS_BETTER

    if word.startswith("best:"):
        return [(f"best:{metric}", "Best run by this metric") for metric in HIGHER_IS_BETTER]
    ids = sorted(
        (path.parent.name for path in (project.find_root() / "runs").glob("*/run.json")),
        reverse=True,
    )
    named = [("latest", "The newest run"), ("best", "Best run by its monitored metric")]
    return [*(named if ids else []), *((run, "Run") for run in ids[:_MOST_RUNS])]
