"""Checks for texts that are nearly the same, within train and between train and later splits.

Similarity is the Jaccard index of the sets of character 5-grams, in lower case and with all that
is no letter or digit as one space. Candidates come from MinHash signatures (Broder 1997, "On the
resemblance and containment of documents") in bands (Leskovec, Rajaraman, Ullman, "Mining of
Massive Datasets", section 3.4): texts that agree in all 4 hashes of one of 8 bands, which those of
similarity 0.8 do with probability 0.985 and those of 0.3 with 0.06. Each candidate is then
compared for real, so nothing is reported that is not similar; of very many candidates, those of a
random sample of the texts, from which the number is estimated.

Memory: of each text 8 bytes for each band lie on disk, and 32 bytes in memory while one band is
looked at. Texts are looked at up to their ten thousandth character.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlops_cli.data.checks import EXAMPLES, ROW, Finding, Inspection, Part, counted

NAMES = ("near_duplicates", "near_leakage")

_SHINGLE = 5
_BANDS, _ROWS_OF_BAND = 8, 4
_LONGEST = 10_000
_BATCH_ROWS, _BATCH_CHARACTERS = 4_000, 500_000
_MOST_PAIRS = 100_000
"""So many candidates are compared."""
_MOST_HELD = 4_000_000
"""So many candidates are held before they are thinned."""
_COMPARED_AT_ONCE = 5_000

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_LETTERS = np.array([chr(point).isalnum() for point in range(0x10000)])
"""Which code points of the basic plane are letters or digits; all beyond it count as such."""


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
    return pairs[_mixed(pairs & np.uint64(0xFFFFFFFF)) < np.uint64(int(share * 2**64))]


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
        found = _candidates(Path(folder), exact, int(starts[1]))
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
    """Writes the keys of every text to a file for each band; returns hashes of the texts."""
    exact = np.zeros(sum(part.rows for part in parts), np.uint64)
    files = [(folder / str(band)).open("wb") for band in range(_BANDS)]
    done = 0
    try:
        with inspection.reporter.task("looking for similar texts", len(exact)) as progress:
            for part in parts:
                text = part.as_text(part.text or "")
                sql = f"SELECT {_shown(text)}, COALESCE(hash({text}), 0) FROM {part.relation.raw}"
                for rows in inspection.engine.stream(sql, _BATCH_ROWS):
                    keys = band_keys([row[0] for row in rows])
                    for file, band in zip(files, keys, strict=True):
                        file.write(band.tobytes())
                    exact[done : done + len(rows)] = np.array([row[1] for row in rows], np.uint64)
                    done += len(rows)
                    progress.advance(len(rows))
    finally:
        for file in files:
            file.close()
    return exact


def _shown(text: str) -> str:
    return f"COALESCE(lower(left({text}, {_LONGEST})), '')"


def band_keys(texts: list[str]) -> Numbers:
    """The key of each band (first axis) for each text; 0 where a text has no 5-gram."""
    keys = np.zeros((_BANDS, len(texts)), np.uint64)
    lengths = np.cumsum([len(text) for text in texts])
    first = 0
    while first < len(texts):
        before = int(lengths[first - 1]) if first else 0
        last = int(np.searchsorted(lengths, before + _BATCH_CHARACTERS, "right"))
        last = max(last, first + 1)
        keys[:, first:last] = _keys(texts[first:last])
        first = last
    return keys


def _keys(texts: list[str]) -> Numbers:
    hashes, counts = _shingles(texts)
    keys = np.zeros((_BANDS, len(texts)), np.uint64)
    filled = counts > 0
    if not filled.any():
        return keys
    starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1]))
    for band in range(_BANDS):
        key = np.zeros(len(starts), np.uint64)
        for factor in _FACTORS[band]:
            key = _mixed(key ^ np.minimum.reduceat(hashes * factor, starts))
        keys[band, filled] = np.maximum(key, 1)
    return keys


def _shingles(texts: list[str]) -> tuple[Numbers, Places]:
    """Hashes of the 5-grams of all texts after each other, and how many each text has."""
    joined = " ".join(texts) + " "
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
    gap = (points < 0x10000) & ~_LETTERS[np.minimum(points, 0xFFFF)]
    # One space for many, and none at the beginning of a text.
    keep = ~gap
    keep[1:] |= ~gap[:-1] & (owner[1:] == owner[:-1])
    points, owner = np.where(gap, 32, points)[keep].astype(np.uint64), owner[keep]
    places = max(0, len(points) - _SHINGLE + 1)
    inside = owner[:places] == owner[len(owner) - places :]
    hashes = np.zeros(places, np.uint64)
    for offset in range(_SHINGLE):
        hashes = (hashes ^ points[offset : offset + places]) * np.uint64(0x9E3779B97F4A7C15)
    counts = np.bincount(owner[:places][inside], minlength=len(texts))
    return _mixed(hashes[inside]), counts


def _mixed(values: Numbers) -> Numbers:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_FACTORS = (
    _mixed(np.arange(1, 1 + _BANDS * _ROWS_OF_BAND, dtype=np.uint64)) | np.uint64(1)
).reshape(_BANDS, _ROWS_OF_BAND)
"""Odd factors: each makes another order of the shingles, whose least is one hash of a text."""


def _candidates(folder: Path, exact: Numbers, train_rows: int) -> _Candidates:
    """Texts that agree in a band with an earlier one of train, but are not there before."""
    new = np.zeros(len(exact), bool)
    new[np.unique(exact, return_index=True)[1]] = True
    found = _Candidates(np.zeros(0, np.uint64), 1.0)
    for band in range(_BANDS):
        keys = np.fromfile(folder / str(band), np.uint64)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        same = (keys[1:] == keys[:-1]) & (keys[1:] != 0)
        begins = np.concatenate(([True], ~same))
        firsts = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
        # With the first text of the same key, and with the one before.
        for earlier in (firsts[1:], order[:-1]):
            wanted = same & new[order[1:]] & (earlier < train_rows)
            later = order[1:][wanted]
            pairs = (earlier[wanted].astype(np.uint64) << np.uint64(32)) | later.astype(np.uint64)
            pairs = np.union1d(found.pairs, _drawn(pairs, found.share))
            found = _Candidates(pairs, found.share).thinned(_MOST_HELD)
    return found


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
                if _jaccard(ours[one][1], theirs[other][1]) >= inspection.settings.similarity:
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
    hashes, counts = _shingles([shown for _, _, shown in rows])
    ends = np.cumsum(counts)
    return {
        int(place): (text, np.unique(hashes[end - count : end]))
        for (place, text, _), count, end in zip(rows, counts, ends, strict=True)
    }


def _jaccard(one: Numbers, other: Numbers) -> float:
    """Shared elements of two sorted sets as a share of all."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)
