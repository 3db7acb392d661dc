"""The pipeline as DVC runs it: its stages in dvc.yaml, what changed, and running them."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import ReproductionError
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage, Stage
from dvc.stage.cache import StageCache
from dvc.stage.exceptions import StageCmdFailedError
from dvc.utils.serialize import load_yaml, modify_yaml

from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.files import atomic_path
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.pipeline import StageOutcome
from mlops_cli.versioning.repository import opened

FILE = "dvc.yaml"
_OWNER = "mlops"
"""Key below a stage's `meta` that marks it as ours; without it, the stage is the user's."""


class StageFailedError(MlopsError):
    """A stage's command failed; it has told why itself.

    Attributes:
        stage: Its name.
        code: Its exit code.
    """

    def __init__(self, stage: str, code: int) -> None:
        super().__init__(f"stage {stage} failed (exit code {code})")
        self.stage = stage
        self.code = code


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Attributes:
        why: For each stage, in the order they run, what changed since it ran last.
        after: For each stage, the stages whose outputs it reads.
    """

    why: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether everything is as it was made."""
        return not any(self.why.values())


def write_stages(root: Path, wanted: Mapping[str, dict[str, Any]], version: str) -> bool:
    """Brings our stages in `dvc.yaml` up to date, and leaves all else as it is.

    Args:
        root: The project.
        wanted: Our stages by name, as `dvc.yaml` writes them.
        version: Ours, which each of them bears.

    Returns:
        Whether anything had to be changed.
    """
    path = root / FILE
    marked = {name: {**stage, "meta": {_OWNER: version}} for name, stage in wanted.items()}
    if _differences(_read(path), marked):
        with atomic_path(path) as temporary:
            temporary.write_bytes(path.read_bytes() if path.exists() else _HEADER.encode())
            with modify_yaml(str(temporary)) as content:
                _merge(content.setdefault("stages", {}), marked)
        return True
    return False


_HEADER = """\
# The stages that `mlops repro` and `dvc repro` run. Those with `meta: mlops` are written by
# `mlops repro`; take that line away to own a stage. Stages of your own are left alone.
stages: {}
"""


def _differences(content: Mapping[str, Any], marked: Mapping[str, dict[str, Any]]) -> bool:
    there = content.get("stages") or {}
    stale = [name for name in there if _ours(there[name]) and name not in marked]
    changed = [
        name
        for name, stage in marked.items()
        if name not in there or (_ours(there[name]) and there[name] != stage)
    ]
    return bool(stale or changed)


def _merge(there: Any, marked: Mapping[str, dict[str, Any]]) -> None:
    for name in [name for name in there if _ours(there[name]) and name not in marked]:
        del there[name]
    for name, stage in marked.items():
        if name not in there or (_ours(there[name]) and there[name] != stage):
            there[name] = stage


def _ours(stage: Any) -> bool:
    meta = stage.get("meta") if isinstance(stage, Mapping) else None
    return isinstance(meta, Mapping) and _OWNER in meta


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = load_yaml(str(path))
    return content if isinstance(content, dict) else {}


def explain(
    root: Path, wanted: Mapping[str, dict[str, Any]], params: Mapping[str, Any], target: str | None
) -> Plan:
    """What changed since the stages ran last, without running or writing anything.

    Args:
        root: The project.
        wanted: Our stages, as `write_stages` takes them; the file may still lack them.
        params: The settings as `params.yaml` is to hold them.
        target: The last stage of interest; None for all.

    Raises:
        NotFoundError: There is no DVC project, or no such stage.
        MlopsError: DVC can't read its files, or is at work.
    """
    with opened(root, locked=True) as repo:
        steps, graph = _steps(repo, root, None)
        known = {_name(stage, root): stage for stage in steps}
        plan = Plan()
        for name, stage in known.items():
            plan.why[name] = _reasons(stage, params)
            plan.after[name] = [_name(other, root) for other in graph.successors(stage)]
        there = _read(root / FILE).get("stages") or {}
        for name, stage in wanted.items():
            if name not in known:
                plan.why[name] = ["it has not run yet"]
                plan.after[name] = [o for o in wanted if _paths(wanted[o]) & _deps(stage)]
            elif _ours(there.get(name)):
                plan.why[name] += _redefined(there[name], stage)
        return _upto(plan, target)


def _upto(plan: Plan, target: str | None) -> Plan:
    """The part of the plan that leads to a stage."""
    if target is None:
        return plan
    if target not in plan.why:
        raise NotFoundError(
            f"no stage {target!r} in the pipeline", hint=f"stages: {', '.join(plan.why)}"
        )
    names = list(plan.why)
    wanted = {target}
    for name in reversed(names):
        if name in wanted:
            wanted.update(plan.after[name])
    kept = [name for name in names if name in wanted]
    return Plan({n: plan.why[n] for n in kept}, {n: plan.after[n] for n in kept})


def reproduce(
    root: Path,
    plan: Plan,
    target: str | None,
    reporter: Reporter,
    *,
    force: bool,
    environment: Mapping[str, str],
) -> list[StageOutcome]:
    """Runs what is out of date, each stage after those it reads from.

    Args:
        root: The project; `dvc.yaml` and `params.yaml` are up to date.
        plan: What `explain` found.
        target: The last stage to bring up to date; None for all.
        reporter: Told which stage runs.
        force: Run every stage.
        environment: Variables for the stages' commands.

    Raises:
        StageFailedError: A stage's command failed.
        KeyboardInterrupt: We were told to stop; the stage that was running was, too.
        MlopsError: DVC refuses.
    """
    outcomes = []
    with opened(root, locked=False) as repo, _undisturbed(environment):
        watched = _Watched(repo)
        repo.stage_cache = watched
        steps, graph = _steps(repo, root, target)
        moved: dict[str, str] = {}
        for stage in steps:
            name, why = _name(stage, root), list(plan.why.get(_name(stage, root), []))
            upstream = [_name(other, root) for other in graph.successors(stage)]
            why += [f"{other} {moved[other]}" for other in upstream if other in moved]
            why += ["forced"] if force else []
            data = not isinstance(stage, PipelineStage)
            if not why:
                outcomes += [] if data else [StageOutcome(name, "unchanged")]
                continue
            if not data:
                reporter.info(f"stage {name}: {stage.cmd}")
            watched.restored, began = False, time.monotonic()
            done = _run(repo, stage, name, force=force and not data)
            seconds = round(time.monotonic() - began, 2)
            if not done:
                outcomes += [] if data else [StageOutcome(name, "unchanged")]
                continue
            moved[name] = status = "restored" if watched.restored else "ran"
            outcomes.append(StageOutcome(name, status, seconds, why))
    return outcomes


class _Watched(StageCache):  # type: ignore[misc]
    """DVC's record of earlier runs, which tells whether it took the place of one."""

    restored = False

    def restore(self, stage: Stage, **options: Any) -> None:
        super().restore(stage, **options)
        self.restored = True


def _run(repo: Repo, stage: Stage, name: str, *, force: bool) -> bool:
    """Brings one stage up to date; tells whether there was anything to do."""
    target = stage.path if not isinstance(stage, PipelineStage) else f"{stage.path}:{stage.name}"
    before = {child.pid for child in psutil.Process().children()}
    try:
        return bool(repo.reproduce(targets=[target], single_item=True, force=force))
    except ReproductionError as error:
        cause = error.__cause__
        if isinstance(cause, StageCmdFailedError):
            code = int((re.findall(r"exited with (-?\d+)", str(cause)) or ["1"])[-1])
            # A shell that died of a signal itself.
            raise StageFailedError(name, 128 - code if code < 0 else code) from error
        if cause is not None:
            raise cause from error
        raise
    except KeyboardInterrupt:
        _stop([c for c in psutil.Process().children() if c.pid not in before])
        raise


def _stop(processes: Sequence[psutil.Process]) -> None:
    """Asks a stage's processes to end, and waits: a training saves a checkpoint."""
    everyone = [one for child in processes for one in (*_descendants(child), child)]
    for process in everyone:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    psutil.wait_procs(everyone)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found


@contextmanager
def _undisturbed(environment: Mapping[str, str]) -> Iterator[None]:
    """Stages find our own `mlops`, and what they print goes to stderr: stdout is the result's."""
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([folder, os.environ.get("PATH", "")])
    changed = {**environment, "PATH": path}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _steps(repo: Repo, root: Path, target: str | None) -> tuple[list[Stage], Any]:
    """The stages of the project in the order they run, and their graph."""
    graph = get_active_graph(repo.index.graph)
    inside = [stage for stage in graph if Path(stage.path).is_relative_to(root)]
    stages = [stage for stage in inside if target is None or _name(stage, root) == target]
    if not stages:
        return [], graph
    return list(plan_repro(graph, stages)), graph


def _name(stage: Stage, root: Path) -> str:
    """What people call a stage: its name in the project's dvc.yaml, else the file's."""
    path = Path(stage.path)
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    if not isinstance(stage, PipelineStage):
        return file
    return str(stage.name) if file == FILE else f"{file}:{stage.name}"


def _reasons(stage: Stage, params: Mapping[str, Any]) -> list[str]:
    """What changed since the stage ran last."""
    if isinstance(stage, PipelineStage) and not any(out.hash_info for out in stage.outs):
        return ["it has not run yet"]
    found = []
    if stage.changed_stage():
        found.append("its command changed")
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency) and Path(dep.fs_path).name == "params.yaml":
            found += _changed_params(dep, params)
        else:
            found += [f"{name} {_verb(state)}" for name, state in _flat(dep.status())]
    for out in stage.outs:
        found += [f"{name} {_verb(state)}" for name, state in _flat(out.status())]
    return list(dict.fromkeys(found))


def _flat(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, state in (status or {}).items():
        if isinstance(state, Mapping):
            yield from ((str(key), str(value)) for key, value in state.items())
        else:
            yield str(name), str(state)


def _verb(state: str) -> str:
    words = {"modified": "changed", "deleted": "is missing", "new": "is new"}
    return words.get(state, f"is {state}")


def _changed_params(dep: ParamsDependency, params: Mapping[str, Any]) -> list[str]:
    recorded = dep.hash_info.value if dep.hash_info else {}
    found = []
    for key in dep.params or sorted({*params, *recorded}):
        before = recorded.get(key, _MISSING)
        found += _changes(key, before, _select(params, key))
    return found


class _Missing:
    def __repr__(self) -> str:
        return "(not set)"


_MISSING = _Missing()


def _select(params: Mapping[str, Any], key: str) -> Any:
    value: Any = params
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value


def _changes(key: str, before: Any, after: Any) -> list[str]:
    """Each value below a key that differs, with what it was and is."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            change
            for name in dict.fromkeys((*after, *before))
            for change in _changes(
                f"{key}.{name}", before.get(name, _MISSING), after.get(name, _MISSING)
            )
        ]
    return [] if before == after else [f"{key}: {_shown(before)} → {_shown(after)}"]


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _paths(stage: Mapping[str, Any]) -> set[str]:
    """What a stage writes."""
    entries = [*(stage.get("outs") or []), *(stage.get("metrics") or [])]
    return {name for entry in entries for name in (entry if isinstance(entry, dict) else [entry])}


def _deps(stage: Mapping[str, Any]) -> set[str]:
    return set(stage.get("deps") or [])


def _redefined(there: Mapping[str, Any], stage: Mapping[str, Any]) -> list[str]:
    """How the definition in dvc.yaml differs from the one it is to have."""
    found = []
    for kind in ("deps", "params", "outs", "metrics"):
        before, after = map(repr, there.get(kind) or []), map(repr, stage.get(kind) or [])
        changed = sorted(set(before) ^ set(after))
        found += [f"{kind} of dvc.yaml changed: {name}" for name in changed]
    return found
