"""Reviews in a sentence or two, and what they complain about: any number of labels a row."""

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "reviews and what they complain about"

TOPICS = {
    "battery": ("battery", "charger", "power supply"),
    "delivery": ("delivery", "parcel service", "courier"),
    "price": ("price", "cost", "bill"),
    "screen": ("screen", "display", "picture"),
    "sound": ("sound", "speaker", "volume"),
    "support": ("support", "hotline", "help desk"),
}
"""The labels, and what reviews call them."""
_GOOD = ("great", "fine", "good", "excellent", "perfect", "lovely")
_BAD = ("bad", "poor", "awful", "terrible", "a disgrace", "a joke")
_VERBS = ("is", "was", "seems", "turned out to be")
_JOINTS = (" and", ", but", ", while", ";", ", though")
_SHARE_BAD = 0.45
"""Of the things that a review names, the share it complains about."""


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test reviews with their labels; none occurs twice."""
    dice, seen = Dice(config.seed), set[str]()
    train, validation, test = (_examples(dice, seen, size, config) for size in sizes(config))
    return train, validation, test


def _examples(dice: Dice, seen: set[str], size: int, config: QuickstartDataConfig) -> Examples:
    texts: list[str] = []
    labels: list[str] = []
    while len(texts) < size:
        text, found = _review(dice)
        if text not in seen:
            seen.add(text)
            texts.append(text)
            labels.append(config.separator.join(sorted(found)))
    return Examples({"text": texts}, labels)


def _review(dice: Dice) -> tuple[str, list[str]]:
    """A review: "The screen is lovely, but the hotline was not good.", ["support"]."""
    topics = dice.shuffled(list(TOPICS))[: 1 + dice.one(range(3))]
    text, found = "", []
    for topic in topics:
        bad, denied = dice.chance(_SHARE_BAD), dice.chance(0.25)
        word = dice.one(_BAD if bad != denied else _GOOD)
        verb = f"is not {word}" if denied else f"{dice.one(_VERBS)} {word}"
        text += (dice.one(_JOINTS) if text else "") + f" the {dice.one(TOPICS[topic])} {verb}"
        if bad:
            found.append(topic)
    text = text.strip() + "."
    return text[0].upper() + text[1:], found
