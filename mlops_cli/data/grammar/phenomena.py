"""What the grammar knows: each phenomenon draws an acceptable sentence and a corrupted twin.

Counting words tells next to nothing about the label. Either the twin is a permutation of the
acceptable sentence, or one of two frames is drawn that want the opposite: "is" belongs to "the
key" and not to "the keys", "are" the other way round, so that neither word speaks for a label.
"""

from collections.abc import Callable

from mlops_cli.data.grammar.dice import Dice
from mlops_cli.data.grammar.lexicon import (
    ANYONE,
    GAVE,
    HER_NAMES,
    HIS_NAMES,
    LOOKS,
    MEN,
    MODALS,
    MOODS,
    NAMES,
    NEAR,
    OF_NOTHING,
    OF_PEOPLE,
    OF_THINGS,
    PLACES,
    PLACES_AND_TIMES,
    PRONOUNS,
    THINGS,
    TIMES,
    TRAITS,
    WOMEN,
    deed,
    person,
    thing,
)

Pair = tuple[str, str]
"""An acceptable sentence and its unacceptable twin."""

_COMMON = 0.63
"""Share of the first of two frames. An even share hides every hint from single words, and then
a network starts on a plateau that costs minutes; this much of a hint lifts a bag of words to
some 0.56 accuracy and gets a small transformer going within an epoch."""


def _sentence(text: str) -> str:
    """`text` with single spaces, a capital letter and a mark at its end."""
    words = " ".join(text.split()).replace(" ?", "?")
    return words[0].upper() + words[1:] + ("" if words.endswith("?") else ".")


def _pair(acceptable: str, unacceptable: str) -> Pair:
    """A pair of the two, written as sentences."""
    return _sentence(acceptable), _sentence(unacceptable)


def _cross(dice: Dice, first: str, second: str, x: str, y: str) -> Pair:
    """Of two frames one: `first` wants `x` and `second` wants `y`; the twin has the other."""
    if dice.chance(_COMMON):
        return _pair(first.format(x), first.format(y))
    return _pair(second.format(y), second.format(x))


def _predicate(dice: Dice) -> tuple[tuple[str, str], str]:
    """A present-tense verb by number and what follows it: ("is", "are"), "late"."""
    verb = dice.one(OF_NOTHING)
    return dice.one(
        [
            (("is", "are"), dice.one(MOODS)),
            (("was", "were"), dice.one(MOODS)),
            ((verb.third, verb.base), dice.one(PLACES)),
        ]
    )


def agreement(dice: Dice) -> Pair:
    """Verb and subject: "The old doctors sleep/*sleeps at home."."""
    noun, trait = dice.one(ANYONE), dice.one(TRAITS)
    (singular, plural), end = _predicate(dice)
    one, many = f"the {trait} {noun.one} {{}} {end}", f"the {trait} {noun.many} {{}} {end}"
    return _cross(dice, one, many, singular, plural)


def attractor(dice: Dice) -> Pair:
    """Agreement across another noun: "The doctors near the king are/*is late."."""
    noun, other = dice.two(ANYONE)
    near = f"{dice.one(NEAR)} the {dice.one(other)}"
    (singular, plural), end = _predicate(dice)
    one, many = f"the {noun.one} {near} {{}} {end}", f"the {noun.many} {near} {{}} {end}"
    return _cross(dice, one, many, singular, plural)


def relative_clause(dice: Dice) -> Pair:
    """Agreement across a clause: "The doctors that the king admired are/*is late."."""
    noun, other = dice.two(ANYONE)
    clause = f"that the {dice.one(other)} {dice.one(OF_PEOPLE).past}"
    (singular, plural), end = _predicate(dice)
    one, many = f"the {noun.one} {clause} {{}} {end}", f"the {noun.many} {clause} {{}} {end}"
    return _cross(dice, one, many, singular, plural)


def conjunction(dice: Dice) -> Pair:
    """Paired conjunctions: "Mary blamed either the boy or/*and the girl."."""
    first, second = dice.two(ANYONE)
    word, partner = dice.one([("either", "or"), ("neither", "nor")])
    frame = (
        f"{person(dice)} {dice.one(OF_PEOPLE).past} {{}} the {first.one} {{{{}}}} the {second.one}"
    )
    return _cross(dice, frame.format("both"), frame.format(word), "and", partner)


def determiner(dice: Dice) -> Pair:
    """Noun and determiner: "Mary brought these boxes/*box."."""
    who, what, verb = person(dice), dice.one(THINGS), dice.one(OF_THINGS).past
    this, these = dice.one([("this", "these"), ("that", "those")])
    end = dice.one(PLACES)
    return _cross(
        dice, f"{who} {verb} {this} {{}} {end}", f"{who} {verb} {these} {{}} {end}", *what
    )


def case(dice: Dice) -> Pair:
    """Subject and object pronouns: "He blamed Mary.", "*Him blamed Mary."."""
    he, him = dice.one(PRONOUNS)
    verb = dice.one([dice.one(OF_PEOPLE).past, f"{dice.one(OF_NOTHING).past} {dice.one(NEAR)}"])
    says, who = dice.one(["", f"{dice.one(NAMES)} said that"]), person(dice)
    return _cross(dice, f"{says} {{}} {verb} {who}", f"{says} {who} {verb} {{}}", he, him)


def reflexive(dice: Dice) -> Pair:
    """Reflexives and what they refer to: "The king near the queen blamed himself/*herself."."""
    man, woman, love = dice.one(MEN).one, dice.one(WOMEN).one, dice.one(OF_PEOPLE).past
    trait, near, place = dice.one(TRAITS), dice.one(NEAR), dice.one(PLACES)
    he, she = dice.one(
        [
            (f"the {trait} {man}", f"the {trait} {woman}"),
            (dice.one(HIS_NAMES), dice.one(HER_NAMES)),
            (f"the {man} {near} the {woman}", f"the {woman} {near} the {man}"),
        ]
    )
    return _cross(
        dice, f"{he} {love} {{}} {place}", f"{she} {love} {{}} {place}", "himself", "herself"
    )


def word_order(dice: Dice) -> Pair:
    """Order in phrases and clauses: "Mary brought the old box.", "*Mary brought the box old."."""
    who, verb, what = person(dice), dice.one(OF_THINGS).past, dice.one(dice.one(THINGS))
    look, slept = dice.one(LOOKS), dice.one(OF_NOTHING).past
    near, place = dice.one(PLACES).split(maxsplit=1)
    brought = f"{who} {verb} the {look} {what}"
    return dice.one(
        [
            _pair(brought, f"{who} {verb} the {what} {look}"),
            _pair(brought, f"{who} {verb} {what} the {look}"),
            _pair(brought, f"{who} the {look} {what} {verb}"),
            _pair(f"{who} {slept} {near} {place}", f"{who} {slept} {place} {near}"),
        ]
    )


def transitivity(dice: Dice) -> Pair:
    """Verbs with and without an object: "Mary repaired/*slept the lamp."."""
    who, other, slept = person(dice), person(dice), dice.one(OF_NOTHING).past
    verb, what = dice.one([(dice.one(OF_THINGS), thing(dice)), (dice.one(OF_PEOPLE), other)])
    end = dice.one(PLACES_AND_TIMES)
    return _cross(dice, f"{who} {slept} {{}} {end}", f"{who} {verb.past} {{}} {end}", "", what)


def ditransitivity(dice: Dice) -> Pair:
    """Verbs with a receiver: "Mary gave/*blamed the boy the book."."""
    who, other, end = person(dice), person(dice), dice.one(["", *TIMES])
    gave, love = f"{who} {dice.one(GAVE)} {other}", f"{who} {dice.one(OF_PEOPLE).past} {other}"
    return _cross(dice, f"{love} {{}} {end}", f"{gave} {{}} {end}", "", thing(dice))


def verb_form(dice: Dice) -> Pair:
    """Auxiliary and verb form: "Mary has brought/*bring the key."."""
    who, verb, what = person(dice), dice.one(OF_THINGS), thing(dice)
    modal, has, was = dice.one(MODALS), dice.one(["has", "had"]), dice.one(["is", "was"])
    frame = f"{who} {{}} {{{{}}}} {what}"
    will_bring, has_brought, is_bringing = (frame.format(word) for word in (modal, has, was))
    return dice.one(
        [
            _cross(dice, will_bring, has_brought, verb.base, verb.participle),
            _cross(dice, will_bring, is_bringing, verb.base, verb.ing),
            _cross(dice, has_brought, is_bringing, verb.participle, verb.ing),
        ]
    )


def question(dice: Dice) -> Pair:
    """Inversion: "What will Mary bring at home?", "*What Mary will bring at home?"."""
    who, modal, (bring,) = person(dice), dice.one(MODALS), deed(dice, "base")
    rest = f"{dice.one(OF_THINGS).base} {dice.one(PLACES)}"
    knows = f"{dice.one(NAMES)} knows what"
    return dice.one(
        [
            _pair(f"{modal} {who} {bring}?", f"{modal} {bring} {who}?"),
            _pair(f"what {modal} {who} {rest}?", f"what {who} {modal} {rest}?"),
            _pair(f"{knows} {who} {modal} {rest}", f"{knows} {modal} {who} {rest}"),
        ]
    )


def gap(dice: Dice) -> Pair:
    """Questions that leave an object out: "What did Mary bring/*bring the key at home?"."""
    who, what, other, end = person(dice), thing(dice), person(dice), dice.one(PLACES_AND_TIMES)
    bring, love = dice.one(OF_THINGS).base, dice.one(OF_PEOPLE).base
    asks, verb, left_out = dice.one([("what", bring, what), ("who", love, other)])
    frame = f"did {who} {verb} {{}} {end}?"
    return _cross(dice, f"{asks} {frame}", frame, "", left_out)


def complementizer(dice: Dice) -> Pair:
    """Statements and questions as objects: "Mary thought that/*whether the boy slept."."""
    who, other, (slept,) = person(dice), person(dice), deed(dice, "past")
    thought = f"{who} {dice.one(['thought', 'claimed', 'believed', 'hoped'])} {{}} {other} {slept}"
    asked = f"{who} {dice.one(['asked', 'wondered'])} {{}} {other} {slept}"
    return _cross(dice, thought, asked, "that", dice.one(["whether", "if"]))


def negation(dice: Dice) -> Pair:
    """Where the "not" goes: "Mary did not bring the key.", "*Mary not did bring the key."."""
    who, (bring, brought) = person(dice), deed(dice, "base", "participle")
    auxiliary, verb = dice.one([(dice.one(["did", *MODALS]), bring), ("has", brought)])
    wrong = dice.one([f"{who} not {auxiliary} {verb}", f"{who} {auxiliary} {verb} not"])
    return _pair(f"{who} {auxiliary} not {verb}", wrong)


def polarity(dice: Dice) -> Pair:
    """An "ever" needs a "no" in the right place: "*The man near no boys has ever slept."."""
    who, other = dice.two(ANYONE)
    near, love = dice.one(NEAR), dice.one(OF_PEOPLE).base
    has, noun = dice.one([("has", who.one), ("have", who.many)])
    (slept,) = deed(dice, "participle")
    frame = dice.one(
        [f"{{}} {noun} that {{}} {other.many} {love}", f"{{}} {noun} {near} {{}} {other.many}"]
    )
    end = f"{has} ever {slept}"
    return _pair(f"{frame.format('no', 'the')} {end}", f"{frame.format('the', 'no')} {end}")


PHENOMENA: dict[str, Callable[[Dice], Pair]] = {
    phenomenon.__name__: phenomenon
    for phenomenon in (
        agreement,
        attractor,
        relative_clause,
        conjunction,
        determiner,
        case,
        reflexive,
        word_order,
        transitivity,
        ditransitivity,
        verb_form,
        question,
        gap,
        complementizer,
        negation,
        polarity,
    )
}
