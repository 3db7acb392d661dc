"""Checks for texts that are nearly the same, within train and between train and later splits.

Candidates come from MinHash signatures (see `minhash`). Each is then compared for real, so nothing
is reported that is not similar; of very many, those of a random sample of the texts, from which
the number is estimated.

Of each text, 64 bytes of keys and 32 bytes of hashes lie on disk; about 40 bytes are in memory
while one band is looked at. Texts are looked at up to their ten thousandth character.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlops_cli.data.checks import EXAMPLES, ROW, Finding, Inspection, Part
from mlops_cli.data.minhash import (
    BANDS,
    Numbers,
    Places,
    jaccard,
    least_agreement,
    mixed,
    shingles,
    signed,
)
from mlops_cli.reporting import Task
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = ("near_duplicates", "near_leakage")

_HASHES = "hashes"
_LONGEST = 10_000
_BATCH_ROWS = 4_000
_FILTERED_AT_ONCE = 200_000
_COMPARED_AT_ONCE = 5_000
_MOST_PAIRS = 100_000
"""So many candidates are compared."""
_MOST_HELD = 4_000_000
"""So many candidates are held before they are thinned."""


@dataclass(frozen=True)
class _Candidates:
    """Pairs of texts by their place among all, the earlier first.

    Attributes:
        pairs: Both places in one number: the earlier above bit 32, the later below.
        share: Of which share of the later texts these are all.
    """

    pairs: Numbers
    share: float

    def thinned(self, most: int) -> "_Candidates":
        """At most so many, those of a random sample of the later texts."""
        pairs, share = self.pairs, self.share
        while len(pairs) > most:
            share /= 2
            pairs = _drawn(pairs, share)
        return _Candidates(pairs, share)


def _drawn(pairs: Numbers, share: float) -> Numbers:
    """The pairs of a sample of the later texts; a smaller share draws from the same ones."""
    if share == 1:
        return pairs
    return pairs[mixed(pairs & np.uint64(0xFFFFFFFF)) < np.uint64(int(share * 2**64))]


def find(inspection: Inspection) -> Iterator[Finding]:
    """Finds near-duplicates of train's texts, in train and in each later part."""
    parts = [part for part in inspection.parts if part.text and part.rows]
    if not parts or parts[0] is not inspection.train:
        return
    if not inspection.wants("near_leakage"):
        parts = parts[:1]
    with tempfile.TemporaryDirectory() as folder:
        exact = _write_bands(inspection, parts, Path(folder))
        starts = np.cumsum([0, *(part.rows for part in parts)])
        agreement = least_agreement(inspection.settings.similarity)
        with inspection.reporter.task("comparing signatures", BANDS) as progress:
            found = _candidates(Path(folder), exact, int(starts[1]), agreement, progress)
    for position, part in enumerate(parts):
        name = "near_leakage" if position else "near_duplicates"
        if inspection.wants(name):
            later = (found.pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
            mine = (later >= starts[position]) & (later < starts[position + 1])
            some = _Candidates(found.pairs[mine], found.share).thinned(_MOST_PAIRS)
            # Counted from the part's first row.
            candidates = _Candidates(some.pairs - np.uint64(starts[position]), some.share)
            yield from _compare(inspection, parts[0], part, candidates, name)


def _write_bands(inspection: Inspection, parts: list[Part], folder: Path) -> Numbers:
    """Writes the keys of every text to a file for each band, its hashes to another one.

    Returns:
        A hash of each text as it is.
    """
    exact = np.zeros(sum(part.rows for part in parts), np.uint64)
    done = 0
    with ExitStack() as stack:
        files = [stack.enter_context((folder / str(band)).open("wb")) for band in range(BANDS)]
        hashes = stack.enter_context((folder / _HASHES).open("wb"))
        with inspection.reporter.task("looking for similar texts", len(exact)) as progress:
            for part in parts:
                text = part.as_text(part.text or "")
                sql = f"SELECT {_shown(text)}, COALESCE(hash({text}), 0) FROM {part.relation.raw}"
                for rows in inspection.engine.stream(sql, _BATCH_ROWS):
                    keys, signatures = signed([row[0] for row in rows])
                    hashes.write(signatures.tobytes())
                    for file, band in zip(files, keys, strict=True):
                        file.write(band.tobytes())
                    exact[done : done + len(rows)] = np.array([row[1] for row in rows], np.uint64)
                    done += len(rows)
                    progress.advance(len(rows))
    return exact


def _shown(text: str) -> str:
    return f"COALESCE(lower(left({text}, {_LONGEST})), '')"


def _candidates(
    folder: Path, exact: Numbers, train_rows: int, agreement: int, progress: Task
) -> _Candidates:
    """Texts that agree in a band with an earlier one of train, but are not there before."""
    new = np.zeros(len(exact), bool)
    new[np.unique(exact, return_index=True)[1]] = True
    hashes = np.memmap(folder / _HASHES, np.uint8, "r").reshape(len(exact), -1)
    found = _Candidates(np.zeros(0, np.uint64), 1.0)
    for band in range(BANDS):
        keys = np.fromfile(folder / str(band), np.uint64)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        same = (keys[1:] == keys[:-1]) & (keys[1:] != 0)
        begins = np.concatenate(([True], ~same))
        firsts = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
        # With the first text of the same key, and with the one before.
        for earlier in (firsts[1:], order[:-1]):
            places = np.flatnonzero(same & new[order[1:]] & (earlier < train_rows))
            for begin in range(0, len(places), _FILTERED_AT_ONCE):
                some = places[begin : begin + _FILTERED_AT_ONCE]
                one, other = earlier[some], order[1:][some]
                alike = (hashes[one] == hashes[other]).sum(axis=1) >= agreement
                pairs = _paired(one[alike], other[alike])
                pairs = np.union1d(found.pairs, _drawn(pairs, found.share))
                found = _Candidates(pairs, found.share).thinned(_MOST_HELD)
        progress.advance()
    return found


def _paired(earlier: Places, later: Places) -> Numbers:
    return (earlier.astype(np.uint64) << np.uint64(32)) | later.astype(np.uint64)


def _compare(
    inspection: Inspection, train: Part, part: Part, candidates: _Candidates, name: str
) -> Iterator[Finding]:
    """Keeps the candidates that are similar, and tells of them."""
    similar: dict[int, tuple[int, str, str]] = {}
    pairs = candidates.pairs[np.argsort(candidates.pairs & np.uint64(0xFFFFFFFF), kind="stable")]
    with inspection.reporter.task("comparing similar texts", len(pairs)) as progress:
        for begin in range(0, len(pairs), _COMPARED_AT_ONCE):
            some = pairs[begin : begin + _COMPARED_AT_ONCE]
            earlier = (some >> np.uint64(32)).astype(np.int64).tolist()
            later = (some & np.uint64(0xFFFFFFFF)).astype(np.int64).tolist()
            ours, theirs = _texts(inspection, train, earlier), _texts(inspection, part, later)
            for one, other in zip(earlier, later, strict=True):
                if other in similar:
                    continue
                if jaccard(ours[one][1], theirs[other][1]) >= inspection.settings.similarity:
                    similar[other] = (one, ours[one][0], theirs[other][0])
            progress.advance(len(some))
    if not similar:
        return
    count = round(len(similar) / candidates.share)
    about = "" if candidates.share == 1 else "about "
    what = "an earlier one" if part is train else "one of train"
    where = "" if part is train else f" of {part.name}"
    yield Finding(
        name,
        part,
        f"{about}{counted(count, 'text')}{where} nearly equal to {what} "
        f"(similarity {inspection.settings.similarity:g} or more)",
        count,
        part.rows,
        "look whether they tell the model anything new"
        if part is train
        else "keep such texts in one split: mlops data split",
        part.text,
        _examples(part is train, similar),
        minor=part is not train and count < inspection.settings.near_share * part.rows,
    )


def _examples(
    inside: bool, similar: dict[int, tuple[int, str, str]]
) -> list[tuple[list[int], str]]:
    examples = []
    for later, (earlier, before, text) in list(similar.items())[:EXAMPLES]:
        rows = [earlier + 1, later + 1] if inside else [later + 1]
        examples.append((rows, f"{text} ≈ {before}"))
    return examples


def _texts(inspection: Inspection, part: Part, places: list[int]) -> dict[int, tuple[str, Numbers]]:
    """The texts at these places with the hashes of their 5-grams."""
    wanted = sorted(set(places))
    text = part.as_text(part.text or "")
    rows = inspection.engine.run(
        f"SELECT {ROW} - 1, {text}, {_shown(text)} FROM {part.numbered} "
        f"WHERE {ROW} IN ({', '.join(str(place + 1) for place in wanted)})"
    )
    hashes, counts = shingles([shown for _, _, shown in rows])
    ends = np.cumsum(counts)
    return {
        int(place): (text, np.unique(hashes[end - count : end]))
        for (place, text, _), count, end in zip(rows, counts, ends, strict=True)
    }
