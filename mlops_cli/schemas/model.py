"""Config group `model`: the network and the recipe that suits it."""

from dataclasses import dataclass
from typing import Any

from mlops_cli.schemas.option import option


@dataclass
class ModelConfig:
    """What every model has; a model of the user's own takes its settings in `params`."""

    name: str = option("Model module in mlops_cli/models, or a dotted module of your own.", "")
    module: str | None = option(
        "Model family module, where it is not called like the choice.", None
    )
    lr: float = option("Peak learning rate that suits this model; `lr` reads it.", 1e-3, above=0)
    epochs: int = option("Number of epochs that suits this model; `epochs` reads it.", 3, minimum=1)
    max_length: int = option(
        "Longest input in tokens; longer texts are cut.", 128, minimum=4, maximum=8192
    )
    params: dict[str, Any] = option("Free settings for a model of your own.", {})


@dataclass
class ScratchModelConfig(ModelConfig):
    """A small BERT-style encoder from scratch, with its own tokenizer."""

    vocab_size: int = option("Most entries of the tokenizer's vocabulary.", 4000, minimum=64)
    layers: int = option("Encoder layers.", 2, minimum=1)
    hidden_size: int = option("Width of the encoder; a multiple of heads.", 128, minimum=8)
    heads: int = option("Attention heads.", 4, minimum=1)
    intermediate_size: int = option("Width of the feed-forward layers.", 512, minimum=8)
    dropout: float = option("Dropout probability.", 0.1, minimum=0, below=1)
    initializer_range: float = option("Standard deviation of the first weights.", 0.02, above=0)


@dataclass
class PretrainedModelConfig(ModelConfig):
    """A pretrained checkpoint, fine-tuned."""

    checkpoint: str | None = option("Model id on the Hugging Face hub.", None)
    path: str | None = option(
        "Folder of a local checkpoint; wins over `checkpoint`.", None, file=True
    )
    revision: str | None = option("Branch, tag or commit on the hub.", None)
    trust_remote_code: bool = option("Run Python code that comes with the checkpoint.", False)
    dropout: float | None = option(
        "Dropout probability; null keeps the checkpoint's.", None, minimum=0, below=1
    )


SCHEMAS: dict[str, type[ModelConfig]] = {
    "scratch": ScratchModelConfig,
    "pretrained": PretrainedModelConfig,
}
