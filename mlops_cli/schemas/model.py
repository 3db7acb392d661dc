"""Config group `model`: the network and the recipe that suits it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from mlops_cli.schemas.option import option
from mlops_cli.schemas.task import INPUTS


@dataclass
class ModelConfig:
    """What every model has; a model of the user's own takes its settings in `params`."""

    name: str = option("What the model is called; its module too, unless `module` names one.", "")
    module: str | None = option(
        "Model module in mlops_cli/models, or a dotted module of your own; null: `name` is it.",
        None,
    )
    lr: float = option("Peak learning rate that suits this model; `lr` reads it.", 1e-3, above=0)
    batch_size: int = option(
        "Examples per batch that suit this model; `batch_size` reads it.", 32, minimum=1
    )
    epochs: int = option("Number of epochs that suits this model; `epochs` reads it.", 3, minimum=1)
    max_length: int = option(
        "Longest input in tokens; longer texts are cut.", 128, minimum=4, maximum=8192
    )
    params: dict[str, Any] = option("Free settings for a model of your own.", {})

    takes: ClassVar[tuple[str, ...]] = INPUTS
    """What a row may be; see `task.inputs`. A model of the user's own says no."""


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

    takes: ClassVar[tuple[str, ...]] = ("text", "text_pair", "words")


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
    freeze: bool = option("Train the new head alone; the checkpoint's weights stay.", False)
    lora_rank: int | None = option(
        "Train the head and low-rank additions of this rank (LoRA); null: all weights.",
        None,
        minimum=1,
    )
    lora_alpha: float = option("Scale of LoRA's additions, times 1/lora_rank.", 16.0, above=0)
    lora_dropout: float = option(
        "Dropout probability before LoRA's additions.", 0.0, minimum=0, below=1
    )
    lora_layers: list[str] = option(
        "Names of the linear layers that LoRA is added to, such as [query, value]; empty: all.", []
    )

    takes: ClassVar[tuple[str, ...]] = ("text", "text_pair", "words")


@dataclass
class MlpModelConfig(ModelConfig):
    """A neural network for tables."""

    width: int = option("Width of the layers.", 192, minimum=4)
    layers: int = option("Residual blocks.", 2, minimum=0)
    dropout: float = option("Dropout probability.", 0.1, minimum=0, below=1)

    takes: ClassVar[tuple[str, ...]] = ("table",)


@dataclass
class TreesModelConfig(ModelConfig):
    """Gradient-boosted trees; `lr` is the shrinkage and `epochs` the rounds of boosting."""

    leaves: int = option("Most leaves of a tree.", 31, minimum=2)
    min_rows: int = option("Fewest rows in a leaf.", 20, minimum=1)
    feature_fraction: float = option(
        "Share of the columns each tree sees.", 0.9, above=0, maximum=1
    )
    row_fraction: float = option("Share of the rows each tree sees.", 0.9, above=0, maximum=1)
    l2: float = option("Penalty on the squares of the leaves' values.", 1.0, minimum=0)

    takes: ClassVar[tuple[str, ...]] = ("table",)


@dataclass
class ImageModelConfig(ModelConfig):
    """What every model of images has: how training changes what it sees."""

    flip: bool | None = option(
        "Mirror half of the training images, left to right; null: unless each class is called by "
        "one character, as digits and letters are.",
        None,
    )
    shift: float = option(
        "Move each training image by at most this share of its sides.", 0.125, minimum=0, below=1
    )
    erase: float = option(
        "Hide a square in each training image, with sides of this share of the image's.",
        0.0,
        minimum=0,
        below=1,
    )

    takes: ClassVar[tuple[str, ...]] = ("image",)


@dataclass
class ConvnetModelConfig(ImageModelConfig):
    """A small residual convolutional network from scratch."""

    image_size: int | None = option(
        "Height and width that images are scaled to; null: their own, up to 64.",
        None,
        minimum=8,
        maximum=1024,
    )
    colours: bool = option("Look at colours; else all is made grey.", True)
    width: int = option("Channels of the first stage; a multiple of 8.", 16, minimum=8)
    dropout: float = option("Dropout probability before the last layer.", 0.0, minimum=0, below=1)


@dataclass
class PretrainedImageModelConfig(ImageModelConfig, PretrainedModelConfig):
    """A pretrained image network, fine-tuned."""

    takes: ClassVar[tuple[str, ...]] = ("image",)


FIRST = {"image": "convnet"}
"""For inputs that the default model does not take, the choice to begin with."""

SCHEMAS: dict[str, type[ModelConfig]] = {
    "scratch": ScratchModelConfig,
    "pretrained": PretrainedModelConfig,
    "mlp": MlpModelConfig,
    "trees": TreesModelConfig,
    "convnet": ConvnetModelConfig,
    "image_pretrained": PretrainedImageModelConfig,
}
