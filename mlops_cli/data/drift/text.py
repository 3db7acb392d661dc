"""Texts beside the domain classifier: unknown words, and the scripts they are written in."""

import re
from collections.abc import Sequence

import numpy as np
from scipy.stats import mannwhitneyu

from mlops_cli.data.drift import categorical
from mlops_cli.data.drift.profile import Profile
from mlops_cli.schemas.drift import DriftCheck

_WORD = re.compile(r"[^\W\d_]+")
_CHARACTERS = 1000
"""A text's script and words are looked up in its beginning."""
_SCRIPTS = {
    "Latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "Hangul": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
    "Kana": "\u3040-\u30ff",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Hebrew": "\u0590-\u05ff",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
}
_RUNS = {name: re.compile(f"[{ranges}]") for name, ranges in _SCRIPTS.items()}
_NONE = "no letters"
_MEASURABLE = 20


def unknown_words(
    column: str, reference: Sequence[str], current: Sequence[str], *, floor: float, seed: int
) -> DriftCheck | None:
    """Compares how many words a vocabulary lacks that neither side's texts were counted for.

    The vocabulary is of one half of the reference; the other half and as many current texts are
    held against it. So the share is the same on both sides unless words changed, however small
    the tables are.

    Args:
        column: The column.
        reference: Different texts of the reference.
        current: Different texts of the current table.
        floor: The smallest change of the share that matters.
        seed: Seed of the halves.
    """
    order = np.random.default_rng(seed).permutation(len(reference))
    half = len(reference) // 2
    known = [reference[place] for place in order[:half]]
    vocabulary = {word for text in known for word in _words(text)}
    seen = set(known)
    held = [reference[place] for place in order[half:]]
    # A text that the vocabulary is made of has no unknown words by itself.
    fresh = [text for text in current if text not in seen]
    shares = [_unknown(texts, vocabulary) for texts in (held, fresh)]
    if min(map(len, shares)) < _MEASURABLE or not any(map(any, shares)):
        return None
    means = [float(np.mean(share)) for share in shares]
    return DriftCheck(
        column=column,
        aspect="unknown words",
        test="Mann-Whitney",
        measure="change of share",
        effect=abs(means[1] - means[0]),
        floor=floor,
        p=float(mannwhitneyu(shares[0], shares[1], method="asymptotic").pvalue),
        detail=f"{means[0]:.1%} → {means[1]:.1%} of a text's words",
    )


def scripts(
    column: str, reference: Sequence[str], current: Sequence[str], *, floor: float
) -> DriftCheck | None:
    """Compares which script most letters of a text are of; None where it is always the same."""
    names = [*_SCRIPTS, "other letters", _NONE]
    pair = []
    for texts in (reference, current):
        found = [_script(text) for text in texts]
        counts = np.array([*(found.count(name) for name in names), 0], dtype=np.int64)
        pair.append(Profile(len(texts), 0, counts))
    return categorical.check(column, "script", names, (pair[0], pair[1]), floor=floor)


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:_CHARACTERS].casefold())


def _unknown(texts: Sequence[str], vocabulary: set[str]) -> list[float]:
    """The share of each text's words that the vocabulary lacks; texts without words left out."""
    split = [words for text in texts if (words := _words(text))]
    return [sum(word not in vocabulary for word in words) / len(words) for words in split]


def _script(text: str) -> str:
    start = text[:_CHARACTERS]
    counts = {name: len(run.findall(start)) for name, run in _RUNS.items()}
    best = max(counts, key=lambda name: counts[name])
    if counts[best]:
        return best
    return "other letters" if any(map(str.isalpha, start)) else _NONE
