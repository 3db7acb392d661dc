"""Attention with cheap dropout: the same function as transformers' own, and left behind nowhere."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DistilBertConfig,
)
from transformers.models.distilbert import DistilBertForSequenceClassification

from mlops_cli.models.attention import use_fast_attention

SMALL = {"vocab_size": 50, "num_labels": 3}
NETWORKS = {
    "bert": lambda dropout: BertForSequenceClassification(
        BertConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=dropout,
            **SMALL,
        )
    ),
    "distilbert": lambda dropout: DistilBertForSequenceClassification(
        DistilBertConfig(
            dim=16,
            n_layers=2,
            n_heads=2,
            hidden_dim=32,
            dropout=0.0,
            seq_classif_dropout=0.0,
            attention_dropout=dropout,
            **SMALL,
        )
    ),
}


def network(name, dropout=0.2):
    torch.manual_seed(0)
    made = NETWORKS[name](dropout)
    made.set_attn_implementation("eager")
    return made


@pytest.fixture
def batch():
    ids = torch.randint(1, 50, (4, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = mask[3, 1:] = 0
    return {"input_ids": ids, "attention_mask": mask}


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_and_gradients_are_those_of_the_eager_form(name, batch):
    plain, fast = network(name).eval(), network(name).eval()
    use_fast_attention(fast)
    assert fast.config._attn_implementation != "eager"
    logits = [made(**batch).logits for made in (plain, fast)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-6)
    for each in logits:
        each.square().sum().backward()
    for one, other in zip(plain.parameters(), fast.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_dropped_in_training_only(name, batch):
    made = network(name)
    use_fast_attention(made)
    made.train()
    assert not torch.equal(made(**batch).logits, made(**batch).logits)
    made.eval()
    assert torch.equal(made(**batch).logits, made(**batch).logits)


def test_a_network_that_drops_no_weights_keeps_its_own_attention():
    made = network("bert", dropout=0.0)
    use_fast_attention(made)
    assert made.config._attn_implementation == "eager"


def test_an_architecture_with_attention_of_its_own_is_left_alone(batch, caplog, capsys):
    made = DebertaV2ForSequenceClassification(
        DebertaV2Config(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            attn_implementation="eager",
            **SMALL,
        )
    )
    use_fast_attention(made)
    made.train()
    made(**batch).logits.sum().backward()
    assert made.config._attn_implementation == "eager"
    assert (caplog.text, capsys.readouterr().err) == ("", "")


def test_a_saved_network_names_no_attention_of_ours(tmp_path):
    made = network("bert")
    use_fast_attention(made)
    made.save_pretrained(tmp_path)
    assert "eager_fast_dropout" not in (tmp_path / "config.json").read_text()
