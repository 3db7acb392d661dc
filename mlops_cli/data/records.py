"""Encoded rows of a table that stay on the disk, one after the other in a file.

In the copy of the table a row lies in as many places as there are columns; here it is one piece.
The file has no name where the system allows it: nothing is left of it, however the process ends.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.tasks import Columns
from mlops_cli.tasks.encoders.table import TableEncoder


class Records(Sequence[Any]):
    """What `TableEncoder.encode` makes of rows, mapped into memory.

    Args:
        encoder: Encodes them.
        parts: The raw rows, some after the other.
        folder: Where the file lies.
    """

    def __init__(self, encoder: TableEncoder, parts: Iterable[Columns], folder: Path) -> None:
        kind = np.dtype(
            [
                ("numbers", np.float32, (len(encoder.numeric),)),
                ("categories", np.int32, (len(encoder.categorical),)),
            ]
        )
        rows = 0
        # It is open as long as the rows are asked for.
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        for part in parts:
            figures, ids = encoder.matrices(part)
            records = np.empty(len(figures), kind)
            records["numbers"], records["categories"] = figures, ids
            self._file.write(records.tobytes())
            rows += len(records)
        self._file.flush()
        mapped = np.memmap(self._file, kind, "r", shape=(rows,))
        self._records: NDArray[Any] = mapped.view(np.ndarray)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, row: Any) -> Any:
        found = self._records[row]
        figures, ids = found["numbers"], found["categories"].astype(np.int64)
        return list(zip(figures, ids, strict=True)) if isinstance(row, slice) else (figures, ids)
