"""The words of the grammar, sorted by what they can do, and the phrases made of them."""

from typing import NamedTuple

from mlops_cli.data.grammar.dice import Dice


class Noun(NamedTuple):
    """A noun by number."""

    one: str
    many: str


class Verb(NamedTuple):
    """A verb by form."""

    base: str
    third: str
    past: str
    participle: str
    ing: str


def _nouns(words: str) -> list[Noun]:
    return [Noun(word, f"{word}s") for word in words.split()]


def _verbs(stems: str) -> list[Verb]:
    """Regular verbs; the e of "admir-e" is dropped before an ending."""
    verbs = []
    for stem in stems.split():
        short, _, e = stem.partition("-")
        verbs.append(Verb(short + e, f"{short}{e}s", f"{short}ed", f"{short}ed", f"{short}ing"))
    return verbs


PEOPLE = _nouns("teacher doctor student")
MEN = [Noun("man", "men"), *_nouns("boy king")]
WOMEN = [Noun("woman", "women"), *_nouns("girl queen")]
ANYONE = PEOPLE + MEN + WOMEN
THINGS = [Noun("box", "boxes"), *_nouns("key book letter lamp")]

HIS_NAMES = ["John", "Peter", "Tom"]
HER_NAMES = ["Mary", "Anna", "Emma"]
NAMES = HIS_NAMES + HER_NAMES
PRONOUNS = [("he", "him"), ("she", "her"), ("they", "them"), ("we", "us")]
"""Subject and object form."""

TRAITS = ["old", "young", "tall", "rich"]
MOODS = ["tired", "happy", "busy", "late"]
LOOKS = ["old", "new", "small", "heavy"]
NEAR = ["near", "behind", "beside"]
PLACES = ["in the garden", "at the station", "in the kitchen", "at home"]
TIMES = ["yesterday", "last week", "this morning"]
PLACES_AND_TIMES = PLACES + TIMES
MODALS = ["will", "must", "should"]

OF_THINGS = [
    Verb("bring", "brings", "brought", "brought", "bringing"),
    *_verbs("repair describ-e"),
]
OF_PEOPLE = _verbs("admir-e prais-e blam-e")
OF_NOTHING = [
    Verb("sleep", "sleeps", "slept", "slept", "sleeping"),
    *_verbs("laugh cough wait"),
]
GAVE = ["gave", "handed", "lent"]
"""Past forms of verbs that want a receiver and a thing."""


def person(dice: Dice) -> str:
    """Somebody: "Mary", "the doctor"."""
    return dice.one([dice.one(NAMES), f"the {dice.one(ANYONE).one}"])


def thing(dice: Dice) -> str:
    """Something, of either number: "the key", "the old keys"."""
    noun = dice.one(dice.one(THINGS))
    return dice.one([f"the {noun}", f"the {dice.one(LOOKS)} {noun}"])


def deed(dice: Dice, *forms: str) -> tuple[str, ...]:
    """One verb phrase in each of the `forms`: ("repaired the lamp", "repair the lamp")."""
    verb, rest = dice.one(
        [
            (dice.one(OF_NOTHING), dice.one(PLACES)),
            (dice.one(OF_THINGS), thing(dice)),
            (dice.one(OF_PEOPLE), person(dice)),
        ]
    )
    return tuple(f"{getattr(verb, form)} {rest}" for form in forms)
