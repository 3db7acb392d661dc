"""Rents of invented flats, for tabular regression.

A square metre costs by district and floor, an old kitchen counts only in large flats, some cells
are empty, and no two landlords agree to the last coin.
"""

from collections.abc import Iterator

from mlops_cli.data.examples import Examples
from mlops_cli.data.grammar.dealing import dealt
from mlops_cli.data.grammar.dice import Dice
from mlops_cli.schemas.data import QuickstartDataConfig

CALLED = "rents of invented flats"

_DISTRICTS = {"harbour": 14.0, "old town": 17.5, "hill": 12.0, "station": 9.5, "meadows": 8.0}
_KITCHENS = ("old", "new", "none")
_EMPTY, _HAGGLING = 0.06, 0.08


def splits(config: QuickstartDataConfig) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test rows."""
    return dealt(_flats(Dice(config.seed)), config)


def _flats(dice: Dice) -> Iterator[tuple[dict[str, str], str]]:
    """Flats without end: columns and rent."""
    while True:
        area = round(18 + 130 * dice.share() ** 2, 1)
        floor, lift = int(dice.share() * 7), dice.chance(0.5)
        district, kitchen = dice.one(list(_DISTRICTS)), dice.one(_KITCHENS)
        metre = _DISTRICTS[district] + (0.4 * floor if lift else -0.5 * floor)
        rent = area * metre + 60
        if area > 60 and kitchen != "new":
            rent -= 120
        rent *= 1 + _HAGGLING * (dice.share() + dice.share() - 1)
        row = {
            "area": str(area),
            "floor": str(floor),
            "lift": "yes" if lift else "no",
            "district": district,
            "kitchen": kitchen,
        }
        empty = {name: "" if dice.chance(_EMPTY) else cell for name, cell in row.items()}
        yield empty, f"{rent:.2f}"
