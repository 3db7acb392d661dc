"""Counts in bounded memory: what they keep, and what a column of very many values becomes."""

import random
from collections import Counter

import pyarrow as pa
import pytest

from mlops_cli.data.mapped import Column
from mlops_cli.tasks.encoders import table
from mlops_cli.tasks.frequent import Frequent

ONCE = [f"once {n}" for n in range(110_000)]
OFTEN = [f"often {n}" for n in range(60_000)] * 5


def on_disk(values):
    return Column(pa.chunked_array([pa.array(values, pa.large_string())]))


def values_of(cells):
    (column,) = table.fit({"city": cells}).parts
    return column.values


def counted(values, room, together):
    counts = Frequent(room)
    for start in range(0, len(values), together):
        counts.update(values[start : start + together])
    return counts.most_common()


def draws(skew):
    draw = random.Random(3)
    values = [f"v{int(draw.paretovariate(skew))}" for _ in range(30_000)]
    return [*values, *sorted(values), *(f"end {n}" for n in range(500)), *["late"] * 2000]


@pytest.mark.parametrize("skew", [0.3, 0.8, 1.5])
@pytest.mark.parametrize("together", [1, 50, 1000])
def test_no_count_is_off_by_more_than_is_told(skew, together):
    values, room = draws(skew), 100
    exact, kept = Counter(values), dict(counted(values, room, together))
    most = len(values) / (room / 2 + 1)
    assert len(exact) > room
    assert len(kept) <= room + together
    assert all(exact[value] - most <= count <= exact[value] for value, count in kept.items())
    assert {value for value, count in exact.items() if count > most} <= set(kept)


def test_what_has_room_is_counted_as_in_memory():
    values = draws(0.8)
    assert counted(values, len(values), 1000) == Counter(values).most_common()


def test_in_memory_every_value_is_counted():
    expected = tuple(sorted(f"often {n}" for n in range(1000)))
    assert values_of(ONCE + OFTEN) == expected
    assert values_of(OFTEN + ONCE) == expected


def test_from_the_disk_values_after_very_many_rare_ones_are_found():
    assert values_of(on_disk(ONCE + OFTEN)) == values_of(ONCE + OFTEN)


def test_from_the_disk_what_comes_often_enough_is_never_lost():
    rows = ONCE + OFTEN + [f"town {n}" for n in range(1000)] * 30
    random.Random(0).shuffle(rows)
    found = values_of(on_disk(rows))
    assert found == values_of(rows)
    assert {value.split()[0] for value in found} == {"town"}


def test_from_the_disk_no_value_that_comes_once_is_a_category():
    encoder = table.fit({"name": on_disk(ONCE), "age": on_disk(["3"] * len(ONCE))})
    assert encoder.columns == ("age",)
