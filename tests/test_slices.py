"""Slices: which rows are looked at by themselves, with what figure, and what chance explains."""

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from mlops_cli.data.examples import Examples
from mlops_cli.evaluation import slices
from mlops_cli.evaluation.view import Predicted
from mlops_cli.reporting import SilentReporter
from mlops_cli.tasks import Task
from mlops_cli.tasks.encoders import table
from mlops_cli.tasks.encoders.image import ImageEncoder
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tasks.encoders.text_pair import TextPairEncoder
from mlops_cli.tasks.encoders.words import WordEncoder
from mlops_cli.tasks.heads.classes import Classes
from mlops_cli.tasks.heads.labels import Labels
from mlops_cli.tasks.heads.numbers import Numbers
from mlops_cli.tasks.heads.tags import Tags


class Listener(SilentReporter):
    """Keeps what was said."""

    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def tokenizer():
    found = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1}, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    return found


def predicted(task, inputs, targets, outputs, **asked):
    examples = Examples(inputs, targets, slices=asked)
    rows = examples.encoded(task.encoder)
    wanted = task.head.targets(targets, rows)
    metrics = task.head.metrics(outputs, wanted)
    return Predicted(task, examples, rows, outputs, wanted, metrics, 0.0)


def answered(inputs, right, *, labels=None, encoder=None, **asked):
    """Predictions of two classes, of which those rows are right that `right` says."""
    labels = labels or ["yes" if row % 2 else "no" for row in range(len(right))]
    answers = np.array(
        [(label == "yes") == good for label, good in zip(labels, right, strict=True)]
    )
    outputs = np.stack([~answers, answers], axis=1).astype(np.float32)
    task = Task("any", encoder or table.fit(inputs), Classes(("no", "yes")))
    return predicted(task, inputs, labels, outputs, **asked)


def find(found, monitor="accuracy", reporter=None):
    return slices.find(found, monitor, reporter or Listener())


def mostly(rows, share=0.9):
    return np.random.default_rng(rows).random(rows) < share


def dealt(columns, rows):
    """Columns that say nothing."""
    draw = np.random.default_rng(7)
    return {f"c{n}": draw.choice(["a", "b", "c"], rows).tolist() for n in range(columns)}


def test_a_slice_that_is_worse_comes_first_and_is_called_so():
    region = ["north" if row % 10 == 3 else "south" if row % 3 else "east" for row in range(900)]
    right = [good and name != "north" for name, good in zip(region, mostly(900), strict=True)]
    first, *others = find(answered({"region": region, "half": ["a", "b"] * 450}, right))
    assert (first.by, first.value, first.rows, first.metric) == ("region", "north", 90, "accuracy")
    assert first.figure == 0
    assert first.difference == pytest.approx(-sum(right) / 900)
    assert first.worse
    assert first.chance_low > 0.6
    assert not any(other.worse for other in others if other.by == "region")
    losses = [other.difference for other in others if not other.worse]
    assert losses == sorted(losses)


def test_numbers_are_cut_in_thirds_and_what_has_none_is_apart():
    age = [str(18 + row % 60) for row in range(300)] + ["?"] * 25
    rooms = [str(row % 3) for row in range(325)]
    found = find(answered({"age": age, "rooms": rooms}, mostly(325)))
    told = {(row.by, row.value): row.rows for row in found}
    assert told["age", "low: 18 to 37"] == 100
    assert told["age", "middle: 38 to 57"] == 100
    assert told["age", "high: 58 to 77"] == 100
    assert told["age", "no number"] == 25
    assert told["rooms", "0"] == 109
    assert len(told) == 7


def test_rare_values_are_one_slice_and_too_few_rows_none():
    job = [f"rare {row}" for row in range(30)] * 2 + ["cook"] * 100 + ["smith"] * 19 + [""] * 19
    constant = ["same"] * len(job)
    found = find(answered({"job": job, "constant": constant}, mostly(len(job))))
    assert {(row.value, row.rows) for row in found} == {("cook", 100), ("other values", 79)}


def test_what_chance_explains_is_not_called_worse():
    found = find(answered(dealt(40, 600), mostly(600, 0.8)))
    assert len(found) == 20  # The worst of 120.
    assert not any(row.worse for row in found)
    assert all(row.chance_low < row.figure < row.chance_high for row in found)


def test_columns_of_ones_choice_are_told_all_and_once():
    shop = [f"shop {row % 25}" for row in range(1000)]
    found = find(answered({"shop": shop, **dealt(10, 1000)}, mostly(1000), shop=shop))
    assert sorted(row.value for row in found if row.by == "shop") == sorted(set(shop))
    assert len(found) == 25 + 20


def test_a_column_without_a_slice_is_told():
    listener = Listener()
    numbers = [str(row) for row in range(50)]
    ids = [f"id {row}" for row in range(50)]
    find(answered({"n": numbers}, mostly(50), ids=ids, one=["x"] * 50), reporter=listener)
    assert listener.warnings == [
        "data.slice_by=ids: no slice, the column has none in 20 rows",
        "data.slice_by=one: no slice, the column has one value alone",
    ]


def test_too_few_rows_for_any_slice_are_told_once():
    listener = Listener()
    few = answered({"n": ["1"] * 6}, mostly(6), shop=["a", "b"] * 3, ids=["x"] * 6)
    assert find(few, reporter=listener) == []
    assert listener.warnings == ["a slice has 20 rows or more: 6 rows give none"]


def test_a_column_called_as_a_slice_of_ours_hides_it_not():
    texts = [" ".join(["word"] * (1 + row % 30)) for row in range(300)]
    encoder = TextEncoder(tokenizer(), 8, pad_id=0)
    found = find(answered({"text": texts}, mostly(300), encoder=encoder, length=["a", "b"] * 150))
    assert {row.value for row in found if row.asked} == {"a", "b"}
    assert "long: 21 to 30 words" in {row.value for row in found if not row.asked}


def test_a_column_that_tells_the_class_makes_no_slice_worse():
    """Of such a column every slice has nearly one class: MCC is low in each."""
    labels = ["no"] * 300 + ["yes"] * 300
    region = ["north"] * 280 + ["south"] * 40 + ["west"] * 280
    found = find(answered({"region": region}, mostly(600), labels=labels), "mcc")
    assert {row.metric for row in found} == {"accuracy"}
    assert not any(row.worse for row in found)


def test_texts_are_cut_by_their_words():
    texts = [" ".join(["word"] * (1 + row % 30)) for row in range(300)]
    long = [len(text.split()) > 20 for text in texts]
    encoder = TextEncoder(tokenizer(), 8, pad_id=0)
    found = find(answered({"text": texts}, [not one for one in long], encoder=encoder))
    assert [(row.by, row.value, row.rows) for row in found] == [
        ("length", "long: 21 to 30 words", 100),
        ("length", "short: 1 to 10 words", 100),
        ("length", "middle: 11 to 20 words", 100),
    ]
    assert [row.worse for row in found] == [True, False, False]


def test_pairs_are_cut_by_the_words_of_both_and_what_has_no_spaces_by_characters():
    pair = TextPairEncoder(tokenizer(), 8, pad_id=0)
    both = {"text": ["a b"] * 30 + ["a b c"] * 30, "text_pair": ["c"] * 60}
    values = {row.value for row in find(answered(both, mostly(60), encoder=pair))}
    assert values == {"short: 3 words", "middle: 4 words"}
    encoder = TextEncoder(tokenizer(), 8, pad_id=0)
    texts = {"text": ["好" * (5 + row % 3) for row in range(90)]}
    values = {row.value for row in find(answered(texts, mostly(90), encoder=encoder))}
    assert values == {"short: 5 characters", "middle: 6 characters", "long: 7 characters"}


def test_images_are_cut_by_the_size_of_their_files(tmp_path):
    sides = [(20, 10), (40, 20), (80, 40)]
    for number, size in enumerate(sides):
        Image.new("L", size).save(tmp_path / f"{number}.png")
    files = [str(tmp_path / f"{row % 3}.png") for row in range(90)]
    right = [row % 3 > 0 for row in range(90)]
    found = find(answered({"image": files}, right, encoder=ImageEncoder((8, 8), (0.5,), (0.5,))))
    assert [(row.by, row.value, row.rows, row.worse) for row in found] == [
        ("size", "small: 200 pixels", 30, True),
        ("size", "middle: 800 pixels", 30, False),
        ("size", "large: 3200 pixels", 30, False),
    ]


def test_tags_are_told_by_the_accuracy_of_the_words():
    task = Task("any", WordEncoder(tokenizer(), 8, pad_id=0), Tags(("O", "B-PER")))
    tags = ["O O O"] * 40 + ["O B-PER"] * 80
    texts = [" ".join("word" for _ in row.split()) for row in tags]
    outputs = np.zeros((120, 3, 2), np.float32)
    outputs[:, :, 0] = 1
    outputs[40:100, 1, 1] = 2
    found = find(predicted(task, {"text": texts}, tags, outputs), "entity_f1")
    told = {row.value: (row.metric, round(row.figure, 3)) for row in found}
    assert told == {"long: 3 words": ("accuracy", 1.0), "short: 2 words": ("accuracy", 0.875)}


def test_several_labels_are_told_by_the_share_of_wrong_ones():
    task = Task("any", TextEncoder(tokenizer(), 8, pad_id=0), Labels(("a", "b")))
    targets = ["a|b"] * 40 + ["a"] * 40
    texts = ["one"] * 40 + ["one two three"] * 40
    outputs = np.array([[3, 3]] * 40 + [[3, 3]] * 40, np.float32)
    found = find(predicted(task, {"text": texts}, targets, outputs), "f1_macro")
    assert [(row.metric, row.figure, row.worse) for row in found] == [
        ("hamming_loss", 0.5, True), ("hamming_loss", 0.0, False),
    ]  # fmt: skip


def test_of_an_error_more_is_worse():
    area = [str(row % 90) for row in range(360)]
    task = Task("any", table.fit({"area": area}), Numbers(0.0, 1.0))
    true = np.arange(360) % 7
    off = np.where(np.arange(360) % 90 < 30, 5.0, 1.0)
    outputs = (true + off).astype(np.float32)[:, None]
    found = find(predicted(task, {"area": area}, [str(one) for one in true], outputs), "rmse")
    assert (found[0].value, found[0].figure) == ("low: 0 to 29", pytest.approx(5))
    assert [row.worse for row in found] == [True, False, False]
    assert found[0].difference > 0 > found[1].difference
