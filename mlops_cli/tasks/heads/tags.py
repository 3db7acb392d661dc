"""A tag for every word, and the entities that tags spell: the head of token classification."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.schemas.predictions import EntitiesPrediction, Entity, Prediction
from mlops_cli.tasks import IGNORED, Columns, Outputs, Targets
from mlops_cli.tasks.distribution import shares
from mlops_cli.tasks.encoders.words import WordRow, split_words
from mlops_cli.tasks.heads.classification_metrics import confusion_matrix, per_class, softmax

OUTSIDE = "O"
_PREFIXED = re.compile(r"([BIESLU])-(.+)")
_AROUND = "\"'\u201c\u201d\u2018\u2019«»()[]{}<>.,;:!?…"
"""What a person does not mean by an entity when it clings to its first or last word."""


class Span(NamedTuple):
    """An entity: its type, and its first and last word."""

    kind: str
    first: int
    last: int


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a row of tags.

    Reads IOB1, IOB2 and IOBES/BILOU alike, and tags without prefix (a run of the same one is an
    entity), the way conlleval does (Tjong Kim Sang and De Meulder, 2003): an inside tag whose
    type differs from the one before begins a new entity.
    """
    found: list[Span] = []
    before, kind_before = "O", ""
    for word, tag in enumerate(tags):
        match = _PREFIXED.fullmatch(tag)
        prefix, kind = match.groups() if match else ("O" if tag == OUTSIDE else "I", tag)
        if prefix != "O":
            goes_on = prefix in "IEL" and kind == kind_before and before in "BI"
            if goes_on:
                found[-1] = found[-1]._replace(last=word)
            else:
                found.append(Span(kind, word, word))
        before, kind_before = prefix, kind
    return found


@dataclass(frozen=True)
class Tags:
    """One tag a word, by softmax at the word's first token.

    Attributes:
        labels: Tag names; their position is the tag id.
    """

    labels: tuple[str, ...]
    kind: str = "tags"

    def knows(self, raw: str) -> bool:
        """Whether every tag is one of training."""
        return set(split_words(raw)) <= set(self.labels)

    def targets(self, raw: Sequence[str], rows: Sequence[WordRow]) -> NDArray[np.int64]:
        """Tag ids at the first token of each word, IGNORED elsewhere: (rows, longest)."""
        ids = {label: place for place, label in enumerate(self.labels)}
        width = max(map(len, rows), default=0)
        found = np.full((len(rows), width), IGNORED, dtype=np.int64)
        for number, (cell, row) in enumerate(zip(raw, rows, strict=True)):
            tags = split_words(cell)
            if len(tags) != len(row.starts):
                raise DataError(
                    f"row {number + 1} has {len(row.starts)} words and {len(tags)} tags",
                    hint="one tag a word, both parted by spaces or both JSON lists",
                )
            for tag, start in zip(tags, row.starts, strict=True):
                if tag not in ids:
                    raise DataError(
                        f"row {number + 1}: tag {tag!r} does not occur in the training split",
                        hint=f"known tags: {', '.join(self.labels)}",
                    )
                if start >= 0:
                    found[number, start] = ids[tag]
        return found

    def metrics(self, outputs: Outputs, targets: Targets) -> dict[str, float]:
        """Every scalar metric of tags; entities count when type and both ends are right."""
        judged = targets != IGNORED
        predicted, expected = outputs.argmax(axis=-1), targets
        matrix = confusion_matrix(predicted[judged], expected[judged], len(self.labels))
        scores, seen = per_class(matrix), (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
        entities = entity_counts(self.named(expected, judged), self.named(predicted, judged))
        kinds = [_figures(*one) for one in entities.values()]
        micro = _figures(*(sum(one[n] for one in entities.values()) for n in range(3)))
        rows = max(int(judged.sum()), 1)
        chosen = softmax(outputs[judged])[np.arange(judged.sum()), expected[judged]]
        return {
            "entity_f1": micro[2],
            "entity_precision": micro[0],
            "entity_recall": micro[1],
            "entity_f1_macro": float(np.mean([one[2] for one in kinds])) if kinds else 0.0,
            "accuracy": float(np.trace(matrix) / rows),
            "f1_macro": float(scores.f1[seen].mean()) if seen.any() else 0.0,
            "log_loss": float(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1)).mean()),
        }

    def named(self, ids: NDArray[np.int64], judged: NDArray[np.bool_]) -> list[list[str]]:
        """Tag names of each row, at the judged positions only."""
        return [
            [self.labels[tag] for tag in row[there].tolist()]
            for row, there in zip(ids, judged, strict=True)
        ]

    def decisions(self, outputs: Outputs) -> NDArray[np.int64]:
        """The tag id at each position."""
        decided: NDArray[np.int64] = outputs.argmax(axis=-1)
        return decided

    @property
    def nothing(self) -> Prediction:
        """No words, no entities."""
        return EntitiesPrediction([], [])

    def columns(self, top_k: int) -> list[str]:
        """The tag of each word, and the entities."""
        return ["tags", "entities"]

    def counted(self, answer: Prediction) -> Sequence[str]:
        """The entities' types."""
        return [entity.label for entity in answer.cells()["entities"]]

    def answers(
        self,
        outputs: Outputs,
        inputs: Columns,
        rows: Sequence[WordRow],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
    ) -> list[Prediction]:
        """Tags and entities of each row; entities below the threshold are left out."""
        answers: list[Prediction] = []
        for cell, row, logits in zip(inputs["text"], rows, outputs, strict=True):
            scores = softmax(logits)
            best = scores.argmax(axis=-1)
            # A word that the model did not get to see is outside of everything.
            tags = [self.labels[best[at]] if at >= 0 else OUTSIDE for at in row.starts]
            words = split_words(cell)
            entities = []
            for span in spans(tags):
                places = [row.starts[word] for word in range(span.first, span.last + 1)]
                score = float(np.mean([scores[at].max() for at in places if at >= 0]))
                if score >= threshold:
                    entities.append(_entity(cell, words, span, score))
            answers.append(EntitiesPrediction(tags, entities))
        return answers

    def describe_targets(self, raw: Sequence[str]) -> dict[str, Any]:
        """Words of each tag, and entities of each type."""
        rows = [split_words(cell) for cell in raw]
        tags = Counter(tag for row in rows for tag in row)
        kinds = Counter(span.kind for row in rows for span in spans(row))
        return {"tags": dict(sorted(tags.items())), "entities": dict(sorted(kinds.items()))}

    def describe_outputs(self, outputs: Outputs) -> dict[str, Any]:
        """How sure the model is of its tags, over all positions of a row."""
        there = outputs.any(axis=-1)
        scores = softmax(outputs[there])
        given = np.bincount(scores.argmax(axis=-1), minlength=len(self.labels)).tolist()
        return {
            "rows": len(outputs),
            "tags": dict(zip(self.labels, given, strict=True)),
            "confidence": shares(scores.max(axis=-1)),
        }

    def spec(self) -> dict[str, Any]:
        """The tags."""
        return {"labels": list(self.labels)}


def load(spec: dict[str, Any]) -> Tags:
    """Makes the head again. Raises DataError when the spec is damaged."""
    try:
        return Tags(tuple(spec["labels"]))
    except TypeError as error:
        raise DataError("the task's tags are damaged", hint="train again: mlops train") from error


def tag_names(targets: Sequence[str]) -> tuple[str, ...]:
    """The tags of training rows: `O` first, then by type and prefix."""
    tags = {tag for cell in targets for tag in split_words(cell)}
    rest = sorted(tags - {OUTSIDE}, key=lambda tag: (tag.partition("-")[2], tag))
    return (OUTSIDE, *rest)


def entity_counts(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, tuple[int, int, int]]:
    """Of each type of entity: how many are right, were predicted, and are there."""
    right, given, there = Counter[str](), Counter[str](), Counter[str]()
    for truth, answer in zip(expected, predicted, strict=True):
        true, found = set(spans(truth)), set(spans(answer))
        right.update(span.kind for span in true & found)
        given.update(span.kind for span in found)
        there.update(span.kind for span in true)
    return {kind: (right[kind], given[kind], there[kind]) for kind in sorted({*given, *there})}


def _figures(right: int, given: int, there: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where nothing is there to be right about."""
    precision = right / given if given else 0.0
    recall = right / there if there else 0.0
    f1 = 2 * right / (given + there) if given + there else 0.0
    return precision, recall, f1


def _entity(cell: str, words: list[str], span: Span, score: float) -> Entity:
    """The entity with its place in the raw text, without what clings to its ends."""
    text, offsets, at = cell, [], 0
    if words != cell.split():
        text = " ".join(words)  # a JSON list has no text of its own
    for word in words:
        at = text.index(word, at)
        offsets.append((at, at + len(word)))
        at += len(word)
    start, end = offsets[span.first][0], offsets[span.last][1]
    inner = text[start:end].strip(_AROUND)
    if inner:
        start = text.index(inner, start)
        end = start + len(inner)
    return Entity(text[start:end], span.kind, start, end, round(score, 6))
