"""Whether two runs ended in the same weights, and if not, how far apart they are."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from mlops_cli.errors import DataError
from mlops_cli.schemas.runs import WeightDifference
from mlops_cli.tracking.record import Run

_CHUNK = 2**20


def compare(first: Run, second: Run) -> WeightDifference | None:
    """Compares the weights of two runs, file by file and tensor by tensor.

    Returns:
        How they compare; None where the first run has no model.

    Raises:
        DataError: A file of weights is damaged.
    """
    names = _files(first.model)
    if not names:
        return None
    names = list(dict.fromkeys([*names, *_files(second.model)]))
    hashes = {name: [_sha256(run.model / name) for run in (first, second)] for name in names}
    equal = all(one == other for one, other in hashes.values())
    if equal:
        tensors = sum(len(_tensors(first.model / name)) for name in names)
        return WeightDifference(True, hashes, 0.0, "", 0, tensors)
    return _difference(first, second, hashes)


def _difference(first: Run, second: Run, hashes: dict[str, list[str | None]]) -> WeightDifference:
    largest: float | None = 0.0
    place, differing, count = "", 0, 0
    for name, (one, other) in hashes.items():
        if one is None or other is None or not name.endswith(".safetensors"):
            largest = None if one != other else largest
            continue
        left, right = _tensors(first.model / name), _tensors(second.model / name)
        count += len(left)
        if set(left) != set(right):
            largest, differing = None, differing + len(set(left) ^ set(right))
        for tensor in sorted(set(left) & set(right)):
            apart = _apart(first.model / name, second.model / name, tensor)
            differing += apart != 0
            if apart is None:
                largest, place = None, tensor
            elif largest is not None and apart > largest:
                largest, place = apart, tensor
    # Only what surrounds the tensors may differ, such as the version of a format.
    same = largest == 0 and differing == 0
    return WeightDifference(same, hashes, largest, place, differing, count)


def _apart(one: Path, other: Path, tensor: str) -> float | None:
    """Largest absolute difference of a tensor's values; None where the shapes differ."""
    with safe_open(one, framework="pt") as left, safe_open(other, framework="pt") as right:
        a, b = left.get_tensor(tensor), right.get_tensor(tensor)
    if a.shape != b.shape:
        return None
    if torch.equal(a, b) or not a.numel():
        return 0.0
    apart = (a.to(torch.float64) - b.to(torch.float64)).abs()
    return float(torch.nan_to_num(apart, nan=float("inf")).max())


def _files(folder: Path) -> list[str]:
    """The files of weights; every file of a model that is none of tensors."""
    if not folder.is_dir():
        return []
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return [name for name in files if name.endswith(".safetensors")] or files


def _tensors(file: Path) -> list[str]:
    if file.suffix != ".safetensors":
        return []
    try:
        with safe_open(file, framework="pt") as opened:
            return list(opened.keys())
    except (OSError, SafetensorError) as error:
        raise DataError(f"the weights in {file} can't be read") from error


def _sha256(file: Path) -> str | None:
    if not file.is_file():
        return None
    digest = hashlib.sha256()
    for chunk in _chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
