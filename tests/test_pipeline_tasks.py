"""The stages of `mlops repro` for every task: they read the rows as `mlops train` reads them."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import run_mlops
from PIL import Image
from safetensors.numpy import load_file

from mlops_cli import config as configs
from mlops_cli.pipeline import params
from mlops_cli.pipeline.stages import PARAMS
from mlops_cli.schemas.task import OWN

SHORT = ["epochs=1", "trainer.max_steps=2", "trainer.threads=1", "export.max_metric_loss=100"]
TINY = ["model.hidden_size=16", "model.intermediate_size=16", "model.layers=1"]
MODELS = {"table": ["model=trees", "model.leaves=4"], "image": ["model=convnet"]}
STAGE_NAMES = ("prepare", "validate", "train", "evaluate", "export")
STAGES = (
    ["data", "split"],
    ["data", "validate"],
    ["train"],
    ["evaluate"],
    ["export", "--onnx"],
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline takes up one task after the other."""
    root = tmp_path_factory.mktemp("tasks")
    (root / "configs").mkdir()
    (root / "configs/config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    return root


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(place)


def said(*words: str) -> Any:
    done = run_mlops(*words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


def weights(run: str) -> dict[str, list[float]]:
    """All numbers of a run's model, by name."""
    found: dict[str, list[float]] = {}
    for file in sorted(Path("runs", run, "model").rglob("*.safetensors")):
        found |= {name: values.tolist() for name, values in load_file(file).items()}
    return found


def piped(root: Path, *words: str) -> str:
    """Runs every stage as DVC does; returns the run."""
    settings = configs.seen_from_root(configs.load(words, root=root), root)
    params.write(root, params.render(settings))
    results = [said(*stage, "--params", PARAMS) for stage in STAGES]
    assert results[0]["split"]["parts"]["train"]["rows"] > 20
    assert results[3]["metrics"]
    assert Path("pipeline/bundle/bundle.json").is_file()
    return str(results[2]["run"])


def goes_the_whole_way(root: Path, *words: str) -> str:
    """Checks that the stages make of the rows what `mlops train` makes of them; the run."""
    run = piped(root, *words)
    alone = said("train", "--no-validate", *words)["run"]
    first, second = (
        json.loads(Path("runs", each, "run.json").read_text("utf-8")) for each in (run, alone)
    )
    assert first["data"]["fingerprints"] == second["data"]["fingerprints"]
    assert first["metrics"] == second["metrics"]
    assert weights(run) == weights(alone)
    return run


@pytest.mark.parametrize("task", OWN)
def test_built_in_data_goes_the_whole_way_of_every_task(place: Path, task: str) -> None:
    model = MODELS.get(OWN[task][0], TINY)
    goes_the_whole_way(place, f"task={task}", "data.size=200", *model, *SHORT)


COLOURS = ["red", "lime", "blue"]


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), COLOURS[number % 2]).save(path)
    # What follows the picture makes each file another one.
    path.write_bytes(path.read_bytes() + bytes([number]))


FILES = {
    "numbers.csv": lines("review,stars", *(f"a trip like {n},{n % 5}" for n in range(60))),
    "pairs.csv": lines(
        "a,b,score,same", *(f"one {n},two {n % 7},{n % 6},{'yn'[n % 2]}" for n in range(60))
    ),
    "labels.csv": lines(
        "text,label", *(f"row {n},{['red;blue', '', 'blue', 'green'][n % 4]}" for n in range(60))
    ),
    # The features are called like settings, and one has cells without a value.
    "table.csv": lines(
        "id,split,name,text,label",
        *(f"{n},{n % 4 or ''},{COLOURS[n % 3]},w{n % 2},{'yn'[n % 4 // 2]}" for n in range(80)),
    ),
    "tags.conll": lines(*(f"Ann{n % 9} B-PER\nsaid O\nword{n % 5} O\n" for n in range(60))),
    "list.csv": lines("file,kind", *(f"{'ab'[n % 2]}/{n}.png,{'ab'[n % 2]}" for n in range(40))),
}
TABLE = ["data=table", "data.path=table.csv", "data.leave_out=[id]", "data.slice_by=[name]"]
TREES = ["model=trees", "model.leaves=4"]
PAIRS = ["data=file", "data.path=pairs.csv", "data.text=a", "data.text_pair=b"]
IMAGES = ["task=image_classification", "model=convnet", "data=images"]


@pytest.mark.parametrize(
    "words",
    [
        ["task=text_regression", "data=file", "data.path=numbers.csv", "data.text=review",
         "data.label=stars", *TINY],
        ["task=text_similarity", *PAIRS, "data.label=score", *TINY],
        ["task=text_pair_classification", *PAIRS, "data.label=same", *TINY],
        ["task=multi_label_classification", "data=file", "data.path=labels.csv",
         "task.separator=;", *TINY],
        ["task=tabular_classification", *TABLE, *TREES],
        ["task=tabular_regression", *TABLE, "data.label=id", "data.leave_out=[label]", *TREES],
        ["task=token_classification", "data=conll", "data.path=tags.conll", *TINY],
        ["task=text_pair_classification", *PAIRS, "data=stream", "data.label=same", *TINY],
        [*IMAGES, "data.path=pictures"],
        [*IMAGES, "data.path=pictures/list.csv", "data.image=file", "data.label=kind"],
    ],
    ids=lambda words: " ".join(words[:3]),
)  # fmt: skip
def test_a_file_goes_the_whole_way(place: Path, words: list[str]) -> None:
    for name, text in FILES.items():
        (place / name).write_text(text, "utf-8")
    for number in range(40):
        picture(place / "pictures" / "ab"[number % 2] / f"{number}.png", number)
    (place / "list.csv").replace(place / "pictures/list.csv")
    run = goes_the_whole_way(place, *words, *SHORT)
    task = configs.from_yaml(Path("runs", run, "config.yaml").read_text("utf-8")).task
    recorded = json.loads(Path("pipeline/data/split.json").read_text("utf-8"))["parts"]["train"]
    assert bool(recorded["classes"]) == bool(recorded["shares"]) == (task.targets == "classes")


def checkpoint(folder: Path, seed: int) -> None:
    """A tiny network with random weights, as it is saved for others."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    network = ViTConfig(**sizes, intermediate_size=16, image_size=16, patch_size=8)
    ViTForImageClassification(network).save_pretrained(folder)
    settings: dict[str, Any] = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 16, "width": 16},
    }
    settings |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")


@pytest.mark.slow
def test_other_images_of_a_table_and_other_weights_of_a_checkpoint_run_what_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_mlops("init", "shop", "--yes", "--quiet").exit_code == 0
    root = tmp_path / "shop"
    monkeypatch.chdir(root)
    # Beside the table, from the project's root, and outside of both.
    places = [root / "data/listed", root / "more", tmp_path / "outside"]
    names = ["listed", "more", str(tmp_path / "outside")]
    for number in range(42):
        picture(places[number % 3] / f"{number}.png", number)
    picture(root / "alone.png", 42)
    listed = [f"{names[n % 3]}/{n}.png,{'ab'[n % 2]}" for n in range(42)]
    (root / "data/table.csv").write_text(lines("image,label", *listed, "alone.png,a"), "utf-8")
    checkpoint(tmp_path / "weights", 0)
    model = ["model=image-pretrained", f"model.path={tmp_path / 'weights'}"]
    words = ["task=image_classification", *model, "data=images", "data.path=data/table.csv"]

    def planned() -> dict[str, list[str]]:
        told = said("repro", "--dry", *words, *SHORT)["stages"]
        return {stage["name"]: stage["why"] for stage in told if stage["status"] == "would run"}

    first = said("repro", *words, *SHORT)
    assert [stage["status"] for stage in first["stages"]] == ["ran"] * 5
    assert planned() == {}
    for file in ("data/listed/0.png", "more/1.png", "../outside/2.png", "alone.png"):
        before = (root / file).read_bytes()
        (root / file).write_bytes(before + b"!")
        folder = str(Path(file).parent) if "/" in file else file
        shown = str(tmp_path / "outside") if "outside" in file else folder
        assert planned() == {name: [f"{shown} changed"] for name in STAGE_NAMES[:2]}
        (root / file).write_bytes(before)
    checkpoint(tmp_path / "weights", 1)
    assert planned() == {"train": [f"{tmp_path / 'weights'} changed"]}
    second = said("repro", "train", *words, *SHORT)
    assert [stage["status"] for stage in second["stages"]] == ["unchanged"] * 2 + ["ran"]
    assert second["run"] != first["run"]
    assert weights(second["run"]) != weights(first["run"])
