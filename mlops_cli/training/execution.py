"""How the network's steps are computed: recomputed to save memory, compiled to save time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch._dynamo.exc import TorchDynamoException

from mlops_cli.errors import ConfigError, TrainingError
from mlops_cli.schemas.trainer import TrainerConfig


def use(module: Any, settings: TrainerConfig) -> None:
    """Lets the module's network compute its steps as the settings say.

    Raises:
        ConfigError: It is not made for it.
    """
    network: Any = getattr(module, "network", None)
    if settings.compile and not isinstance(network, nn.Module):
        raise ConfigError(
            f"{type(module).__name__} has no network to compile", hint="trainer.compile=false"
        )
    if settings.gradient_checkpointing:
        _recompute(network)
    if settings.compile:
        # In place: the names of the weights stay, and with them the checkpoints.
        network.compile(dynamic=True)


def _recompute(network: Any) -> None:
    if not getattr(network, "supports_gradient_checkpointing", False):
        raise ConfigError(
            f"{type(network).__name__} can't compute its layers' values again",
            hint="trainer.gradient_checkpointing=false",
        )
    # The reentrant kind would leave layers untrained below which nothing is.
    # Newer versions of the library call it by another name.
    enable = getattr(network, "activation_checkpointing_enable", None)
    (enable or network.gradient_checkpointing_enable)({"use_reentrant": False})


@contextmanager
def compiling() -> Iterator[None]:
    """Says that torch.compile failed in one line instead of its compiler's pages."""
    try:
        yield
    except TorchDynamoException as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise TrainingError(
            f"torch.compile can't compile the network: {reason}",
            hint="trainer.compile=false trains it as it is; on a CPU it needs a C++ compiler",
        ) from error
