"""What the optimisation settings do to a training."""

import pytest

pytestmark = pytest.mark.slow

SMALL = ["data.size=200", "epochs=1", "model.hidden_size=32", "trainer.threads=1"]


def test_bf16_trains_with_and_without_clipping(project, mlops):
    for clip in ("1.0", "null"):
        words = ["trainer.precision=bf16", f"trainer.gradient_clip={clip}"]
        outcome = mlops("train", *SMALL, *words, json=True)
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.json["metrics"]["val/loss"] > 0


def test_clipping_limits_what_one_step_changes(project, mlops):
    # AdamW undoes the scale of a gradient, except beside its epsilon.
    settings = [*SMALL, "trainer.precision=32", "trainer.weight_decay=0"]
    tight = mlops("train", *settings, "trainer.gradient_clip=1e-12", json=True).json
    loose = mlops("train", *settings, "trainer.gradient_clip=1.0", json=True).json
    assert tight["metrics"]["val/loss"] != loose["metrics"]["val/loss"]
    assert tight["metrics"]["val/loss"] == pytest.approx(0.69, abs=0.03)
