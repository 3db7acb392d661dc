"""Names of conditions and columns: facts, metrics and settings of a run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_cli.config.keys import GROUPS, SHORTCUTS, keys_of, schemas_of
from mlops_cli.config.suggest import nearest, nearest_key
from mlops_cli.errors import UsageError
from mlops_cli.runs.index import Index
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tracking import liveness
from mlops_cli.tracking.record import Run

STATUS = "status"
DAMAGED = "damaged"
_ALIASES = {
    "run": "id",
    "commit": "git.commit",
    "branch": "git.branch",
    "data": "data.name",
    "host": "environment.host",
    "python": "environment.python",
}
FACTS = {
    "id": "Id of the run",
    STATUS: "finished, failed, interrupted, running, killed",
    "pipeline": "Whether mlops repro made it",
    "model": "Name of the model",
    "data": "Name of the data",
    "monitor": "Metric that picks the best checkpoint",
    "started": "When it began, UTC",
    "ended": "When it ended, UTC",
    "seconds": "Seconds of training",
    "precision": "Number format",
    "error": "What went wrong",
    "git.commit": "Commit of the code",
    "git.branch": "Branch of the code",
    "git.dirty_hash": "Hash of uncommitted changes",
    "host": "Machine",
    "python": "Version of Python",
}
"""Facts that are offered; every other one of `run.json` is known by its dotted name too."""
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Name:
    """What a name stands for.

    Attributes:
        name: As typed.
        source: fact, metric, evaluation or config.
        path: Where the value lies in its file.
    """

    name: str
    source: str
    path: tuple[str, ...]

    @property
    def metric(self) -> str:
        """The metric's own name, without its split; empty if it is none."""
        return self.path[-1].rpartition("/")[2] if self.source in ("metric", "evaluation") else ""

    @property
    def higher_is_better(self) -> bool | None:
        """Whether more of it is better; None if it is no metric, or nobody can tell."""
        if not self.metric:
            return None
        return False if self.metric.endswith("loss") else HIGHER_IS_BETTER.get(self.metric)


class Names:
    """Gives names their values in the runs of a project.

    Args:
        index: The runs.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._statuses: dict[str, str] = {}
        self._known: dict[str, Name] = {}
        self._metrics: dict[str, None] = {}

    def find(self, name: str) -> Name:
        """What a name stands for.

        Raises:
            UsageError: Nothing, with what was probably meant.
        """
        if name not in self._known:
            found = self._find(name)
            if found is None:
                near = self._suggestion(name)
                raise UsageError(
                    f"no run has a {name!r}",
                    hint=f"did you mean {near}?"
                    if near
                    else "names are metrics (val/mcc), settings (lr, trainer.weight_decay) and "
                    f"facts ({', '.join(list(FACTS)[:8])})",
                )
            self._known[name] = found
        return self._known[name]

    def value(self, run: str, name: Name) -> Any:
        """The value that a name has in a run; None if it has none."""
        if name.source == "fact" and name.path == (STATUS,):
            return self.status(run)
        if name.source == "fact" and name.path == ("id",):
            return run
        if name.source == "fact" and name.path == ("pipeline",):
            return is_pipeline(run)
        if name.source == "config":
            content = self._index.configs().get(run)
        elif name.source == "evaluation":
            content = self._index.evaluations(name.path[0]).get(run)
            return (content or {}).get(name.path[1])
        else:
            content = self._index.facts().get(run)
        return _inside(content, name.path)

    def status(self, run: str) -> str:
        """Status of a run: as recorded, killed or damaged."""
        if run not in self._statuses:
            facts = self._index.facts().get(run)
            self._statuses[run] = (
                DAMAGED if facts is None else liveness.status(Run(self._index.folder / run), facts)
            )
        return self._statuses[run]

    def metrics(self) -> dict[str, None]:
        """Every metric that training recorded, as `val/mcc`."""
        if not self._metrics:
            for facts in self._index.facts().values():
                self._metrics |= dict.fromkeys((facts or {}).get("metrics", ()))
        return self._metrics

    def _find(self, name: str) -> Name | None:
        if "/" in name:
            return self._metric(name)
        if f"val/{name}" in self.metrics():
            return Name(name, "metric", ("metrics", f"val/{name}"))
        if name in SHORTCUTS:
            return Name(name, "config", (name,))
        path = tuple(_ALIASES.get(name, name).split("."))
        if name in FACTS or self._in_any(self._index.facts().values(), path):
            return Name(name, "fact", path)
        if name in GROUPS:
            return Name(name, "config", (name, "name"))
        if name in _schema_keys() or self._in_any(self._index.configs().values(), path):
            return Name(name, "config", path)
        return None

    def _metric(self, name: str) -> Name | None:
        split, _, metric = name.partition("/")
        if name in self.metrics() or (split == "val" and metric in HIGHER_IS_BETTER):
            return Name(name, "metric", ("metrics", name))
        if split not in _SPLITS:
            return None
        evaluated = self._index.evaluations(split).values()
        known = metric in HIGHER_IS_BETTER or self._in_any(evaluated, (metric,))
        return Name(name, "evaluation", (split, metric)) if known else None

    def _in_any(self, contents: Iterable[Mapping[str, Any] | None], path: tuple[str, ...]) -> bool:
        return any(_has(content, path) for content in contents)

    def _suggestion(self, name: str) -> str | None:
        metrics = [*self.metrics(), *(f"test/{metric}" for metric in HIGHER_IS_BETTER)]
        if "/" in name:
            return nearest(name, metrics)
        return (
            nearest(name, FACTS)
            or nearest_key(name, [*SHORTCUTS, *_schema_keys()])
            or nearest(f"val/{name}", metrics)
        )


def candidates() -> Iterator[tuple[str, str]]:
    """Names worth offering while somebody types, each with its help. Reads no run."""
    yield from FACTS.items()
    for metric in HIGHER_IS_BETTER:
        yield f"val/{metric}", "Metric on validation"
    for metric in HIGHER_IS_BETTER:
        yield f"test/{metric}", "Metric on test, once evaluated"
    for key in SHORTCUTS.values():
        yield key.name, key.help
    yield from _schema_keys().items()


def is_pipeline(run: str) -> bool:
    """Whether a run of this id was made by `mlops repro`."""
    return run.startswith("pipeline-")


def _schema_keys() -> dict[str, str]:
    """Every dotted key of the config tree, with its help."""
    return {
        f"{group}.{key.name}": key.help
        for group, schema in GROUPS.items()
        if schema is not None
        for kind in (schema, *schemas_of(group).values())
        for key in keys_of(kind).values()
    }


def _has(content: Mapping[str, Any] | None, path: tuple[str, ...]) -> bool:
    here: Any = content
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return content is not None


def _inside(content: Mapping[str, Any] | None, path: tuple[str, ...]) -> Any:
    here: Any = content
    for part in path:
        if not isinstance(here, Mapping):
            return None
        here = here.get(part)
    return here
