"""The root of the config tree: one dataclass that every stage reads."""

from dataclasses import dataclass, field

from mlops_cli.schemas.data import DataConfig
from mlops_cli.schemas.drift import DriftConfig
from mlops_cli.schemas.export import ExportConfig
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.schemas.launcher import LauncherConfig
from mlops_cli.schemas.model import ModelConfig
from mlops_cli.schemas.option import option
from mlops_cli.schemas.registry import RegistryConfig
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.schemas.target import TargetConfig
from mlops_cli.schemas.task import TaskConfig
from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.schemas.tune import TuneConfig
from mlops_cli.schemas.validation import ValidationConfig


@dataclass
class Config:
    """The whole config tree, resolved. Groups first, then the shortcuts everyone types."""

    data: DataConfig = field(default_factory=DataConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    gates: dict[str, str] = option('Conditions on metrics, such as mcc: ">= 0.25".', {})
    export: ExportConfig = field(default_factory=ExportConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    lr: float = option("Peak learning rate.", 1e-3, above=0)
    batch_size: int = option("Examples per optimiser batch.", 32, minimum=1)
    epochs: int = option("Passes over the training split.", 3, minimum=1)
    seed: int = option("Seed of everything random in training.", 0, minimum=0, maximum=2**32 - 1)

    @property
    def rounds(self) -> int:
        """Rounds of a model that learns by them, such as boosted trees."""
        return min(self.epochs, self.trainer.max_steps or self.epochs)
