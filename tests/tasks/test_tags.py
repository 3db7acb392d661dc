"""Words and their tags: which entities they spell, and what counts as right."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mlops_cli.errors import DataError
from mlops_cli.tasks import IGNORED
from mlops_cli.tasks.encoders.words import WordEncoder, WordRow, split_words
from mlops_cli.tasks.heads.tags import Span, Tags, spans, tag_names


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O O", []),
        ("B-PER I-PER O B-LOC", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        # IOB1: only inside tags, B- parts neighbours of the same type.
        ("I-PER I-PER O I-LOC", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("I-PER B-PER I-PER", [("PER", 0, 0), ("PER", 1, 2)]),
        ("I-PER I-LOC", [("PER", 0, 0), ("LOC", 1, 1)]),
        # IOBES and BILOU.
        ("B-ORG I-ORG E-ORG S-LOC", [("ORG", 0, 2), ("LOC", 3, 3)]),
        ("U-LOC U-LOC B-ORG L-ORG", [("LOC", 0, 0), ("LOC", 1, 1), ("ORG", 2, 3)]),
        ("S-LOC I-LOC", [("LOC", 0, 0), ("LOC", 1, 1)]),
        # No prefixes at all.
        ("PER PER O LOC", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("B-PER O I-PER", [("PER", 0, 0), ("PER", 2, 2)]),
    ],
)
def test_entities_of_every_scheme(tags, found):
    assert spans(tags.split()) == [Span(*one) for one in found]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("two words", ["two", "words"]),
        ('["New York", "is"]', ["New York", "is"]),
        ("[not json", ["[not", "json"]),
        ('"quoted" [1]', ['"quoted"', "[1]"]),
        ("", []),
    ],
)
def test_words_of_a_cell(cell, words):
    assert split_words(cell) == words


@pytest.fixture
def encoder():
    """Characters as tokens, so that words have several."""
    signs = {sign: place for place, sign in enumerate(["[P]", "[C]", "[S]", *"abcdefgh.,"])}
    tokenizer = Tokenizer(models.WordLevel(signs, unk_token="[P]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.BertProcessing(("[S]", 2), ("[C]", 1))
    return WordEncoder(tokenizer, max_length=8, pad_id=0)


def test_words_begin_at_their_first_token(encoder):
    (row,) = encoder.encode({"text": ["ab c def"]})
    assert list(row) == [1, 3, 4, 5, 6, 7, 8, 2]
    assert row.starts == [1, 3, 4]


def test_words_beyond_the_length_have_no_token(encoder):
    (row,) = encoder.encode({"text": ["abc def gh"]})
    assert len(row) == 8
    assert row.starts == [1, 4, -1]
    assert encoder.count_truncated({"text": ["abc def gh", "abc"]}) == 1


def test_targets_stand_at_the_first_token_of_each_word(encoder):
    head = Tags(("O", "B-X"))
    rows = encoder.encode({"text": ["ab c", "def"]})
    assert head.targets(["B-X O", '["B-X"]'], rows).tolist() == [
        [IGNORED, 1, IGNORED, 0, IGNORED],
        [IGNORED, 1, IGNORED, IGNORED, IGNORED],
    ]


def test_rows_without_a_tag_for_every_word_are_told(encoder):
    rows = encoder.encode({"text": ["ab c"]})
    with pytest.raises(DataError, match="row 1 has 2 words and 1 tags"):
        Tags(("O",)).targets(["O"], rows)
    with pytest.raises(DataError, match="tag 'B-Z' does not occur"):
        Tags(("O",)).targets(["O B-Z"], rows)


def test_tags_are_ordered_by_type():
    names = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert tag_names(["B-PER I-PER", "O B-LOC I-LOC"]) == names


def test_metrics_are_those_of_whole_entities():
    head = Tags(("O", "B-PER", "I-PER", "B-LOC"))
    # First row right; in the second the entity is too short and a place is invented.
    truth = np.array([[IGNORED, 1, 2, 0], [IGNORED, 1, 2, 0]])
    answer = np.array([[0, 1, 2, 0], [0, 1, 0, 3]])
    outputs = (np.eye(4)[answer] * 20).astype(np.float32)
    found = head.metrics(outputs, truth)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["entity_precision"] == pytest.approx(1 / 3)
    assert found["entity_recall"] == pytest.approx(1 / 2)
    assert found["entity_f1"] == pytest.approx(0.4)
    assert found["entity_f1_macro"] == pytest.approx((0.5 + 0.0) / 2)


def answer(head, text, tags, starts, threshold=0.0):
    ids = {label: place for place, label in enumerate(head.labels)}
    logits = np.zeros((1, len(tags) + 2, len(head.labels)), dtype=np.float32)
    for place, tag in enumerate(tags, 1):
        logits[0, place, ids[tag]] = 3.0
    row = WordRow(range(len(tags) + 2), starts)
    (found,) = head.answers(logits, {"text": [text]}, [row], threshold=threshold)
    return found


def test_entities_are_found_in_the_raw_text_without_what_clings_to_them():
    head = Tags(("O", "B-PER", "I-PER", "B-LOC"))
    text = 'So  "Ada Lovelace," left London.'
    found = answer(head, text, ["O", "B-PER", "I-PER", "O", "B-LOC"], [1, 2, 3, 4, 5])
    assert [(one.text, one.label) for one in found.entities] == [
        ("Ada Lovelace", "PER"),
        ("London", "LOC"),
    ]
    assert [text[one.start : one.end] for one in found.entities] == ["Ada Lovelace", "London"]
    assert found.words == "Ada Lovelace (PER), London (LOC)"
    assert found.tags == ["O", "B-PER", "I-PER", "O", "B-LOC"]


def test_entities_the_model_is_not_sure_of_are_left_out():
    head = Tags(("O", "B-LOC"))
    sure = answer(head, "in Rome", ["O", "B-LOC"], [1, 2], threshold=0.9)
    assert [one.text for one in sure.entities] == ["Rome"]
    unsure = answer(head, "in Rome", ["O", "B-LOC"], [1, 2], threshold=0.99)
    assert unsure.entities == []
    assert unsure.words == "-"
