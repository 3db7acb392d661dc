"""Pairs of texts as a model reads them."""

from pathlib import Path

import pytest

from mlops_cli.models.scratch import train_tokenizer
from mlops_cli.tasks.encoders import for_tokens, text_pair
from mlops_cli.tasks.encoders.text_pair import TextPairEncoder

LONG = "the cat sat on the mat and the dog ate it all up"


def encoder(max_length: int, *, knows_segments: bool = True) -> TextPairEncoder:
    tokenizer = train_tokenizer([LONG] * 5, 200)
    made = for_tokens("text_pair", tokenizer, max_length, 0, knows_segments=knows_segments)
    assert isinstance(made, TextPairEncoder)
    return made


def test_segments_tell_the_two_texts_apart() -> None:
    made = encoder(32)
    rows = made.encode({"text": ["the cat", "the"], "text_pair": ["the dog ate", "it"]})

    batch = made.collate(rows)

    first, second = (len(made.tokenizer.encode(words).ids) for words in ("the cat", "the dog ate"))
    assert batch["token_type_ids"][0].tolist() == [0] * first + [1] * (second - 1)
    assert batch["token_type_ids"].shape == batch["input_ids"].shape
    assert batch["attention_mask"].sum(axis=1).tolist() == made.sizes(rows).tolist()


def test_the_longer_text_is_cut_first() -> None:
    made = encoder(12)
    short = made.tokenizer.encode("dog").ids[1:-1]

    (row,) = made.encode({"text": [LONG], "text_pair": ["dog"]})

    assert len(row) == 12
    assert list(row[-1 - len(short) : -1]) == short
    assert made.count_truncated({"text": [LONG, "a"], "text_pair": ["dog", "b"]}) == 1


def test_a_model_without_segments_gets_none(tmp_path: Path) -> None:
    made = encoder(12, knows_segments=False)
    assert made.input_names == ("input_ids", "attention_mask")

    made = encoder(12)
    made.save(tmp_path)
    again = text_pair.load(made.spec(), tmp_path)

    columns = {"text": [LONG], "text_pair": ["it ate"]}
    assert again.encode(columns) == made.encode(columns)
    assert again.input_names == ("input_ids", "attention_mask", "token_type_ids")


@pytest.mark.parametrize("texts", [("a", "b"), (LONG, LONG)])
def test_the_example_to_trace_has_rows_of_two_lengths(texts: tuple[str, str]) -> None:
    made = encoder(64)
    rows = made.encode({"text": [texts[0]], "text_pair": [texts[1]]})

    one, other = made.example(rows)

    assert len(one) > len(other) > 0
    assert len(other) == len(other.segments)
