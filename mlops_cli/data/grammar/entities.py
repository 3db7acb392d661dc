"""Sentences with persons, places and organisations, for token classification.

Most names are of all three kinds (Lincoln, Victoria, Jordan): what a word is depends on what
stands around it, so that knowing words is not enough.
"""

from collections.abc import Iterator

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.quickstart import sizes
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "English sentences with entities"

_NAMES = [
    "Lincoln",
    "Victoria",
    "Jordan",
    "Austin",
    "Charlotte",
    "Florence",
    "Sydney",
    "Paris",
    "Chelsea",
    "Savannah",
    "Madison",
    "Houston",
    "Jackson",
    "Carson",
    "Orlando",
    "Phoenix",
    "Raleigh",
    "Eugene",
    "Aurora",
    "Lourdes",
    "Milan",
    "Kent",
    "Chester",
    "Lancaster",
    "Windsor",
    "Stafford",
    "Warwick",
    "Preston",
    "Clifton",
    "Burton",
    "Ashton",
    "Camden",
    "Hudson",
    "Logan",
    "Trenton",
]
_SURNAMES = [
    "Weber",
    "Novak",
    "Silva",
    "Tanaka",
    "Okafor",
    "Larsen",
    "Moreau",
    "Rossi",
    "Kovacs",
    "Haddad",
    "Mbeki",
    "Ivanov",
]
_BUSINESS = [
    "Motors",
    "Bank",
    "Press",
    "Airlines",
    "Foods",
    "Steel",
    "Records",
    "Energy",
    "Insurance",
    "Robotics",
]
_TITLES = ["Dr", "Mrs", "Mr", "Professor", "Captain", "Judge"]

_FRAMES = (
    "{person} met {person} in {place} .",
    "{person} has worked for {organisation} since May .",
    "{organisation} opened a factory near {place} .",
    "The mayor of {place} thanked {person} .",
    "{person} , who lives in {place} , wrote the letter .",
    "Shares of {organisation} fell after {person} resigned .",
    "The train from {place} to {place} was late .",
    "Yesterday {person} flew to {place} with {organisation} .",
    "{organisation} sued {organisation} over a patent .",
    "It rained in {place} while {person} slept .",
    "{person} said that {organisation} will hire {person} .",
    "In {place} nobody trusts {organisation} .",
)


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test sentences with their tags (IOB2)."""
    rows = _sentences(Dice(config.seed))
    train, validation, test = (_examples(rows, size) for size in sizes(config))
    return train, validation, test


def _examples(rows: Iterator[tuple[list[str], list[str]]], size: int) -> Examples:
    drawn = [next(rows) for _ in range(size)]
    texts = [" ".join(words) for words, _ in drawn]
    return Examples({"text": texts}, [" ".join(tags) for _, tags in drawn])


def _sentences(dice: Dice) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of sentences without end, none twice."""
    seen: set[str] = set()
    while True:
        words: list[str] = []
        tags: list[str] = []
        for word in dice.one(_FRAMES).split():
            entity, tag = _ENTITIES[word](dice) if word in _ENTITIES else ([word], "O")
            words += entity
            begun = [f"B-{tag}"] + [f"I-{tag}"] * (len(entity) - 1)
            tags += begun if tag != "O" else ["O"]
        text = " ".join(words)
        if text not in seen:
            seen.add(text)
            yield words, tags


def _person(dice: Dice) -> tuple[list[str], str]:
    name = [dice.one(_NAMES)]
    if dice.chance(0.4):
        name.append(dice.one(_SURNAMES))
    elif dice.chance(0.2):
        name = [dice.one(_TITLES), *name]
    return name, "PER"


def _place(dice: Dice) -> tuple[list[str], str]:
    return [*(["New"] if dice.chance(0.1) else []), dice.one(_NAMES)], "LOC"


def _organisation(dice: Dice) -> tuple[list[str], str]:
    name = [dice.one(_NAMES)]
    if dice.chance(0.6):
        name.append(dice.one(_BUSINESS))
    return name, "ORG"


_ENTITIES = {"{person}": _person, "{place}": _place, "{organisation}": _organisation}
