"""Orders in words and what they cost: a number that words make up together."""

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.grammar.lexicon import NAMES, PEOPLE, TIMES
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "orders and what they cost"

PRICES = {"key": 2, "letter": 1, "book": 9, "lamp": 15, "box": 5, "chair": 24}
COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_BUYS = ("bought", "ordered", "wants", "needs", "took", "asked for")
_MOST = 3
"""Kinds of things in an order."""


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test orders with what they cost; none occurs twice."""
    dice, seen = Dice(config.seed), set[str]()
    train, validation, test = (_examples(dice, seen, size) for size in sizes(config))
    return train, validation, test


def _examples(dice: Dice, seen: set[str], size: int) -> Examples:
    texts: list[str] = []
    costs: list[str] = []
    while len(texts) < size:
        text, cost = _order(dice)
        if text not in seen:
            seen.add(text)
            texts.append(text)
            costs.append(str(cost))
    return Examples({"text": texts}, costs)


def _order(dice: Dice) -> tuple[str, int]:
    """An order: "The doctor bought two lamps and one key at noon.", 32."""
    who = dice.one([dice.one(NAMES), f"the {dice.one(PEOPLE).one}"])
    things = dice.shuffled(list(PRICES))[: 1 + int(dice.one(range(_MOST)))]
    parts, cost = [], 0
    for thing in things:
        count = dice.one(list(COUNTS))
        cost += COUNTS[count] * PRICES[thing]
        many = f"{thing}es" if thing.endswith("x") else f"{thing}s"
        parts.append(f"{count} {thing if count == 'one' else many}")
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    sentence = f"{who} {dice.one(_BUYS)} {listed} {dice.one(TIMES)}."
    return sentence[0].upper() + sentence[1:], cost
