"""Changes to what is served, one at a time, while requests are answered.

A version is loaded and warmed up beside those that answer; then a name is switched, which takes
no time; what is not needed any more is taken down once it has answered what it was asked.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mlops_cli.serving import state as states
from mlops_cli.serving.comparison import Comparisons
from mlops_cli.serving.keeping import Keeper
from mlops_cli.serving.loading import Loader, check_beside
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.refusals import Conflict
from mlops_cli.serving.rollout import Rollout, Shadow
from mlops_cli.serving.service import Model, Service
from mlops_cli.serving.state import Event, Placed, State
from mlops_cli.serving.trial import Trial, Verdict
from mlops_cli.serving.version import Version

_log = logging.getLogger("mlops.serving.changes")


class Operations:
    """What whoever is on call may do.

    Args:
        service: What is served.
        loader: Loads versions.
        file: Where the state is kept.
        wanted: What the server was asked to serve when it started.
    """

    def __init__(self, service: Service, loader: Loader, file: Path, wanted: Wanted) -> None:
        self.service, self.loader, self.keeper = service, loader, Keeper(file, wanted)
        self.previous: dict[str, Placed] = {}
        self.events: list[Event] = []
        self.comparisons = Comparisons(
            file.with_name("differences.jsonl"), log_inputs=service.config.log_inputs
        )
        self._one_at_a_time = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._tasks: set[asyncio.Future[None]] = set()

    async def load(self, model: str, words: str) -> Version:
        """Loads a version beside those that answer; a new name becomes a new model.

        Raises:
            Refusal: See `Loader.load`.
        """
        async with self._one_at_a_time:
            loaded = await self.loader.load(model, words)
            await self._changed(model, "loaded", loaded.name)
            return loaded

    async def promote(self, model: str, words: str, *, keep: bool = False) -> Version:
        """Makes a version the one that answers.

        Args:
            model: Name of the model.
            words: A version, a run, or the folder of a bundle.
            keep: Keep the one that answered until now loaded, to go back to it at once.

        Raises:
            Refusal: See `Loader.load`; or another version is on trial.
        """
        async with self._one_at_a_time:
            entry = self.service.model(model)
            target = await self.loader.load(entry.name, words)
            canary = entry.rollout.canary if entry.rollout else None
            if canary is not None and canary.name != target.name:
                raise Conflict(f"{canary.name} is on trial", hint="promote it or roll it back")
            if target.name != entry.primary:
                self._switch(entry, target, keep=keep)
                await self._changed(entry.name, "promoted", target.name)
            return target

    async def canary(self, model: str, words: str, share: float) -> Version:
        """Puts a version on trial with a share of the requests, or changes its share.

        Raises:
            Refusal: See `Loader.load` and `check_beside`; or the version is the primary, or another
                is on trial.
        """
        async with self._one_at_a_time:
            entry = self.service.model(model)
            target = await self._beside(entry, words)
            rollout = entry.rollout
            if rollout is not None and rollout.canary is not None and rollout.trial is not None:
                if rollout.canary.name != target.name:
                    raise Conflict(f"{rollout.canary.name} is on trial", hint="roll it back first")
                rollout.trial.share = share
            else:
                self.put_on_trial(entry, target, Trial(self.service.config, share=share))
            await self._changed(entry.name, "canary", target.name, f"{share:.4g} of the requests")
            return target

    async def shadow(self, model: str, words: str | None) -> Version | None:
        """Lets a version look on; None ends that.

        Raises:
            Refusal: See `Loader.load` and `check_beside`; or the version is the primary, or there
                is no shadow.
        """
        async with self._one_at_a_time:
            entry = self.service.model(model)
            target = await self._beside(entry, words) if words else None
            old = entry.rollout.shadow if entry.rollout else None
            if target is not None:
                self.put_in_shadow(entry, target)
            elif entry.rollout is None or old is None:
                raise Conflict(f"model {entry.name} has no shadow")
            else:
                entry.rollout.shadow = None
            if old is not None:
                self._retire(entry, old.version.name)
            if target is None and old is not None:
                await self._changed(entry.name, "shadow ended", old.version.name)
            elif target is not None:
                await self._changed(entry.name, "shadow", target.name)
            return target

    async def rollback(self, model: str) -> Version:
        """Takes a version off trial; without one, goes back to the primary before this one.

        Returns:
            The version that answers now.

        Raises:
            Refusal: There is nothing to go back to, or its bundle is not as it was.
        """
        async with self._one_at_a_time:
            entry = self.service.model(model)
            if entry.rollout is not None and entry.rollout.canary is not None:
                name = self._end_trial(entry)
                await self._changed(entry.name, "rolled back", name, "asked for")
                return entry.first
            before = self.previous.get(entry.name)
            if before is None:
                raise Conflict(f"model {entry.name} has nothing to go back to")
            bad, target = entry.primary, entry.versions.get(before.version)
            if target is None or target.bundle.digest != before.digest:
                target = await self.loader.load(entry.name, before.bundle, digest=before.digest)
            self._switch(entry, target)
            self.previous.pop(entry.name, None)
            await self._changed(entry.name, "rolled back", bad, f"{target.name} answers again")
            return target

    async def unload(self, model: str, version: str) -> None:
        """Takes a version down.

        Raises:
            Refusal: There is none, or it is in use.
        """
        async with self._one_at_a_time:
            name = self.service.find(model, version).name
            entry = self.service.model(model)
            if not self._retire(entry, name):
                raise Conflict(f"{name} is in use", hint="promote another or roll back first")
            await self._changed(entry.name, "unloaded", name)

    def put_on_trial(self, entry: Model, target: Version, trial: Trial) -> None:
        """Lets a loaded version answer for its share."""
        rollout = self._rollout(entry)
        # A copy: a request that names the version is answered by it, and is no trial.
        rollout.canary, rollout.trial = replace(target), trial

    def put_in_shadow(self, entry: Model, target: Version) -> None:
        """Lets a loaded version look on."""
        self._rollout(entry).shadow = Shadow(target)

    def state(self) -> State:
        """What is served by now, as it is kept."""
        models = {
            name: states.of_model(entry, self.previous.get(name))
            for name, entry in self.service.models.items()
        }
        return State(self.keeper.wanted, models, list(self.events))

    async def close(self) -> None:
        """Ends what runs in the background, and waits for what is written or taken down."""
        self.comparisons.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._writer.shutdown()
        self.keeper.close()

    async def _beside(self, entry: Model, words: str) -> Version:
        """A version to be asked what the primary is asked; what can't be does not stay loaded."""
        before = set(entry.versions)
        target = await self.loader.load(entry.name, words)
        if target.name == entry.primary:
            raise Conflict(f"{target.name} is what model {entry.name} answers with already")
        try:
            check_beside(entry, target)
        except Conflict:
            if target.name not in before:
                self._retire(entry, target.name)
            raise
        return target

    def _judged(self, entry: Model, verdict: Verdict) -> None:
        """Follows the verdict on a canary, at once."""
        if verdict.outcome == "failed":
            entry.rollbacks += 1
            name, change = self._end_trial(entry), "rolled back"
        elif self.service.config.canary_promote and entry.rollout and entry.rollout.canary:
            name, change = entry.rollout.canary.name, "promoted"
            self._switch(entry, entry.versions[name])
        else:
            return
        self._in_background(
            asyncio.ensure_future(self._changed(entry.name, change, name, verdict.reason))
        )

    def _rollout(self, entry: Model) -> Rollout:
        if entry.rollout is None:
            entry.rollout = Rollout(
                primary=lambda: entry.first,
                comparisons=self.comparisons,
                judged=lambda verdict: self._judged(entry, verdict),
            )
        return entry.rollout

    def _switch(self, entry: Model, target: Version, *, keep: bool = False) -> None:
        """From here on, requests that name no version go to the target."""
        old, rollout = entry.first, entry.rollout
        entry.primary = target.name
        if rollout is not None:
            rollout.canary = rollout.trial = None
            if rollout.shadow is not None and rollout.shadow.version.name == target.name:
                rollout.shadow = None
        self.previous[entry.name] = states.placed(old)
        _tidy(entry)
        if not keep:
            self._retire(entry, old.name)

    def _end_trial(self, entry: Model) -> str:
        """Takes the canary off requests, and down; its name."""
        rollout = entry.rollout
        assert rollout is not None
        assert rollout.canary is not None
        name = rollout.canary.name
        rollout.canary = rollout.trial = None
        self._retire(entry, name)
        return name

    def _retire(self, entry: Model, name: str) -> bool:
        """Takes a version that is not in use off its name, and down once it has answered."""
        _tidy(entry)
        if name == entry.primary or (entry.rollout is not None and entry.rollout.uses(name)):
            return False
        version = entry.versions.pop(name)
        self._in_background(asyncio.get_running_loop().run_in_executor(None, version.engine.close))
        return True

    def _in_background(self, work: asyncio.Future[None]) -> None:
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    async def _changed(self, model: str, change: str, version: str, reason: str = "") -> None:
        """Tells of a change, and keeps it."""
        why = f": {reason}" if reason else ""
        level = logging.WARNING if change == "rolled back" else logging.INFO
        facts = {"event.action": change, "mlops.model": model, "mlops.version": version}
        if reason:
            facts["event.reason"] = reason
        told = (change, version, model, why)
        _log.log(level, "%s %s of model %s%s", *told, extra={"ecs": facts})
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.events.append(Event(at, model, change, version, reason))
        write = asyncio.get_running_loop().run_in_executor(
            self._writer, self.keeper.write, self.state()
        )
        try:
            if not await write:
                _log.warning("this is not kept: %s is another server's", self.keeper.file)
        except OSError as error:
            # What was changed holds: whoever rolls back needs that on a full disk too.
            _log.warning(
                "the serving state can't be kept in %s: %s", self.keeper.file, error.strerror
            )


def _tidy(entry: Model) -> None:
    """Without canary and shadow, requests go the short way."""
    rollout = entry.rollout
    if rollout is not None and rollout.canary is None and rollout.shadow is None:
        entry.rollout = None
