"""What is wrong with a model's settings, and with those of the trainer for that model."""

from collections.abc import Iterator

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import (
    ConvnetModelConfig,
    MlpModelConfig,
    PretrainedModelConfig,
    ScratchModelConfig,
    TreesModelConfig,
)
from mlops_cli.schemas.trainer import TrainerConfig

_OF_NETWORKS = (
    "weight_decay", "schedule", "warmup", "gradient_clip", "accumulate", "gradient_checkpointing",
    "compile", "label_smoothing",
)  # fmt: skip
"""Settings of the trainer that say nothing to trees."""


def model_problems(config: Config) -> Iterator[ConfigError]:
    """What a model can't be built or trained with."""
    model = config.model
    if isinstance(model, ScratchModelConfig) and model.hidden_size % model.heads:
        yield ConfigError(
            f"model.hidden_size must be a multiple of model.heads, not {model.hidden_size}"
            f" with {model.heads} heads",
            hint=f"did you mean model.hidden_size={_multiple(model.hidden_size, model.heads)}?",
        )
    if isinstance(model, PretrainedModelConfig) and not (model.checkpoint or model.path):
        yield ConfigError(
            f"model={model.name} needs model.checkpoint or model.path",
            hint="model.checkpoint=google-bert/bert-base-uncased from the hub, or model.path=DIR",
        )
    if isinstance(model, PretrainedModelConfig):
        yield from _adapter_problems(model)
    if isinstance(model, TreesModelConfig):
        yield from _trees_problems(config)
    if config.trainer.gradient_checkpointing and isinstance(
        model, MlpModelConfig | ConvnetModelConfig
    ):
        yield ConfigError(
            f"trainer.gradient_checkpointing is for transformers, and model={model.name} is none",
            hint="trainer.gradient_checkpointing=false",
        )


def _trees_problems(config: Config) -> Iterator[ConfigError]:
    """Settings of gradient steps that somebody changed, and that trees have no use for."""
    trainer, defaults = config.trainer, TrainerConfig()
    for name in _OF_NETWORKS:
        default = getattr(defaults, name)
        if getattr(trainer, name) != default:
            yield ConfigError(
                f"trainer.{name} is for networks, and model={config.model.name} grows trees",
                hint=f"trainer.{name}={_typed(default)}",
            )
    if trainer.precision not in ("auto", "32"):
        yield ConfigError(
            f"trainer.precision={trainer.precision} is for networks, and "
            f"model={config.model.name} grows trees",
            hint="trainer.precision=auto",
        )
    for name in ("processes", "nodes"):
        if getattr(trainer, name) > 1:
            yield ConfigError(
                f"trainer.{name}={getattr(trainer, name)} is for networks, and "
                f"model={config.model.name} grows trees in one process, on all its cores",
                hint=f"trainer.{name}=1",
            )


def _typed(value: object) -> str:
    """A value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _adapter_problems(model: PretrainedModelConfig) -> Iterator[ConfigError]:
    """Where settings say that weights are trained and are not."""
    if model.freeze and model.lora_rank is not None:
        yield ConfigError(
            "model.freeze trains the head alone, model.lora_rank additions to all layers as well",
            hint="one of them: model.freeze=false or model.lora_rank=null",
        )
    defaults = PretrainedModelConfig()
    for name in ("lora_alpha", "lora_dropout", "lora_layers"):
        if model.lora_rank is None and getattr(model, name) != getattr(defaults, name):
            yield ConfigError(
                f"model.{name} says nothing without model.lora_rank", hint="model.lora_rank=8"
            )


def _multiple(size: int, heads: int) -> int:
    """The multiple of `heads` nearest to `size`."""
    return max(1, round(size / heads)) * heads
