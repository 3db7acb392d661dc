"""Texts that are variants of each other: a template filled in, a sentence with one word changed.

What is written in one go comes in families, and a family is in one table as a whole. A model that
saw one member tells the table of the others, though both tables are of one source.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.minhash import signed

_SIMILARITY = 0.5
"""Variants share this part of their hashes, which estimates how much of the texts is common."""
_MOST = 16
"""Members of a family: more is a kind of text, and whether there is more of it is to be told."""
_AHEAD = 3
"""With so many of those that share a band a text is compared."""


def families(texts: Sequence[str]) -> NDArray[np.int64]:
    """A number for the family of each text; equal texts are of the same one.

    The most similar texts are joined first, as in single-linkage clustering (Sneath 1957), up to
    a number of members, lest chains of variants become one family of everything.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    parents = list(range(len(places)))
    members = [1] * len(places)
    for one, other in _pairs(list(places)):
        first, second = _root(parents, one), _root(parents, other)
        if first != second and members[first] + members[second] <= _MOST:
            parents[first] = second
            members[second] += members[first]
    return np.array([_root(parents, places[text]) for text in texts])


def _pairs(texts: list[str]) -> list[list[int]]:
    """Pairs of similar texts by their places, the most similar first."""
    keys, hashes = signed(texts)
    found = []
    for band in keys:
        order = np.argsort(band, kind="stable")
        for step in range(1, _AHEAD + 1):
            same = (band[order[step:]] == band[order[:-step]]) & (band[order[step:]] != 0)
            ends = np.flatnonzero(same)
            found.append(np.sort(np.column_stack([order[ends], order[ends + step]])))
    pairs = np.unique(np.concatenate(found), axis=0)
    shared = (hashes[pairs[:, 0]] == hashes[pairs[:, 1]]).mean(axis=1)
    ranked = np.argsort(-shared, kind="stable")
    return [pairs[place].tolist() for place in ranked[shared[ranked] >= _SIMILARITY]]


def _root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
