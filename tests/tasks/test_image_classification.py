"""Images end to end: generated pictures to a bundle that names what is on a file."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from own.apart import run_apart
from own.stopper import STOPPER
from PIL import Image

from mlops_cli.data.quickstart import load
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import QuickstartDataConfig

TASK = ["task=image_classification", "model=convnet", "trainer.threads=1"]


def shapes(**settings):
    config = QuickstartDataConfig(name="quickstart", inputs="image", **settings)
    return load(config, SilentReporter())


def test_the_built_in_pictures_are_the_same_everywhere():
    first = shapes(size=300, seed=3)
    assert {name: len(split) for name, split in first.named().items()} == {
        "train": 240,
        "validation": 30,
        "test": 30,
    }
    assert len({row for split in first.named().values() for row in split.contents}) == 300
    shutil.rmtree(Path(first.train.inputs["image"][0]).parents[1])
    again = shapes(size=300, seed=3)
    assert again.train.fingerprint() == first.train.fingerprint()
    assert again.train.fingerprint() == FINGERPRINT
    assert shapes(size=300, seed=4).train.fingerprint() != FINGERPRINT


FINGERPRINT = "caabf84c9d1a56b57256bdef0273457296e971206ef1418893a42c4eaff211c8"


def test_the_model_for_images_is_named_at_once(project, mlops):
    refused = mlops("train", "task=image_classification")
    assert refused.exit_code == 3
    assert "did you mean model=convnet?" in refused.stderr
    refused = mlops("train", "trainer.mixup=0.2")
    assert refused.exit_code == 3
    assert "trainer.mixup=0" in refused.stderr
    refused = mlops("train", *TASK, "data=images")
    assert refused.exit_code == 3
    assert "data.path=FOLDER" in refused.stderr


@pytest.mark.slow
def test_shapes_from_training_to_prediction(project, mlops):
    trained = mlops("train", *TASK, "data.size=3000", "epochs=5", json=True)
    assert trained.exit_code == 0, trained.stderr
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    baselines, found = evaluated.json["baselines"], evaluated.json["metrics"]["accuracy"]
    assert found > 0.7
    assert found > max(baselines.values()) + 0.2
    assert set(baselines) == {"majority_class", "nearest_mean_of_pixels", "linear_on_edges"}
    sheet = next(path for path in evaluated.json["files"] if path.endswith("mistakes.png"))
    assert Image.open(sheet).size[0] > 300
    exported = mlops("export", "--onnx", "--optimize", json=True)
    assert exported.exit_code == 0, exported.stderr
    assert exported.json["label_agreement"] == 1.0
    assert mlops("benchmark", "--seconds", "0.01").exit_code == 0
    place = Path(shapes(size=3000).test.inputs["image"][0]).parents[1]
    rings = sorted((place / "ring").iterdir())[-20:]
    project({"rings/README.txt": "twenty rings"})
    for ring in rings:
        shutil.copy(ring, project / "rings")
    named = mlops("predict", "rings", str(place / "square/00003.png"), json=True)
    labels = [one["label"] for one in named.json["predictions"]]
    assert labels[:20].count("ring") > 15
    assert len(labels) == 21
    project({"rings/list.csv": "image,label\n" + "".join(f"{r.name},ring\n" for r in rings)})
    filed = mlops("predict", "--file", "rings/list.csv", "--output", "out.csv", json=True)
    assert filed.json["labelled"] == 20
    assert filed.json["metrics"]["accuracy"] == labels[:20].count("ring") / 20
    project({"broken.png": "no image"})
    refused = mlops("predict", "broken.png")
    assert refused.exit_code == 5
    assert "broken.png is no image" in refused.stderr


@pytest.mark.slow
def test_a_killed_training_ends_in_the_same_weights(project, mlops):
    words = [*TASK, "data.size=300", "epochs=2", "trainer.mixup=0.3", "model.erase=0.2"]
    words += [*STOPPER, "trainer.checkpoint_every=0"]
    whole = mlops("train", *words, json=True)
    assert whole.exit_code == 0, whole.stderr
    project({"stop": "11 train SIGKILL"})
    assert run_apart("train", *words, folder=project.path) == -signal.SIGKILL
    (run,) = (path for path in (project / "runs").iterdir() if path.name != whole.json["run"])
    resumed = mlops("train", "--resume", run.name, json=True)
    assert resumed.exit_code == 0, resumed.stderr
    weights = [Path(one.json["path"]) / "model/model.safetensors" for one in (whole, resumed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.fixture
def digits(project):
    """A folder of two classes that colour tells apart."""
    draw = np.random.default_rng(0)
    for number in range(60):
        values = draw.integers(0, 120, (40, 48, 3), dtype=np.uint8)
        values[..., number % 2] += 100
        path = project / f"pics/{'green' if number % 2 else 'red'}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)


def checkpoint(folder: Path, kind: str) -> None:
    """A tiny network with random weights, as it is saved for others."""
    import torch
    from transformers import (
        ResNetConfig,
        ResNetForImageClassification,
        ViTConfig,
        ViTForImageClassification,
    )

    torch.manual_seed(0)
    if kind == "vit":
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = ViTConfig(**sizes, intermediate_size=64, image_size=32, patch_size=8)
        ViTForImageClassification(config).save_pretrained(folder)
        settings = {
            "image_processor_type": "ViTImageProcessor",
            "size": {"height": 32, "width": 32},
        }
    else:
        config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
        ResNetForImageClassification(config).save_pretrained(folder)
        settings = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 28}}
    settings |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_checkpoint_is_fine_tuned_exported_and_asked(project, digits, mlops, tmp_path, kind):
    checkpoint(tmp_path / kind, kind)
    words = ["task=image_classification", "model=image-pretrained", f"model.path={tmp_path / kind}"]
    words += ["data=images", "data.path=pics", "epochs=6", "lr=3e-3", "trainer.threads=1"]
    trained = mlops("train", *words, json=True)
    assert trained.exit_code == 0, trained.stderr
    assert trained.json["metrics"]["val/accuracy"] > 0.6
    exported = mlops("export", "--onnx", "--optimize", json=True)
    assert exported.exit_code == 0, exported.stderr
    assert exported.json["label_agreement"] == 1.0
    spec = json.loads((Path(exported.json["path"]) / "bundle.json").read_text("utf-8"))
    size = {"vit": ([32, 32], None), "resnet": ([28, 28], 32)}[kind]
    assert (spec["task"]["encoder"]["size"], spec["task"]["encoder"]["shortest"]) == size
    answer = mlops("predict", "pics/red/0.jpg", json=True)
    assert answer.json["predictions"][0]["image"] == "pics/red/0.jpg"


@pytest.mark.slow
def test_wrong_labels_of_images_are_found(project, digits, mlops):
    for number in (0, 2):
        (project / f"pics/red/{number}.jpg").rename(project / f"pics/green/{number}.jpg")
    words = [*TASK, "data=images", "data.path=pics"]
    found = mlops("data", "label-errors", "--by", "linear", "--split", "all", *words, json=True)
    assert found.exit_code == 0, found.stderr
    suspects = [one["text"] for one in found.json["worst"]]
    assert sorted(suspects[:2]) == ["pics/green/0.jpg", "pics/green/2.jpg"]
