"""Folders and tables of images: found, looked at, told apart by their bytes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlops_cli import data
from mlops_cli.data.examples import Splits
from mlops_cli.data.images import load
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.schemas.data import ImagesDataConfig


class Told:
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def info(self, message):
        self.lines.append(message)

    warn = info

    def task(self, description, total):
        from mlops_cli.reporting import SilentReporter

        return SilentReporter().task(description, total)


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)


def config(path, **settings):
    return ImagesDataConfig(name="images", path=str(path), inputs="image", **settings)


@pytest.fixture
def folder(project):
    for seed in range(20):
        draw(project / f"pics/{'cat' if seed % 2 else 'dog'}/{seed}.png", seed)
    return project / "pics"


def test_a_folder_for_each_class(folder):
    (folder / "cat" / "notes.txt").write_text("x")
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    told = Told()
    found = load(config("pics"), told).train
    assert len(found) == 20
    assert found.inputs["image"][0] == "pics/cat/1.png"
    assert found.targets == ["cat"] * 10 + ["dog"] * 10
    assert told.lines == ["pics: files that are no images are left out: pics/cat/notes.txt"]


def test_folders_of_splits(project):
    for seed, split in enumerate(("train", "val", "test") * 4):
        draw(project / f"all/{split}/{'ab'[seed // 6]}/{seed}.png", seed)
    found = load(config("all"), Told())
    assert {name: len(split) for name, split in found.named().items()} == {
        "train": 4,
        "validation": 4,
        "test": 4,
    }
    draw(project / "all/cat/1.png", 1)
    with pytest.raises(DataError, match="'cat' is none"):
        load(config("all"), Told())


def test_a_table_of_paths(folder, project):
    project({"pics/list.csv": "file,kind\ncat/1.png,A\ndog/2.png,B\npics/cat/3.png,A\n"})
    found = load(config("pics/list.csv", image="file", label="kind"), Told()).train
    assert found.inputs["image"] == ["pics/cat/1.png", "pics/dog/2.png", "pics/cat/3.png"]
    assert found.targets == ["A", "B", "A"]
    assert found.numbers == [2, 3, 4]
    project({"pics/list.csv": "file,kind\ncat/1.png,A\ncat/none.png,B\n"})
    with pytest.raises(NotFoundError, match=r"list.csv, line 3: no image cat/none.png"):
        load(config("pics/list.csv", image="file", label="kind"), Told())
    with pytest.raises(DataError, match="image"):
        load(config("pics/list.csv", label="kind"), Told())


def test_the_fingerprint_is_that_of_the_bytes(folder):
    before = load(config("pics"), Told()).train.fingerprint()
    (folder / "cat" / "1.png").rename(folder / "cat" / "0.png")
    assert load(config("pics"), Told()).train.fingerprint() == before
    draw(folder / "cat" / "0.png", 99)
    assert load(config("pics"), Told()).train.fingerprint() != before


def test_copies_stay_in_one_split(folder):
    for name in range(8):
        (folder / "cat" / f"copy{name}.png").write_bytes((folder / "cat" / "1.png").read_bytes())
    splits = data.load(config("pics", test_fraction=0.2), 0, Told())
    at = [
        {row for row, path in enumerate(split.inputs["image"]) if "copy" in path or "/1." in path}
        for split in splits.named().values()
    ]
    assert sum(map(bool, at)) == 1
    told = Told()
    data.warn_of_leaks(Splits(splits.train, splits.train), told)
    assert "also in train" in told.lines[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "9.png is empty"), (b"GIF89a", "9.png"), (b"nothing", "9.png is no image")],
)
def test_files_that_are_no_images_are_named(folder, content, words):
    (folder / "cat" / "9.png").write_bytes(content)
    (folder / "dog" / "8.png").write_bytes(b"")
    with pytest.raises(DataError) as refused:
        load(config("pics"), Told())
    assert words in refused.value.message
    assert "1 more file" in refused.value.message


def test_folders_that_hold_nothing_are_refused(folder):
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match="without images: bird"):
        load(config("pics"), Told())
    with pytest.raises(DataError, match="no images in the folders"):
        load(config("pics/bird"), Told())
    with pytest.raises(NotFoundError, match=r"data\.path=birds"):
        load(config("birds"), Told())
    with pytest.raises(ConfigError, match="split_by"):
        load(config("pics", split="group", split_by="owner"), Told())
    with pytest.raises(ConfigError, match="slice_by names columns"):
        load(config("pics", slice_by=["owner"]), Told())


def test_a_table_has_columns_to_slice_by(folder):
    lines = [
        f"{file.relative_to(folder)},{file.parent.name},{file.stem}"
        for file in folder.rglob("*.png")
    ]
    (folder / "all.csv").write_text("image,label,camera\n" + "\n".join(lines) + "\n")
    found = load(config("pics/all.csv", slice_by=["camera"]), Told()).train
    pictures = [Path(name).stem for name in found.inputs["image"]]
    assert found.slices == {"camera": pictures}
    assert found.take([3, 1]).slices == {"camera": [pictures[3], pictures[1]]}
    with pytest.raises(DataError, match="no column 'camra'"):
        load(config("pics/all.csv", slice_by=["camra"]), Told())


def test_moving_images_are_told_of(folder):
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "lime")]
    frames[0].save(folder / "cat" / "x.gif", save_all=True, append_images=frames[1:])
    told = Told()
    load(config("pics"), told)
    assert told.lines == ["of images with several frames, the first is taken: pics/cat/x.gif"]


def test_validation_finds_copies_with_other_labels(folder, mlops):
    (folder / "dog" / "99.png").write_bytes((folder / "cat" / "1.png").read_bytes())
    words = ["task=image_classification", "model=convnet", "data=images", "data.path=pics"]
    found = mlops("data", "validate", *words, json=True)
    kinds = {one["name"] for one in found.json["anomalies"]}
    assert {"duplicates", "conflicting_labels"} <= kinds
    assert not kinds & {"identifiers", "redundant_columns"}
