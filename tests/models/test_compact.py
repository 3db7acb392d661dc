"""A compact embedding trains what the full one would, and nothing else."""

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from mlops_cli.models.compact import CompactEmbedding, expand_embeddings

USED = [0, 2, 5, 9, 11]
IDS = torch.tensor([[2, 9, 5, 0], [11, 2, 2, 9]])


def full():
    torch.manual_seed(0)
    return torch.nn.Embedding(16, 4, padding_idx=0)


def test_it_answers_as_the_full_one():
    embedding = full()
    assert torch.equal(CompactEmbedding(embedding, USED)(IDS), embedding(IDS))


def test_repeated_ids_in_any_order_are_the_same_rows():
    embedding = full()
    assert torch.equal(CompactEmbedding(embedding, [11, 9, 5, 2, 0, 9])(IDS), embedding(IDS))


def test_only_used_rows_are_trained_and_kept_in_checkpoints():
    compact = CompactEmbedding(full(), USED)
    assert {name: tuple(p.shape) for name, p in compact.named_parameters()} == {"weight": (5, 4)}
    assert {name: tuple(v.shape) for name, v in compact.state_dict().items()} == {"weight": (5, 4)}


def test_the_padding_row_gets_no_gradient():
    compact = CompactEmbedding(full(), USED)
    compact(IDS).sum().backward()
    assert compact.weight.grad[0].tolist() == [0, 0, 0, 0]  # token 0 is the first row
    assert (compact.weight.grad[1:] != 0).all()


def test_without_a_padding_row_every_row_gets_one():
    compact = CompactEmbedding(torch.nn.Embedding(16, 4), USED)
    compact(IDS).sum().backward()
    assert (compact.weight.grad != 0).all()


def test_expanding_puts_the_trained_rows_back():
    embedding = full()
    before = embedding.weight.detach().clone()
    compact = CompactEmbedding(embedding, USED)
    with torch.no_grad():
        compact.weight += 1
    expanded = compact.expand()
    unused = [row for row in range(16) if row not in USED]
    assert expanded is embedding
    assert torch.equal(expanded.weight[USED], before[USED] + 1)
    assert torch.equal(expanded.weight[unused], before[unused])


def network():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForSequenceClassification(config)


def trained(model, steps=5, weight_decay=0.0, fused=True):
    """The model after a few steps of AdamW on batches that hold only tokens of USED."""
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-2, weight_decay=weight_decay, fused=fused
    )
    for _ in range(steps):
        ids = torch.tensor(USED)[torch.randint(0, len(USED), (8, 6), generator=generator)]
        labels = torch.randint(0, 2, (8,), generator=generator)
        model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    expand_embeddings(model)
    return model.state_dict()


@pytest.mark.parametrize("steps", [1, 5])
def test_training_is_exact(steps):
    whole, compact = network(), network()
    compact.set_input_embeddings(CompactEmbedding(compact.get_input_embeddings(), USED))
    expected, found = trained(whole, steps), trained(compact, steps)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6, msg=name)


def test_rows_that_are_not_used_keep_every_bit():
    compact = network()
    before = compact.get_input_embeddings().weight.detach().clone()
    compact.set_input_embeddings(CompactEmbedding(compact.get_input_embeddings(), USED))
    after = trained(compact, weight_decay=0.1)["bert.embeddings.word_embeddings.weight"]
    unused = [row for row in range(64) if row not in USED]
    assert torch.equal(after[unused], before[unused])
    assert not torch.equal(after[USED[1:]], before[USED[1:]])


def test_a_network_without_one_is_left_alone():
    model = network()
    embedding = model.get_input_embeddings()
    expand_embeddings(model)
    assert model.get_input_embeddings() is embedding
