"""`tracker=tensorboard`: event files in `runs/<id>/tensorboard`.

Written as TensorBoard's own records, without its asynchronous writer: what is not on the disk is
known at once.
"""

import errno
import io
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.summary.writer.record_writer import RecordWriter

from mlops_cli.schemas.tracker import TrackerConfig
from mlops_cli.tracking.attachments import Attachment, lineage, rows_of
from mlops_cli.tracking.flat import flat
from mlops_cli.tracking.lines import Line
from mlops_cli.tracking.record import Run

_PNG_SIZE = struct.Struct(">II")
"""Width and height, 16 bytes into a PNG file."""


class TensorboardTracker:
    """Appends to one event file for each part of a training; TensorBoard reads them together."""

    late = False

    def __init__(self) -> None:
        self._file: Path | None = None
        self._step = 0

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Begins an event file; the first one holds the config."""
        folder = run.path / "tensorboard"
        folder.mkdir(exist_ok=True)
        stamp = f"{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = folder / f"events.out.tfevents.{stamp}"
        now = time.time()
        self._append([Event(wall_time=now, file_version="brain.Event:2")])
        if not facts["place"]:
            told = {**flat(config), **flat(lineage(facts))}
            shown = {name: _hparam(value) for name, value in told.items()}
            table = "\n".join(f"|{name}|{value}|" for name, value in told.items())
            self._append(
                [
                    Event(
                        wall_time=time.time(), summary=hparams.hparams_pb(shown, trial_id=run.id)
                    ),
                    _text("config", f"|key|value|\n|---|---|\n{table}", 0),
                ]
            )
        return {"folder": "tensorboard"}

    def write(self, lines: list[Line]) -> None:
        """Appends scalars."""
        self._scalars((line, line.step) for line in lines)
        self._step = lines[-1].step

    def write_system(self, lines: list[Line]) -> None:
        """Appends scalars; what is not measured by steps is numbered."""
        self._scalars((line, line.number) for line in lines)

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Appends scalars, measured now."""
        self.write([Line(0, step, time.time(), metrics)])

    def attach(self, attachment: Attachment) -> None:
        """Appends the figures, pictures and mistakes of an evaluation; nothing else."""
        now, prefix = time.time(), attachment.name
        values = [
            Summary.Value(tag=f"{prefix}/{name}", simple_value=value)
            for name, value in (attachment.facts.get("metrics") or {}).items()
            if isinstance(value, int | float)
        ]
        events = [Event(wall_time=now, step=self._step, summary=Summary(value=values))]
        for name, path in attachment.files.items():
            if path.suffix == ".png":
                events.append(_picture(f"{prefix}/{path.stem}", path.read_bytes(), self._step))
            elif name.endswith("mistakes.csv"):
                events.append(_text(f"{prefix}/mistakes", _table(path), self._step))
        self._append(events)

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Appends how the run ended."""
        self._append([_text("status", status, self._step)])

    def _scalars(self, numbered: Any) -> None:
        self._append(
            [
                Event(
                    wall_time=line.time,
                    step=step,
                    summary=Summary(
                        value=[
                            Summary.Value(tag=name, simple_value=value)
                            for name, value in line.metrics.items()
                        ]
                    ),
                )
                for line, step in numbered
            ]
        )

    def _append(self, events: list[Event]) -> None:
        """Puts the events on the disk, all or none: after half of one nothing could be read."""
        assert self._file is not None  # `start` comes first.
        buffer = io.BytesIO()
        writer = RecordWriter(buffer)
        for event in events:
            writer.write(event.SerializeToString())
        with self._file.open("ab", buffering=0) as stream:
            before = stream.tell()
            try:
                written = stream.write(buffer.getvalue())
                if written != len(buffer.getvalue()):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(before)
                raise


def create(config: TrackerConfig) -> TensorboardTracker:
    """The TensorBoard tracker, which has no settings."""
    return TensorboardTracker()


def _hparam(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _text(tag: str, text: str, step: int) -> Event:
    """An event that the text dashboard shows as Markdown."""
    value = Summary.Value(
        tag=f"{tag}/text_summary",
        metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
        tensor=TensorProto(
            dtype=DT_STRING,
            string_val=[text.encode()],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        ),
    )
    return Event(wall_time=time.time(), step=step, summary=Summary(value=[value]))


def _picture(tag: str, content: bytes, step: int) -> Event:
    width, height = _PNG_SIZE.unpack_from(content, 16)
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=content)
    value = Summary.Value(tag=tag, image=image)
    return Event(wall_time=time.time(), step=step, summary=Summary(value=[value]))


def _table(path: Path) -> str:
    """A CSV table in Markdown."""
    header, rows = rows_of(path)
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)
