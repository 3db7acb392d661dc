"""Added data takes its place: bytes, DVC's part, schema and config, all or nothing."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli.data_adding import config_file
from mlops_cli.data_adding.examining import Looked
from mlops_cli.data_adding.placing import Place, Placing, dvc_file, same
from mlops_cli.data_adding.sources import Fetched
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.adding import AddedFile, AddResult, AddWishes
from mlops_cli.schemas.data import FileDataConfig

_LARGE = 50 * 2**20
"""Bytes from which a data file is too large for git's own taste."""

_OWN = {"name", "module", "path", "validation_path", "test_path", "schema", "text", "label"}


class Settling:
    """Puts what was fetched and looked at into its place.

    Args:
        fetched: The files.
        looked: What was found in them.
        wishes: What was asked for.
        place: Where they belong.
        staged: The staging folder.
    """

    def __init__(
        self, fetched: Fetched, looked: Looked, wishes: AddWishes, *, place: Place, staged: Path
    ) -> None:
        self._fetched, self._looked, self._wishes = fetched, looked, wishes
        self._place, self._staged = place, staged
        self._dvc = (place.root / ".dvc").is_dir()
        self._places = {
            split: path if fetched.in_place else place.data / path.relative_to(staged)
            for split, path in fetched.files.items()
        }

    def run(self, reporter: Reporter) -> AddResult:
        """Does it, and says what was made.

        Raises:
            ConfigError: Something else of that name is there.
            MlopsError: DVC refuses.
        """
        place, places = self._place, self._places
        draft = self._staged / "schema.yaml"
        self._looked.schema.write(draft)
        schema = draft.read_text("utf-8")
        if self._done_before():
            return self._result(changed=False)
        with Placing(self._staged) as placing:
            for path in (*self._ignored(), *map(dvc_file, places.values())):
                placing.watch(path)
            self._make_room(placing, schema)
            if not self._fetched.in_place:
                self._move_in(placing)
            if self._dvc:
                self._track(reporter)
            placing.write(place.schema, schema)
            placing.write(place.config, self._config_text())
            self._warn_of_other_settings(reporter)
        for original in self._fetched.originals:
            original.unlink()
        if not self._dvc and max(path.stat().st_size for path in places.values()) > _LARGE:
            reporter.warn("the data is large for git; with DVC (dvc init) git would not hold it")
        return self._result(changed=True)

    def _done_before(self) -> bool:
        """Whether the same command has added the same bytes; a schema may be edited since."""
        place, files = self._place, self._fetched.files
        if self._wishes.force or self._fetched.in_place or not place.config.exists():
            return False
        held = map(dvc_file, self._places.values()) if self._dvc else ()
        return (
            place.config.read_text("utf-8") == self._config_text()
            and place.schema.exists()
            and all(path.exists() for path in (*self._places.values(), *held))
            and all(same(files[split], path) for split, path in self._places.items())
        )

    def _result(self, *, changed: bool) -> AddResult:
        place, places = self._place, self._places
        held = map(dvc_file, places.values()) if self._dvc else places.values()
        there = sorted(path for path in self._ignored() if path.exists())
        return AddResult(
            name=place.name,
            source=self._fetched.source,
            kind=self._looked.kind,
            files=[
                AddedFile(split, place.shown(path), self._looked.rows[split], path.stat().st_size)
                for split, path in places.items()
            ],
            types=self._looked.types,
            classes=self._looked.classes,
            config=place.shown(place.config),
            schema=place.shown(place.schema),
            dvc=self._dvc,
            commit=[place.shown(path) for path in (*held, *there, place.schema, place.config)],
            git=place.in_git,
            changed=changed,
        )

    def _ignored(self) -> set[Path]:
        """The files in which DVC tells git what is its own."""
        return (
            {path.parent / ".gitignore" for path in self._places.values()} if self._dvc else set()
        )

    def _tops(self) -> set[str]:
        """What lies in the staging folder to be moved in: a file, or a folder of files."""
        paths = self._fetched.files.values()
        return {path.relative_to(self._staged).parts[0] for path in paths}

    def _make_room(self, placing: Placing, schema: str) -> None:
        """Puts aside what is replaced.

        Raises:
            ConfigError: It is something else, and --force was not said.
        """
        place, force = self._place, self._wishes.force
        own = {*self._places.values(), *map(dvc_file, self._places.values())}
        tops = set() if self._fetched.in_place else self._tops()
        if place.config.exists() and not force:  # Another one was faster.
            raise place.taken(place.config)
        if place.schema.exists() and not force and place.schema.read_text("utf-8") != schema:
            raise place.taken(place.schema)
        old = [p for p in place.bytes() if not self._fetched.in_place or (force and p not in own)]
        for path in old if not force else ():
            # The same bytes are what an interrupted attempt left.
            data = path.with_suffix("") if path.suffix == ".dvc" else path
            if not (data.name in tops and data.exists() and same(self._staged / data.name, data)):
                raise place.taken(path)
        for path in old:
            placing.put_aside(path)

    def _move_in(self, placing: Placing) -> None:
        for top in sorted(self._tops()):
            placing.put(self._staged / top, self._place.data / top)
        if self._fetched.imported:
            for path in self._places.values():
                held = dvc_file(path)
                placing.put(self._staged / held.name, held)

    def _track(self, reporter: Reporter) -> None:
        """Lets DVC hold the files."""
        from mlops_cli.versioning import imports, tracking

        reporter.info("DVC takes up the data")
        for path in self._places.values():
            if self._fetched.imported:
                imports.keep_from_git(path)
            else:
                tracking.track(path)

    def _warn_of_other_settings(self, reporter: Reporter) -> None:
        """Tells where the project's settings for all data lie over these.

        Raises:
            ConfigError: The project's config can't be composed.
        """
        place = self._place
        kind = self._looked.kind
        words = [f"data={place.name}", *kind.settings]
        loaded = configs.load(words, root=place.root).data
        wanted = {"path": place.shown(self._places["train"]), **kind.columns}
        over = [
            f"data.{key}" for key, value in wanted.items() if getattr(loaded, key, value) != value
        ]
        if over:
            reporter.warn(
                f"configs/config.yaml sets {', '.join(over)}, also with data={place.name}: move "
                "them from there into a file of their own, configs/data/NAME.yaml"
            )

    def _config_text(self) -> str:
        place, kind, wishes = self._place, self._looked.kind, self._wishes
        paths = {split: place.shown(path) for split, path in self._places.items()}
        settings: dict[str, Any] = {
            "module": "table" if kind.tabular else "file",
            "path": paths["train"],
        }
        settings |= {f"{split}_path": path for split, path in paths.items() if split != "train"}
        settings |= kind.columns
        settings["schema"] = place.shown(place.schema)
        if self._looked.encoding is not None:
            settings["encoding"] = self._looked.encoding
        settings |= _typed(self._looked.config, wishes.settings)
        if self._fetched.params:
            settings["params"] = self._fetched.params
        return config_file.text(
            f"{kind.title} from {self._fetched.source}: {kind.command} data={place.name}",
            command(wishes, self._fetched.source, place),
            settings,
        )


def command(wishes: AddWishes, source: str, place: Place) -> str:
    """The command that adds this data again; no credentials in it."""
    words = ["mlops", "data", "add"]
    if wishes.sql is not None:
        words += ["--sql", wishes.sql, "--url", source]
    else:
        words.append(wishes.source or "")
    words += wishes.settings
    for part in ("text", "text_pair", "label", "target"):
        if (value := getattr(wishes, part)) is not None:
            words += [f"--{part.replace('_', '-')}", value]
    return shlex.join([*words, "--name", place.name])


def _typed(config: FileDataConfig, words: tuple[str, ...]) -> dict[str, Any]:
    """The settings that were typed, as they were understood."""
    names = [word.partition("=")[0].lstrip("+").removeprefix("data.") for word in words]
    known = {field.name for field in dataclasses.fields(FileDataConfig)} - _OWN
    return {name: getattr(config, name) for name in names if name in known}
