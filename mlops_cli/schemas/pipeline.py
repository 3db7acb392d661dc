"""What `mlops repro` did, or would do."""

from dataclasses import dataclass, field

STAGES = {
    "prepare": "Split the data as training splits it.",
    "validate": "Check the data; stop at an error.",
    "train": "Train, or go on with the training that was interrupted.",
    "evaluate": "Measure the model; stop where a gate fails.",
    "export": "Make the ONNX bundle of a model that passed.",
}
"""The stages that are ours, in their order, and what each does."""

BUNDLE = "pipeline/bundle"
"""Where the last of them leaves the bundle."""


@dataclass(frozen=True)
class StageOutcome:
    """One stage of the pipeline.

    Attributes:
        name: Its name in dvc.yaml, or the .dvc file of data that changed.
        status: ran, restored (from DVC's cache of earlier runs) or unchanged; of a dry run:
            would run, might run (if a stage before it makes something else) or unchanged.
        seconds: Wall time; 0 where nothing ran.
        why: What changed since it ran last.
    """

    name: str
    status: str
    seconds: float = 0.0
    why: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReproResult:
    """A pipeline that is up to date, or what would bring it there.

    Attributes:
        stages: Every stage, in the order they ran.
        dry: Nothing was run or written.
        run: Id of the run whose model the pipeline holds; None where there is none yet.
        commit: Files that git has not got as they are now.
        seconds: Wall time.
    """

    stages: list[StageOutcome]
    dry: bool
    run: str | None
    commit: list[str]
    seconds: float

    def named(self, status: str) -> list[str]:
        """The names of the stages with this status."""
        return [stage.name for stage in self.stages if stage.status == status]
