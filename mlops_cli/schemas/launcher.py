"""Config group `launcher`: where the jobs of a sweep or a search run."""

from dataclasses import dataclass
from typing import Any

from mlops_cli.schemas.option import option


@dataclass
class LauncherConfig:
    """What every launcher has."""

    name: str = option(
        "Launcher module in mlops_cli/launching, or a dotted module of your own.", "local"
    )
    module: str | None = option("Launcher module, where it is not called like the choice.", None)
    jobs: int | None = option(
        "Jobs at once; null: one on this machine, as many as there are on a cluster.",
        None,
        minimum=1,
    )
    retries: int = option(
        "How often a job is started again after its machine was lost.", 2, minimum=0
    )
    params: dict[str, Any] = option("Free settings for a launcher of your own.", {})


@dataclass
class SlurmLauncherConfig(LauncherConfig):
    """`launcher=slurm`: batch jobs of a Slurm cluster."""

    partition: str | None = option("Partition; null: the cluster's default.", None)
    account: str | None = option("Account that the jobs are charged to.", None)
    time: str | None = option("Longest time of a job, as sbatch takes it: 2:00:00.", None)
    cpus: int | None = option("Processors of each process.", None, minimum=1)
    memory: str | None = option("Memory of each machine, as sbatch takes it: 16G.", None)
    gpus: int | None = option("GPUs of each process.", None, minimum=1)
    sbatch: list[str] = option("More lines for sbatch, such as --constraint=a100.", [])
    setup: list[str] = option("Shell lines before the command, such as module load cuda.", [])
    python: str | None = option(
        "Python with mlops-cli on the machines of the cluster; null: the path of this one.", None
    )


@dataclass
class RayLauncherConfig(LauncherConfig):
    """`launcher=ray`: tasks of a Ray cluster."""

    address: str | None = option(
        "HOST:PORT of the cluster; null takes RAY_ADDRESS, or the cluster of this machine.", None
    )
    cpus: float = option("Processors of each process.", 1.0, minimum=0)
    gpus: float = option("GPUs of each process.", 0.0, minimum=0)
    memory: int | None = option("Memory of each process in MiB.", None, minimum=1)
    resources: dict[str, float] = option("Resources of your cluster that each process takes.", {})


SCHEMAS: dict[str, type[LauncherConfig]] = {
    "local": LauncherConfig,
    "slurm": SlurmLauncherConfig,
    "ray": RayLauncherConfig,
}
