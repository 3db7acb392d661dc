"""Plays the steps of a job, one after the other, and of the composite actions among them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlops_cli.ci import standing, workflows
from mlops_cli.ci.evaluation import Open, Scope, Unknown, holds, text_of, truth
from mlops_cli.ci.room import Room
from mlops_cli.ci.shell import Script
from mlops_cli.ci.workflows import Action, Step
from mlops_cli.errors import ConfigError, MlopsError
from mlops_cli.schemas.ci import PlayedStep

_TITLE = 60
_WITHIN, _DEEPEST = " / ", 9
"""Between an action and a step of it; how deep actions may be in each other, as on a runner."""


@dataclass(frozen=True)
class _Around:
    """What steps are within: their job, or an action of it.

    Attributes:
        env: Variables of whatever is around them.
        steps: What the context `steps` knows.
        contexts: What expressions may ask, beside the job's.
        prefix: What stands before their names.
    """

    env: Mapping[str, str]
    steps: dict[str, Any]
    contexts: Mapping[str, Any]
    prefix: str = ""


def play(room: Room, steps: Sequence[Step], env: Mapping[str, str]) -> dict[str, Any]:
    """Plays the steps of a job; what the context `steps` then knows.

    Raises:
        ConfigError: A step can't be understood: GitHub would refuse the workflow, too.
    """
    around = _Around(env, {}, {})
    _play(room, steps, around)
    return around.steps


def _play(room: Room, steps: Sequence[Step], around: _Around) -> None:
    for step in steps:
        try:
            _step(room, step, around)
        except ConfigError as error:
            raise ConfigError(f"{step.place}: {error.message}", hint=error.hint) from error


def _step(room: Room, step: Step, around: _Around) -> None:
    scope = _scope(room, around, around.env)
    name = around.prefix + title(step, scope)
    wanted = holds(scope, step.condition)
    if wanted is not True:
        _skip(room, step, around, name, wanted)
        return
    env = {**around.env, **{key: scope.text(value) for key, value in step.env.items()}}
    began = time.monotonic()
    inner = _scope(room, around, env)
    if step.uses is not None:
        done = _use(room, step, around, inner, name)
    else:
        room.say(name)
        done = _script(room, step, inner, name)
    if done is None:
        return  # The steps of an action have told of themselves.
    _unknowns(room, scope, inner, name)
    forgiven = done.outcome == "failure" and truth(scope.whole(step.forgiven))
    seconds = round(time.monotonic() - began, 1)
    room.played.append(
        PlayedStep(room.masks.over(name), done.outcome, seconds, done.reason, done.code, forgiven)
    )
    if done.outcome == "failure" and not forgiven:
        room.status = "failure"
        room.exit_code = room.exit_code or done.code or MlopsError.exit_code
    if step.id:
        conclusion = "success" if forgiven else done.outcome
        around.steps[step.id] = {
            "outputs": done.outputs, "outcome": done.outcome, "conclusion": conclusion,
        }  # fmt: skip


@dataclass(frozen=True)
class _Done:
    outcome: str
    reason: str = ""
    code: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)


def _skip(room: Room, step: Step, around: _Around, name: str, wanted: bool | Unknown) -> None:
    reason = _why(wanted, step, room)
    room.say(f"{name}: skipped, {reason}")
    room.played.append(PlayedStep(room.masks.over(name), "skipped", 0.0, reason))
    if step.id:
        # On GitHub it may have run, and told something.
        outputs = _unknown_outputs(step) if isinstance(wanted, Unknown) else {}
        around.steps[step.id] = {"outputs": outputs, "outcome": "skipped", "conclusion": "skipped"}


def _unknown_outputs(step: Step) -> Mapping[str, Any]:
    return Open(f"steps.{step.id}.outputs", {})


def _why(wanted: bool | Unknown, step: Step, room: Room) -> str:
    if isinstance(wanted, Unknown):
        return f"only GitHub knows {wanted.name}, which its condition asks"
    if room.status != "success" and not step.condition:
        return "a step before it failed"
    return f"its condition does not hold: {text_of(step.condition)}"


def _use(room: Room, step: Step, around: _Around, scope: Scope, name: str) -> _Done | None:
    """Uses an action: one of the repository is played, others are stood in for."""
    assert step.uses is not None
    given = {key: scope.text(value) for key, value in step.inputs.items()}
    if step.uses.startswith(("./", "$/")):
        return _own_action(room, step, around, scope, given)
    stand_in = standing.use(step.uses, given, room.box, (room.ref, room.commit), room.workspace)
    room.say(f"{name}: {stand_in.reason}")
    outputs = _unknown_outputs(step) if stand_in.outputs is None else stand_in.outputs
    return _Done(stand_in.outcome, stand_in.reason, None, outputs)


def _own_action(
    room: Room, step: Step, around: _Around, scope: Scope, given: Mapping[str, str]
) -> _Done | None:
    assert step.uses is not None
    # `$/` is the repository of the workflow, whether or not it was checked out.
    root = room.box.source if step.uses.startswith("$/") else room.workspace
    folder = root / step.uses[2:]
    found = workflows.action(folder, step.uses)
    if not isinstance(found, Action):
        reason = f"an action that runs in {found} is not played"
        room.say(f"{step.uses}: skipped, {reason}")
        return _Done("skipped", reason, outputs=_unknown_outputs(step))
    inputs = {
        key: given.get(key, scope.text((told or {}).get("default", "")))
        for key, told in found.inputs.items()
    }
    missing = [key for key, told in found.inputs.items() if (told or {}).get("required")
               and not inputs[key]]  # fmt: skip
    if missing:
        raise ConfigError(f"{step.uses} asks for {missing[0]!r}", hint=f"with: {missing[0]}: …")
    github = {**room.contexts["github"], "action_path": str(folder)}
    within = _Around(
        {**scope.contexts["env"], "GITHUB_ACTION_PATH": str(folder)},
        {},
        {"inputs": inputs, "github": Open("github", github)},
        f"{around.prefix}{title(step, scope, found.name)}{_WITHIN}",
    )
    if around.prefix.count(_WITHIN) >= _DEEPEST:
        raise ConfigError(f"{step.uses} is within itself", hint=f"{_DEEPEST} levels are the most")
    before, at = room.status, len(room.played)
    _play(room, found.steps, within)
    failed = before == "success" and room.status != "success"
    forgiven = failed and truth(scope.whole(step.forgiven))
    if forgiven:
        room.status, room.exit_code = "success", 0
        room.played[at:] = [replace(one, forgiven=True) for one in room.played[at:]]
    if step.id:
        asked = _scope(room, within, within.env)
        outputs = {
            key: asked.text((told or {}).get("value")) for key, told in found.outputs.items()
        }
        ended = ("failure" if failed else "success", "failure" if failed != forgiven else "success")
        around.steps[step.id] = {"outputs": outputs, "outcome": ended[0], "conclusion": ended[1]}
    return None


def _script(room: Room, step: Step, scope: Scope, name: str) -> _Done:
    """Runs a script, with the files of the runner that it may write to."""
    files = room.files()
    shell, folder = room.defaults
    env = {
        **room.base,
        **room.variables,
        **scope.contexts["env"],
        **{key: str(file) for key, file in files.items()},
    }
    env["PATH"] = room.path(env["PATH"])
    seconds = max(0.0, room.until - time.monotonic())
    if step.minutes is not None:
        seconds = min(seconds, 60 * minutes(scope.whole(step.minutes)))
    where = scope.text(step.folder if step.folder is not None else folder or "")
    script = Script(
        text=scope.text(step.run),
        shell=scope.text(step.shell if step.shell is not None else shell or ""),
        folder=room.workspace / where,
        environment=env,
        seconds=seconds,
        temporary=room.temporary,
    )
    code, late = room.shell.run(script)
    try:
        outputs = room.harvest(files)
    except ValueError as error:
        return _Done("failure", f"a file of the runner: {error}", code or MlopsError.exit_code)
    reason = f"its time was up after {seconds:.0f} s" if late else ""
    if code and not late:
        reason = f"exit code {code}"
    if held := room.held():
        reason = "; ".join(filter(None, (reason, f"held back: {', '.join(held)}")))
    return _Done("failure" if code else "success", reason, code, outputs)


def _scope(room: Room, around: _Around, env: Mapping[str, str]) -> Scope:
    contexts = {
        **room.contexts,
        "job": {"status": room.status},
        "env": {**room.variables, **env},
        "steps": around.steps,
        **around.contexts,
    }
    return Scope(contexts, room.status, room.workspace)


def _unknowns(room: Room, *rest: Any) -> None:
    *scopes, name = rest
    for missed in dict.fromkeys(one for scope in scopes for one in scope.missed):
        room.reporter.warn(f"{room.masks.over(name)}: only GitHub knows {missed}: empty here")


def title(step: Step, scope: Scope, otherwise: str = "") -> str:
    """What a step is called: its name, its action, or the first line of its script."""
    if step.name is not None:
        return scope.text(step.name)
    if step.uses is not None:
        return otherwise or step.uses.partition("@")[0]
    lines = [line.strip() for line in (step.run or "").splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first if len(first) <= _TITLE else first[: _TITLE - 1] + "…"


def minutes(value: Any) -> float:
    """A `timeout-minutes`.

    Raises:
        ConfigError: It is no number.
    """
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"timeout-minutes: {text_of(value)!r} is no number") from error
