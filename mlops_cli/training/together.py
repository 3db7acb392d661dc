"""One training over several processes: what Lightning's DDP needs besides its own."""

import hashlib
import signal
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy

from mlops_cli import collectives
from mlops_cli.errors import TrainingError
from mlops_cli.place import Place
from mlops_cli.training.saved import CheckpointFiles


def trainer_options(place: Place) -> dict[str, Any]:
    """The options of `pl.Trainer` for a process at this place."""
    # Said, not detected: Lightning takes a job of one task in a larger allocation for many.
    environment: ClusterEnvironment = LightningEnvironment()
    if place.world == 1:
        return {"devices": 1, "plugins": [environment, CheckpointFiles()]}
    slurm = place.starter == "slurm"
    environment = SLURMEnvironment(auto_requeue=False) if slurm else TorchElasticEnvironment()
    # Networks differ in what of them a loss uses; buffers are sent by `Together`.
    strategy = DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)
    return {
        "devices": place.on_node,
        "num_nodes": place.nodes,
        "strategy": strategy,
        "plugins": [environment, CheckpointFiles()],
        "use_distributed_sampler": False,
    }


class Together(Callback):
    """Keeps the processes of one training alike."""

    def __init__(self) -> None:
        self._terminate = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes SIGTERM back: Lightning's own handler talks to the others between two steps."""
        signal.signal(signal.SIGTERM, self._terminate)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gives all the buffers of the first, such as the running means of a batch norm."""
        signal.signal(signal.SIGTERM, self._terminate)
        for buffer in pl_module.buffers():
            dist.broadcast(buffer, src=0)


def verify_weights(module: torch.nn.Module) -> list[str]:
    """The SHA-256 of the weights in each process, by rank.

    Raises:
        TrainingError: They are not the same.
    """
    found = collectives.from_all(fingerprint(module))
    if len(set(found)) > 1:
        raise TrainingError(
            f"the weights of the {len(found)} processes differ at the end",
            hint="does the model treat its weights in a way of its own in training_step?",
        )
    return found


def fingerprint(module: torch.nn.Module) -> str:
    """SHA-256 over names and bytes of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
