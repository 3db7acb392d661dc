"""Any architecture of the library, in part or whole: trained, exported, equal to what was trained.

The checkpoints are tiny and their weights random: what matters is that each kind of network, with
its own names of layers, inputs and heads, goes all the way.
"""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers as library
from PIL import Image
from safetensors.torch import load_file

pytestmark = pytest.mark.slow

WORDS = {"vocab_size": 30522, "max_position_embeddings": 40, "pad_token_id": 0}
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
CHECKPOINTS = {
    "distilbert": lambda: library.DistilBertModel(
        library.DistilBertConfig(**WORDS, dim=16, n_layers=2, n_heads=2, hidden_dim=24)
    ),
    "roberta": lambda: library.RobertaModel(library.RobertaConfig(**WORDS, **SMALL)),
    "deberta": lambda: library.DebertaV2Model(
        library.DebertaV2Config(
            **WORDS,
            **SMALL,
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            position_buckets=16,
            share_att_key=True,
        )
    ),
    "electra": lambda: library.ElectraModel(
        library.ElectraConfig(**WORDS, **SMALL, embedding_size=16)
    ),
    "modernbert": lambda: library.ModernBertModel(
        library.ModernBertConfig(**WORDS, **SMALL, cls_token_id=101, sep_token_id=102)
    ),
    "xlnet": lambda: library.XLNetModel(
        library.XLNetConfig(
            vocab_size=30522, pad_token_id=0, d_model=16, n_layer=2, n_head=2, d_inner=24
        )
    ),
    "bart": lambda: library.BartModel(
        library.BartConfig(
            **WORDS,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            bos_token_id=101,
            eos_token_id=102,
            decoder_start_token_id=102,
            forced_eos_token_id=102,
        )
    ),
    "gpt2": lambda: library.GPT2Model(
        library.GPT2Config(
            vocab_size=30522,
            n_positions=40,
            n_embd=16,
            n_layer=2,
            n_head=2,
            bos_token_id=101,
            eos_token_id=102,
        )
    ),
    "vit": lambda: library.ViTModel(library.ViTConfig(**SMALL, image_size=32, patch_size=8)),
    "convnext": lambda: library.ConvNextModel(
        library.ConvNextConfig(num_stages=2, depths=[1, 1], hidden_sizes=[8, 16], image_size=32)
    ),
}
IMAGES = ("vit", "convnext")
FREEZE = ["model.freeze=true"]
LORA = ["model.lora_rank=4", "lr=1e-2"]


@pytest.fixture
def checkpoint(tmp_path, minilm):
    """`checkpoint(name)`: a folder with a random one of that architecture."""

    def make(name):
        torch.manual_seed(0)
        folder = tmp_path / name
        CHECKPOINTS[name]().save_pretrained(folder)
        if name in IMAGES:
            settings = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3}
            settings |= {"image_std": [0.5] * 3, "image_processor_type": "ViTImageProcessor"}
            (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")
        else:
            shutil.copy(minilm / "tokenizer.json", folder)
        return folder

    return make


@pytest.fixture
def train(project, mlops, checkpoint):
    """`train(name, *settings)`: two steps with a checkpoint of that architecture."""
    rows = "".join(f"a {word} film {n},{word}\n" for n in range(20) for word in ("fine", "poor"))
    project({"reviews.csv": "text,label\n" + rows})
    draw = np.random.default_rng(0)
    for label, light in (("dark", 60), ("bright", 190)):
        (project / "pictures" / label).mkdir(parents=True)
        for number in range(12):
            pixels = (draw.random((32, 32, 3)) * 60 + light).astype(np.uint8)
            Image.fromarray(pixels).save(project / "pictures" / label / f"{number}.png")

    def run(name, *settings):
        if name in IMAGES:
            about = ["task=image_classification", "data=images", "data.path=pictures"]
            about += ["model=image-pretrained", "data.test_fraction=0.1", "batch_size=8"]
        else:
            about = ["data=file", "data.path=reviews.csv", "model=pretrained", "batch_size=16"]
            about += ["model.max_length=32"]
        path = f"model.path={checkpoint(name)}"
        words = [*about, path, "epochs=1", "trainer.threads=1", *settings]
        done = mlops("train", *words, json=True)
        assert done.exit_code == 0, done.stderr
        return project / "runs" / done.json["run"]

    return run


def changed(run, folder):
    """Names of the checkpoint's own weights that are others after training."""
    before, after = (load_file(path / "model.safetensors") for path in (folder, run / "model"))
    own = {name.partition(".")[2]: tensor for name, tensor in after.items()}
    assert own.keys() & before.keys()
    return {
        name
        for name, tensor in before.items()
        if name in own and not torch.equal(own[name], tensor)
    }


def assert_exports(mlops, run):
    done = mlops("export", "--onnx", run.name, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["label_agreement"] == 1.0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("distilbert", ["trainer.gradient_checkpointing=true"]),
        ("roberta", FREEZE),
        ("deberta", LORA),
        ("electra", [*LORA, "trainer.gradient_checkpointing=true"]),
        ("modernbert", LORA),
        ("xlnet", []),
        ("bart", []),
        ("gpt2", LORA),
        ("vit", LORA),
        ("convnext", FREEZE),
    ],
)
def test_from_a_checkpoint_to_a_verified_bundle(train, mlops, tmp_path, recwarn, name, settings):
    run = train(name, *settings)
    assert [str(one.message) for one in recwarn if "peft" in one.filename] == []
    moved = changed(run, tmp_path / name)
    assert bool(moved) is (settings is not FREEZE)
    assert (run / "model" / "adapter" / "adapter_model.safetensors").exists() is (
        "model.lora_rank=4" in settings
    )
    assert_exports(mlops, run)


def test_lora_is_added_to_the_layers_that_are_named(train, tmp_path):
    run = train("roberta", *LORA, "model.lora_layers=[query, value]")
    moved = {name.split(".")[-2] for name in changed(run, tmp_path / "roberta")}
    assert moved == {"query", "value"}
    added = load_file(run / "model" / "adapter" / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in added if ".lora_" in name} == {"query", "value"}


def test_the_figures_of_a_merged_network_are_those_of_its_training(train, mlops):
    run = train("electra", *LORA)
    recorded = json.loads((run / "run.json").read_text("utf-8"))["metrics"]
    done = mlops("evaluate", run.name, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["metrics"]["log_loss"] == pytest.approx(recorded["val/log_loss"], rel=1e-4)


def test_layers_that_are_not_there(train, checkpoint, mlops):
    train("roberta", "trainer.max_steps=1")
    settings = ["model=pretrained", "data=file", "data.path=reviews.csv", "model.max_length=32"]
    path = checkpoint("electra")
    refused = mlops(
        "train", *settings, f"model.path={path}", "model.lora_rank=2", "model.lora_layers=[qkv]"
    )
    assert refused.exit_code == 3
    assert refused.stderr.splitlines()[-2:] == [
        "error: model.lora_layers=['qkv']: ElectraForSequenceClassification has no linear layer "
        "of that name",
        "hint: its layers: dense, key, query, value",
    ]


def test_values_computed_again_give_the_same_weights(train):
    """With dropout: the second computation draws the very same."""
    weights = [
        (
            train("roberta", "model.dropout=0.3", "lr=1e-3", f"trainer.gradient_checkpointing={on}")
            / "model"
            / "model.safetensors"
        ).read_bytes()
        for on in ("false", "true")
    ]
    assert weights[0] == weights[1]


def test_a_compiled_network_learns_the_same(project, mlops):
    losses = []
    for compiled in ("true", "false"):
        settings = ["task=tabular_classification", "model=mlp", "model.layers=1", "epochs=1"]
        settings += ["model.dropout=0"]  # Compiled, it draws other numbers.
        settings += ["trainer.threads=1", f"trainer.compile={compiled}", "trainer.precision=32"]
        done = mlops("train", *settings, json=True)
        assert done.exit_code == 0, done.stderr
        losses.append(done.json["metrics"]["val/log_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_network_that_can_not_be_compiled(project, mlops, monkeypatch):
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    settings = ["task=tabular_classification", "model=mlp", "model.width=36"]
    refused = mlops("train", *settings, "trainer.compile=true")
    assert refused.exit_code == 1
    assert "error: torch.compile can't compile the network: InvalidCxxCompiler" in refused.stderr
