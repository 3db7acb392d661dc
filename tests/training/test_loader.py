"""Batches: every row once an epoch, another order each epoch, the same one for the same seed."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from mlops_cli.tasks import Task
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tasks.heads.classes import Classes
from mlops_cli.training.loader import BatchLoader, EpochOrder, ValidationLoader

# 1,003 rows of 1 to 60 tokens, so that the last batch of 32 is short.
LENGTHS = np.random.default_rng(0).integers(1, 61, size=1003)


def order(seed=0, *, grouped=True, lengths=LENGTHS, size=32):
    return EpochOrder(lengths, size, seed, group_by_length=grouped)


def batches(seed=0, epoch=0, *, grouped=True, lengths=LENGTHS, size=32):
    made = order(seed, grouped=grouped, lengths=lengths, size=size)
    made.set_epoch(epoch)
    return made.batches()


def as_lists(found):
    return [batch.tolist() for batch in found]


def padding(found):
    """Share of the tokens that are padding."""
    padded = sum(len(batch) * LENGTHS[batch].max() for batch in found)
    return 1 - LENGTHS.sum() / padded


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("rows", [1, 31, 32, 33, 3200, 3201])
def test_every_row_is_in_one_batch(grouped, rows):
    lengths = np.arange(rows) % 50 + 1
    found = batches(grouped=grouped, lengths=lengths)
    assert sorted(np.concatenate(found).tolist()) == list(range(rows))
    assert len(found) == len(order(grouped=grouped, lengths=lengths)) == -(-rows // 32)
    assert sum(len(batch) < 32 for batch in found) == (rows % 32 > 0)


@pytest.mark.parametrize("grouped", [True, False])
def test_the_order_is_that_of_seed_and_epoch(grouped):
    assert as_lists(batches(7, 3, grouped=grouped)) == as_lists(batches(7, 3, grouped=grouped))
    assert as_lists(batches(7, 3, grouped=grouped)) != as_lists(batches(7, 4, grouped=grouped))
    assert as_lists(batches(7, 3, grouped=grouped)) != as_lists(batches(8, 3, grouped=grouped))


def test_grouping_by_length_saves_padding_and_still_mixes():
    grouped = batches()
    assert padding(batches(grouped=False)) > 0.4
    assert padding(grouped) < 0.05
    # Not from short to long: neighbouring batches tell nothing of one another.
    means = [LENGTHS[batch].mean() for batch in grouped]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.5
    # Other rows come together in the next epoch.
    first = {frozenset(batch.tolist()) for batch in grouped}
    assert not first & {frozenset(batch.tolist()) for batch in batches(epoch=1)}


@pytest.fixture
def loader():
    """Ten rows in batches of three; row n is n + 1 tokens long and labelled n % 2."""
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder = TextEncoder(tokenizer, max_length=16, pad_id=0)
    task = Task("text_classification", encoder, Classes(("even", "odd")))
    rows = [[1] * (number + 1) for number in range(10)]
    targets = np.arange(10) % 2
    lengths = np.array([len(row) for row in rows])

    def made():
        return BatchLoader(task, rows, targets, order(lengths=lengths, size=3))

    return made


def rows_of(batch):
    return (batch["attention_mask"].sum(dim=1) - 1).tolist()


def given(loader, epoch):
    loader.sampler.set_epoch(epoch)
    return [rows_of(batch) for batch in loader]


def test_a_batch_is_padded_and_labelled(loader):
    batch = loader().collate(np.array([0, 3]))
    assert batch["input_ids"].tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    assert batch["labels"].tolist() == [0, 1]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_an_epoch_that_was_left_is_gone_on_with(loader):
    left = loader()
    left.sampler.set_epoch(2)
    stream = iter(left)
    first = [rows_of(next(stream)), rows_of(next(stream))]
    state = left.state_dict()

    taken_up = loader()
    taken_up.load_state_dict(state)

    assert first + given(taken_up, 2) == given(loader(), 2)
    # Only that epoch, and only once.
    assert given(taken_up, 2) == given(loader(), 2)
    assert given(taken_up, 3) == given(loader(), 3)


def test_an_epoch_that_was_done_is_not_gone_on_with(loader):
    done = loader()
    given(done, 1)
    taken_up = loader()
    taken_up.load_state_dict(done.state_dict())
    assert given(taken_up, 2) == given(loader(), 2)


def test_the_state_is_plain(loader):
    left = loader()
    next(iter(left))
    assert left.state_dict() == {"epoch": 0, "given": 1}


def test_validation_is_the_same_every_time_and_sorted(loader):
    validation = ValidationLoader(loader(), np.arange(10) + 1, batch_size=4)
    first = [rows_of(batch) for batch in validation]
    assert first == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(validation) == 3
    assert [rows_of(batch) for batch in validation] == first
