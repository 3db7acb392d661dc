"""Two accounts in different words: whether they tell the same, and how much they have in common.

The second account has words of its own for everything, so that a word of one side says nothing by
itself: only which two words mean the same does.
"""

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "pairs of accounts"
SAME, DIFFERENT = "same", "different"

_WHO = {
    "the boy": "the lad",
    "the doctor": "the physician",
    "the king": "the monarch",
    "the teacher": "the tutor",
}
_DEEDS = {
    "found": "came across",
    "repaired": "mended",
    "sold": "parted with",
    "wanted": "asked for",
}
_THINGS = {
    "a book": "some novel",
    "a lamp": "some lantern",
    "a letter": "some message",
    "a watch": "some clock",
}
_PLACES = {
    "at home": "in the house",
    "at the market": "among the stalls",
    "in the garden": "near the flowers",
    "at school": "in class",
}
DETAILS = (_WHO, _DEEDS, _THINGS, _PLACES)
"""What the first account calls each detail, and the second."""
_SHARE_SAME = 0.5

_Pair = tuple[str, str]


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test pairs with their targets; none occurs twice.

    Targets that are classes say whether both accounts agree in every detail; numbers count those
    that they agree in.
    """
    dice, seen = Dice(config.seed), set[_Pair]()
    train, validation, test = (_examples(dice, seen, size, config) for size in sizes(config))
    return train, validation, test


def _examples(dice: Dice, seen: set[_Pair], size: int, config: QuickstartDataConfig) -> Examples:
    pairs: list[_Pair] = []
    targets: list[str] = []
    while len(pairs) < size:
        if config.targets == "numbers":
            changed = dice.one(range(len(DETAILS) + 1))
        else:
            changed = 0 if dice.chance(_SHARE_SAME) else dice.one((1, 2, 3, 4))
        pair = _pair(dice, changed)
        if pair in seen:
            continue
        seen.add(pair)
        pairs.append(pair)
        if config.targets == "numbers":
            targets.append(str(len(DETAILS) - changed))
        else:
            targets.append(DIFFERENT if changed else SAME)
    first, second = zip(*pairs, strict=True)
    return Examples({"text": list(first), "text_pair": list(second)}, targets)


def _pair(dice: Dice, changed: int) -> _Pair:
    """Two accounts that differ in so many details, each in a wording of its own."""
    first = [dice.one(list(words)) for words in DETAILS]
    other = list(first)
    for place in dice.shuffled(range(len(DETAILS)))[:changed]:
        other[place] = dice.one([word for word in DETAILS[place] if word != first[place]])
    second = [words[word] for words, word in zip(DETAILS, other, strict=True)]
    return _worded(dice, *first), _worded(dice, *second)


def _worded(dice: Dice, who: str, deed: str, thing: str, place: str) -> str:
    then = dice.one(["yesterday", "last week", "one day", "this morning", "in May", "again"])
    words = dice.one(
        [
            f"{who} {deed} {thing} {place} {then}.",
            f"{then}, {who} {deed} {thing} {place}.",
            f"{place}, {who} {deed} {thing} {then}.",
            f"{then}, {place}, {who} {deed} {thing}.",
        ]
    )
    return words[0].upper() + words[1:]
