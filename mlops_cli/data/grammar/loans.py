"""Loans of an invented bank, for tabular classification: which are paid back.

What decides is how the columns go together (debt by income, trade by region), some cells are
empty, and one loan in twenty turns out against all reason.
"""

from collections.abc import Iterator

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dealing import dealt
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "loans of an invented bank"
PAID, DEFAULTED = "paid", "defaulted"

_HOUSING = ("own", "rent", "family")
_TRADES = ("farmer", "clerk", "driver", "nurse", "teacher", "builder", "cook", "engineer")
_REGIONS = ("north", "south", "east", "west", "islands")
_PURPOSES = ("car", "house", "studies", "machine", "journey")
_EMPTY, _NOISE = 0.06, 0.05


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test rows."""
    return dealt(_loans(Dice(config.seed)), config)


def _loans(dice: Dice) -> Iterator[tuple[dict[str, str], str]]:
    """Loans without end: columns and label."""
    while True:
        age = 18 + int(dice.share() * 55)
        income = round(900 + 5200 * dice.share() ** 2)
        amount = round(1000 + 60000 * dice.share() ** 2, -2)
        months = 6 * (1 + int(dice.share() * 20))
        housing, trade = dice.one(_HOUSING), dice.one(_TRADES)
        region, purpose = dice.one(_REGIONS), dice.one(_PURPOSES)
        burden = amount / months / income
        risk = 4.0 * (burden - 0.25) + (0.9 if housing == "rent" and age < 35 else 0.0)
        # The same trade is safe in one half of the country and risky in the other.
        risk += 0.8 if (_TRADES.index(trade) % 2 == 0) == (region in ("north", "east")) else -0.8
        risk -= 0.7 if purpose == "house" and housing == "family" else 0.0
        label = DEFAULTED if (risk > 0) != dice.chance(_NOISE) else PAID
        row = {
            "age": str(age),
            "income": str(income),
            "amount": f"{amount:.0f}",
            "months": str(months),
            "housing": housing,
            "trade": trade,
            "region": region,
            "purpose": purpose,
        }
        yield {name: "" if dice.chance(_EMPTY) else cell for name, cell in row.items()}, label
