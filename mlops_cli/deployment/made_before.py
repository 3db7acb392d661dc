"""Whether the image of a deployment is in the engine already, made from the very same things.

To put an image together takes a while even where all of it is there. What it is made of is summed
up: bundle, settings, base, packages, and the code of `mlops`. Files and modules of the user's own
can change at any time, so an image that has some is always made anew, and is the same if they are.
"""

import hashlib
import json
import platform as machines
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mlops_cli
from mlops_cli.errors import MlopsError
from mlops_cli.files import write_json
from mlops_cli.packaging import docker, requirements
from mlops_cli.schemas.image import PLATFORMS, SERVER, ImageConfig
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.bundle import Bundle
from mlops_cli.targets import FOLDER, Image


@dataclass(frozen=True)
class Memory:
    """What was made of a bundle with these settings.

    Attributes:
        root: The project.
        bundle: The bundle.
        image: Settings of the image.
        serve: Settings of the server.
    """

    root: Path
    bundle: Bundle
    image: ImageConfig
    serve: ServeConfig

    def recall(self) -> Image | None:
        """The image; None where it is not there, or not of these things."""
        try:
            found = json.loads(self._file.read_text("utf-8"))
            image = Image(str(found["reference"]), str(found["digest"]))
            if found["of"] != self._made_of:
                return None
        except (OSError, ValueError, KeyError, TypeError, MlopsError):
            return None
        # Another project may have made an image of this name since.
        return image if docker.inspect(image.digest) is not None else None

    def keep(self, image: Image, context: Path) -> None:
        """Remembers an image, unless something of the user's own is in it."""
        if self.image.files or any((context / "settings").rglob("*.py")):
            self._file.unlink(missing_ok=True)
            return
        known = {"of": self._made_of, "reference": image.reference, "digest": image.digest}
        write_json(self._file, known)

    @property
    def _file(self) -> Path:
        end = "" if self.image.runtime == SERVER else f"-{self.image.runtime}"
        return self.root / ".mlops" / FOLDER / "images" / f"{self.bundle.digest}{end}.json"

    @cached_property
    def _made_of(self) -> str:
        image = self.image
        package = Path(mlops_cli.__file__).parent
        code = [
            (path.relative_to(package).as_posix(), path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(package.rglob("*.py"))
        ]
        # Of another machine than this one, the names of the packages tell enough.
        pins = requirements.of_image(image, self.bundle, image.platform or PLATFORMS[0])
        base = docker.inspect(image.base) or {}
        parts = (
            self.bundle.digest, str(self.bundle.path), plain(image), plain(self.serve),
            [str(pin) for pin in pins], base.get("Id"), machines.machine(), code,
        )  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
