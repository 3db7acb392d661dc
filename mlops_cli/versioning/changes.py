"""What changed since the stages of the pipeline ran last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage, Stage

from mlops_cli.errors import NotFoundError
from mlops_cli.versioning.dvc_yaml import FILE, ours, stages_in
from mlops_cli.versioning.repository import opened

PARAMS = "params.yaml"
"""What DVC calls the file of settings where a stage names none."""


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
        steps, graph = steps_of(repo, root, None)
        known = {name_of(stage, root): stage for stage in steps}
        plan = Plan()
        for name, stage in known.items():
            plan.why[name] = _reasons(stage, root / PARAMS, params)
            plan.after[name] = [name_of(other, root) for other in graph.successors(stage)]
        there = stages_in(root)
        for name, stage in wanted.items():
            if name not in known:
                plan.why[name] = ["it has not run yet"]
                plan.after[name] = [o for o in wanted if _paths(wanted[o]) & _deps(stage)]
            elif ours(there.get(name)):
                plan.why[name] += _redefined(there[name], stage)
        return _upto(plan, target)


def _upto(plan: Plan, target: str | None) -> Plan:
    """The part of the plan that leads to a stage."""
    if target is None:
        return plan
    if target not in plan.why:
        known = ", ".join(name for name in plan.why if not name.endswith(".dvc"))
        raise NotFoundError(f"no stage {target!r} in the pipeline", hint=f"stages: {known}")
    names = list(plan.why)
    wanted = {target}
    for name in reversed(names):
        if name in wanted:
            wanted.update(plan.after[name])
    kept = [name for name in names if name in wanted]
    return Plan({n: plan.why[n] for n in kept}, {n: plan.after[n] for n in kept})


def steps_of(repo: Repo, root: Path, target: str | None) -> tuple[list[Stage], Any]:
    """The stages of the project in the order they run, and their graph."""
    graph = get_active_graph(repo.index.graph)
    inside = [stage for stage in graph if Path(stage.path).is_relative_to(root)]
    stages = [stage for stage in inside if target is None or name_of(stage, root) == target]
    if not stages:
        return [], graph
    return list(plan_repro(graph, stages)), graph


def name_of(stage: Stage, root: Path) -> str:
    """What people call a stage: its name in the project's dvc.yaml, else the file's."""
    path = Path(stage.path)
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    if not isinstance(stage, PipelineStage):
        return file
    return str(stage.name) if file == FILE else f"{file}:{stage.name}"


def _reasons(stage: Stage, file: Path, params: Mapping[str, Any]) -> list[str]:
    """What changed since the stage ran last; `params` is what `file` is to hold."""
    if isinstance(stage, PipelineStage) and not any(out.hash_info for out in stage.outs):
        return ["it has not run yet"]
    found = []
    if stage.changed_stage():
        found.append("its command changed")
    if isinstance(stage, PipelineStage) and (stage.is_callback or stage.always_changed):
        found.append("it always runs")
    for dep in stage.deps if not stage.frozen else ():
        if isinstance(dep, ParamsDependency) and Path(dep.fs_path) == file:
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
