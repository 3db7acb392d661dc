"""What a server begins with: what it was asked for, or what it served when it ended."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.errors import MlopsError, UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import state as states
from mlops_cli.serving import version as versions
from mlops_cli.serving.loading import Loader, check_beside
from mlops_cli.serving.operations import Operations
from mlops_cli.serving.plan import Plan
from mlops_cli.serving.refusals import Conflict
from mlops_cli.serving.service import Model, Service, Warn
from mlops_cli.serving.state import ModelState, Placed, State
from mlops_cli.serving.trial import Trial
from mlops_cli.serving.version import Version


@dataclass(frozen=True)
class Starting:
    """A server whose models are being loaded.

    Attributes:
        operations: Changes what is served.
        loaded: Done when requests are answered. Raises `NotFoundError` where there is no bundle,
            `DataError` where it is damaged or was changed, `GateError` where it is not signed as it
            has to be, and `UsageError` where canary or shadow
            take or answer something else than the model, or are the model itself.
    """

    operations: Operations
    loaded: Future[None]


def begin(plan: Plan, config: ServeConfig, warn: Warn) -> Starting:
    """Begins to load everything, in a thread: importing a server takes about as long.

    Args:
        plan: What to serve.
        config: Its limits.
        warn: Told what a person should know, a line each.
    """
    # The sessions have the cores; a request's few texts are not worth more threads.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    service = Service(config, plan.trust, warn)
    loader = Loader(service, plan.find, plan.folders)
    operations = Operations(service, loader, plan.state, plan.wanted)
    pool = ThreadPoolExecutor(1, thread_name_prefix="loading")
    loaded = pool.submit(_load, plan, operations, warn)
    pool.shutdown(wait=False)
    return Starting(operations, loaded)


def _load(plan: Plan, operations: Operations, warn: Warn) -> None:
    service, keeper = operations.service, operations.keeper
    # A folder that is no project, as where a bundle is tried, gets no lock until something is kept.
    project = any(place.is_dir() for place in (plan.state.parent, plan.folders[0] / "configs"))
    if project and not keeper.take():
        warn(
            f"{keeper.other} keeps what it serves in {plan.state}, so what is changed here "
            "is not kept; give each server a file of its own: serve.state=FILE"
        )
    kept = _kept(plan, warn)
    service.loading = True
    for name, folder in plan.models.items():
        state = kept.models.get(name) if kept else None
        if state is None or not _restore(plan, operations, name, state, warn):
            service.load(folder, model=name, begun=plan.reading[folder])
    if kept is None:
        _begin(plan, operations)
    else:
        operations.events = kept.events
        for name, state in kept.models.items():
            if name not in service.models:
                _restore(plan, operations, name, state, warn)
    service.loading = False


def _kept(plan: Plan, warn: Warn) -> State | None:
    """What the last server served, where it was asked for the same."""
    try:
        kept = states.read(plan.state)
    except MlopsError as error:
        warn(f"{error.message}; serving what is asked for")
        return None
    if kept is None:
        return None
    if kept.wanted != plan.wanted:
        warn(f"serving what is asked for now, not what {plan.state} keeps of the last server")
        return None
    warn(f"serving as before, by {plan.state}; delete it to serve what is asked for")
    return kept


def _begin(plan: Plan, operations: Operations) -> None:
    """Puts the canary and the shadow that were asked for beside their models."""
    wanted, service = plan.wanted, operations.service
    only = next(iter(service.models))
    if wanted.canary is not None:
        entry = service.models[wanted.canary_of or only]
        target = _beside(operations, entry, Path(wanted.canary), "canary")
        operations.put_on_trial(entry, target, Trial(service.config, share=wanted.share))
    if wanted.shadow is not None:
        entry = service.models[wanted.shadow_of or only]
        operations.put_in_shadow(entry, _beside(operations, entry, Path(wanted.shadow), "shadow"))


def _beside(operations: Operations, entry: Model, folder: Path, role: str) -> Version:
    try:
        target = operations.loader.prepare(entry.name, folder)
        check_beside(entry, target)
    except Conflict as error:
        raise UsageError(error.message, hint=f"another bundle: --{role} RUN") from error
    if target.name == entry.primary:
        raise UsageError(
            f"the {role} is the very bundle that is served", hint=f"another one: --{role} RUN"
        )
    entry.versions[target.name] = target
    return target


def _restore(plan: Plan, operations: Operations, name: str, state: ModelState, warn: Warn) -> bool:
    """Loads a model as it was kept; False where its primary version can't be had any more."""
    service = operations.service
    order = sorted(state.versions, key=lambda one: one.version != state.primary)
    for one in order:
        loaded = _again(plan, service, name, one, warn)
        if loaded is None and one.version == state.primary:
            return False
        if loaded is not None:
            entry = service.models.setdefault(name, Model(name, state.primary))
            entry.versions[loaded.name] = loaded
    entry = service.models[name]
    if state.previous is not None:
        operations.previous[name] = state.previous
    if state.canary is not None and state.canary.version in entry.versions:
        trial = Trial(service.config, share=state.canary.share, began=state.canary.began)
        operations.put_on_trial(entry, entry.versions[state.canary.version], trial)
    if state.shadow is not None and state.shadow in entry.versions:
        operations.put_in_shadow(entry, entry.versions[state.shadow])
    return True


def _again(plan: Plan, service: Service, model: str, kept: Placed, warn: Warn) -> Version | None:
    """A version as it was; None, and a warning, where its bundle is not the same any more."""
    folder = Path(kept.bundle)
    try:
        reading = service.read(folder, plan.reading.get(folder))
        if reading.usable.result().digest == kept.digest:
            return versions.load(reading, service.config, model=model, version=kept.version)
        reason = f"{folder} holds another bundle by now"
    except MlopsError as error:
        reason = error.message
    warn(f"version {kept.version} of model {model} is not served again: {reason}")
    return None
