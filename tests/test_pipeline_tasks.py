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
