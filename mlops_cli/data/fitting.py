"""Whether rows are such that a trained model can be asked about them, and where one is not."""

from mlops_cli.data.collecting import names_in, unknown_label
from mlops_cli.data.examples import Examples
from mlops_cli.data.file import open_file
from mlops_cli.data.places import source_of
from mlops_cli.errors import DataError
from mlops_cli.project import find_root
from mlops_cli.schemas.data import DataConfig, FileDataConfig
from mlops_cli.tasks import Encoder, Task


def refuse_unfit(examples: Examples, task: Task, config: DataConfig, split: str) -> None:
    """Says where rows are none that the model can answer and be judged by.

    Args:
        examples: The rows of one split.
        task: What the model was trained for.
        config: The config group `data` that they were read by.
        split: Their name.

    Raises:
        DataError: A column is not there, or a label was not in the training.
    """
    refuse_lacking(examples, task.encoder, config)
    unknown = {raw for raw in dict.fromkeys(examples.targets) if not task.head.knows(raw)}
    if not unknown:
        return
    row, raw = next((n, raw) for n, raw in enumerate(examples.targets) if raw in unknown)
    for name in names_in(raw, config):
        if name not in task.labels:
            where = _place(examples, row, config, split)
            raise unknown_label(where, name, task.labels, config)


def refuse_lacking(examples: Examples, encoder: Encoder, config: DataConfig) -> None:
    """Raises DataError where the rows have not every column that the encoder reads."""
    lacking = [name for name in encoder.columns if name not in examples.inputs]
    if not lacking:
        return
    named = ", ".join(map(repr, lacking[:3])) + (", …" if len(lacking) > 3 else "")
    file = isinstance(config, FileDataConfig)
    source = source_of(config, "train", find_root()) if file else f"data={config.name}"
    there = list(examples.inputs)
    shown = ", ".join(there[:20]) + (", …" if len(there) > 20 else "")
    raise DataError(
        f"{source} has no column{'s' if len(lacking) > 1 else ''} {named}, which the model reads",
        hint=f"another file? data.path=FILE; columns that were read: {shown}",
    )


def _place(examples: Examples, row: int, config: DataConfig, split: str) -> str:
    """Where a person finds a row: in a file, else in its split."""
    if not examples.numbers or not isinstance(config, FileDataConfig):
        return f"{split} split, row {row + 1}"
    source = source_of(config, split, find_root())
    return f"{source}, {open_file(config, source).unit} {examples.numbers[row]}"
