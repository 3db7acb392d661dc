"""A linear model of a table inside a network, so that the network begins as good as that one.

On few rows a linear model is often the best there is, and a network that starts from nothing does
not get there in the steps that so few rows allow. Here the network's layers add to it only what
it lacks: their last weights begin at zero (as in Goyal et al., Accurate, Large Minibatch SGD,
2017, section 5.1).
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from mlops_cli.models.objectives import Loss

_MOST_ROWS = 50_000
"""So many rows settle a linear model."""
_STEPS = 100


class LinearTerms(nn.Module):
    """What each column adds to the logits by itself.

    Args:
        numbers: How many figures a row has.
        categories: How many ids each column of categories has.
        outputs: Width of the logits.
    """

    def __init__(self, numbers: int, categories: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.base = nn.Parameter(torch.zeros(outputs))
        self.slopes = nn.Parameter(torch.zeros(numbers, outputs)) if numbers else None
        self.shifts = nn.ModuleList(
            nn.Embedding(count, outputs, _weight=torch.zeros(count, outputs))
            for count in categories
        )

    def forward(
        self, figures: torch.Tensor | None, categories: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits (batch, outputs) of figures (batch, numbers) and ids (batch, columns)."""
        logits: torch.Tensor = self.base
        if self.slopes is not None and figures is not None:
            logits = logits + figures @ self.slopes
        if categories is not None:
            for place, shift in enumerate(self.shifts):
                logits = logits + shift(categories[:, place])
        return logits


def settling(rows: int) -> slice:
    """Which of so many rows settle a linear model: all, or some at equal distances."""
    return slice(None, None, max(1, -(-rows // _MOST_ROWS)))


def fit(
    terms: LinearTerms,
    figures: torch.Tensor | None,
    categories: torch.Tensor | None,
    targets: torch.Tensor,
    loss: Loss,
) -> None:
    """Finds the terms of least loss by L-BFGS, penalised like scikit-learn's LogisticRegression.

    Args:
        terms: What is fitted.
        figures: Figures (rows, numbers), or None.
        categories: Ids (rows, columns), or None.
        targets: What the loss takes beside logits.
        loss: The training's own.
    """
    weights = [weight for name, weight in terms.named_parameters() if name != "base"]
    optimizer = torch.optim.LBFGS(
        terms.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        size = sum(weight.square().sum() for weight in weights)
        value = loss(terms(figures, categories), targets) + 0.5 * size / len(targets)
        torch.autograd.backward(value)
        return value.item()

    step: Callable[[Callable[[], float]], object] = optimizer.step
    step(closure)
    optimizer.zero_grad()
