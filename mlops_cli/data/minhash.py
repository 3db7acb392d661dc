"""MinHash signatures of texts, by which similar ones among millions are found.

Similarity is the Jaccard index of the sets of character 5-grams, in lower case and with all that
is no letter or digit as one space. The least hash of a set is the same for two of them with the
probability of their similarity (Broder 1997, "On the resemblance and containment of documents").
Texts that agree in all 4 hashes of one of 8 bands are candidates (Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", section 3.4): those of similarity 0.8 are with probability 0.985,
those of 0.3 with 0.06. Of each hash 8 bits are kept, in which candidates must agree as often as
chance allows similar texts (Li and König 2010, "b-bit minwise hashing").
"""

import math

import numpy as np
import numpy.typing as npt

BANDS, ROWS_OF_BAND = 8, 4

Numbers = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

_SHINGLE = 5
_BATCH_CHARACTERS = 500_000
_DEVIATIONS = 3.5
"""A pair may agree in fewer hashes than expected by so many standard deviations."""

_LETTERS = np.array([chr(point).isalnum() for point in range(0x10000)])
"""Which code points of the basic plane are letters or digits; all beyond it count as such."""


def signed(texts: list[str]) -> tuple[Numbers, Bytes]:
    """The key of each band (first axis) for each text, and 8 bits of each hash by text.

    Keys and hashes are 0 where a text has no 5-gram.
    """
    keys = np.zeros((BANDS, len(texts)), np.uint64)
    hashes = np.zeros((len(texts), BANDS * ROWS_OF_BAND), np.uint8)
    lengths = np.cumsum([len(text) for text in texts])
    first = 0
    while first < len(texts):
        before = int(lengths[first - 1]) if first else 0
        last = int(np.searchsorted(lengths, before + _BATCH_CHARACTERS, "right"))
        last = max(last, first + 1)
        _sign(texts[first:last], keys[:, first:last], hashes[first:last])
        first = last
    return keys, hashes


def _sign(texts: list[str], keys: Numbers, signatures: Bytes) -> None:
    """Fills in the keys and hashes of some texts."""
    hashes, counts = shingles(texts)
    filled = counts > 0
    if not filled.any():
        return
    starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1]))
    for band in range(BANDS):
        key = np.zeros(len(starts), np.uint64)
        for row, factor in enumerate(_FACTORS[band]):
            least = mixed(np.minimum.reduceat(hashes * factor, starts))
            signatures[filled, band * ROWS_OF_BAND + row] = least.astype(np.uint8)
            key = mixed(key ^ least)
        keys[band, filled] = np.maximum(key, 1)


def shingles(texts: list[str]) -> tuple[Numbers, Places]:
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
    return mixed(hashes[inside]), counts


def mixed(values: Numbers) -> Numbers:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_FACTORS = (mixed(np.arange(1, 1 + BANDS * ROWS_OF_BAND, dtype=np.uint64)) | np.uint64(1)).reshape(
    BANDS, ROWS_OF_BAND
)
"""Odd factors: each makes another order of the shingles, whose least is one hash of a text."""


def least_agreement(similarity: float) -> int:
    """In how many of their hashes texts of this similarity agree, nearly always."""
    hashes = BANDS * ROWS_OF_BAND
    deviation = math.sqrt(hashes * similarity * (1 - similarity))
    return math.floor(hashes * similarity - _DEVIATIONS * deviation)


def jaccard(one: Numbers, other: Numbers) -> float:
    """Shared elements of two sorted sets as a share of all."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)
