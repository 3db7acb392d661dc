"""What the records of many runs say, read once and kept until a file changes.

`runs/.index/<kind>.json` keeps what was read, by run, with the size, time of change and inode of
the file. It is a cache: it may be deleted at any time, and a file that does not match what is kept
is read again. Parts that many runs share, such as the environment, are kept once.
"""

import gc
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlops_cli.errors import ConfigError
from mlops_cli.files import write_text
from mlops_cli.tracking import record

_VERSION = 1
_FOLDER = ".index"
_WORTH_WRITING = 50
"""So many files are read faster than what is kept of all others is written."""

_SECTION = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)
_HEAD = re.compile(r"([A-Za-z_]\w*):")
_NUMBER = re.compile(r"(\w+): (-?(?:0|[1-9]\d*))(\.\d+(?:e[-+]\d+)?)?\n")
"""A setting that is a plain number, as we write it. A rate that is searched for differs in every
run, and a parser takes a hundred times as long."""

Content = dict[str, Any] | None
"""What a file says; None where it can't be read."""


class Index:
    """The runs of a project and what their files say.

    Args:
        root: The project.
    """

    def __init__(self, root: Path) -> None:
        self._folder = record.runs_folder(root)
        self._kept: dict[str, dict[str, Content]] = {}
        self._sections: dict[str, Any] = {}

    @property
    def folder(self) -> Path:
        """Where the runs lie."""
        return self._folder

    def facts(self) -> dict[str, Content]:
        """`run.json` of every run, by id; None for one that is damaged."""
        return self._of("run.json", _read_facts)

    def configs(self) -> dict[str, Content]:
        """`config.yaml` of every run, by id; a run without a readable one is left out or None."""
        return self._of("config.yaml", self._read_config)

    def evaluations(self, split: str) -> dict[str, Content]:
        """Metrics of every run that was evaluated on a split, by id."""
        return self._of(f"evaluation/{split}.json", _read_metrics)

    def _of(self, file: str, read: Callable[[str], Content]) -> dict[str, Content]:
        if file not in self._kept:
            with _no_collection():
                self._kept[file] = self._load(file, read)
        return self._kept[file]

    def _load(self, file: str, read: Callable[[str], Content]) -> dict[str, Content]:
        place = self._folder / _FOLDER / f"{file.replace('/', '-').rpartition('.')[0]}.json"
        kept = _kept(place)
        found: dict[str, tuple[list[int], Content]] = {}
        fresh = 0
        for run, path in self._files(file):
            try:
                status = os.stat(path)  # noqa: PTH116 - ten thousand paths; Path is slower
            except OSError:
                continue
            stamp = [status.st_mtime_ns, status.st_size, status.st_ino]
            known = kept.get(run)
            if known is None or known[0] != stamp:
                fresh += 1
                known = (stamp, _text_read(path, read))
            found[run] = known
        if fresh > _WORTH_WRITING:
            # Where nothing can be written, everything is read again the next time.
            with suppress(OSError):
                write_text(place, _packed(found))
        return {run: content for run, (_, content) in found.items()}

    def _files(self, file: str) -> Iterator[tuple[str, str]]:
        """The path that a file has in every run, by id."""
        if file == "run.json":
            with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        yield entry.name, f"{entry.path}/{file}"
            return
        for run in self.facts():
            yield run, f"{self._folder}/{run}/{file}"

    def _read_config(self, text: str) -> Content:
        """A config, its sections parsed once each: most are the same in most runs."""
        from mlops_cli.config.yaml_file import load_text

        first, *sections = _SECTION.split(text)
        config: dict[str, Any] = {}
        for section in sections if not first.strip() else ():
            plain = _NUMBER.fullmatch(section)
            if plain and plain.group(1) not in config:
                number = float if plain.group(3) else int
                config[plain.group(1)] = number(plain.group(2) + (plain.group(3) or ""))
                continue
            head = _HEAD.match(section)
            if section not in self._sections:
                try:
                    parsed = load_text(section, "config.yaml")
                except ConfigError:
                    break
                whole = isinstance(parsed, dict) and len(parsed) == 1
                self._sections[section] = parsed if whole else None
            parsed = self._sections[section]
            name = head.group(1) if head else ""
            if parsed is None or name not in parsed or name in config:
                break
            config |= parsed
        else:
            if config:
                return config
        try:
            content = load_text(text, "config.yaml")
        except ConfigError:
            return None
        return content if isinstance(content, dict) else None


def _text_read(path: str, read: Callable[[str], Content]) -> Content:
    try:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - as above
            return read(stream.read())
    except (OSError, ValueError):
        return None


def _read_facts(text: str) -> Content:
    facts = json.loads(text)
    return None if record.improper_fact(facts) is not None else facts


def _read_metrics(text: str) -> Content:
    evaluation = json.loads(text)
    metrics = evaluation.get("metrics") if isinstance(evaluation, dict) else None
    return metrics if isinstance(metrics, dict) else None


def _packed(found: dict[str, tuple[list[int], Content]]) -> str:
    """Everything as JSON; the parts that are mappings, or lists, once each in a pool."""
    pool: dict[str, int] = {}
    places: dict[int, int] = {}  # Of objects that several runs share already.
    runs: dict[str, Any] = {}
    for run, (stamp, content) in found.items():
        if content is None:
            runs[run] = [stamp, None]
            continue
        own, shared = {}, {}
        for name, value in content.items():
            if isinstance(value, dict | list) and name != "metrics":
                if id(value) not in places:
                    places[id(value)] = pool.setdefault(json.dumps(value), len(pool))
                shared[name] = places[id(value)]
            else:
                own[name] = value
        runs[run] = [stamp, own, shared]
    head = json.dumps({"version": _VERSION, "runs": runs}, separators=(",", ":"))
    # The pool holds JSON already.
    return f'{head[:-1]},"pool":[{",".join(pool)}]}}'


def _kept(place: Path) -> dict[str, tuple[list[int], Content]]:
    """What an earlier call wrote; nothing if that can't be read."""
    try:
        content = json.loads(place.read_text("utf-8"))
        if content["version"] != _VERSION:
            return {}
        pool = content["pool"]
        return {
            run: (stamp, None if own is None else own | {n: pool[i] for n, i in shared[0].items()})
            for run, (stamp, own, *shared) in content["runs"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python looks for garbage again and again among the many objects that are being made."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
