"""Drift: shifted tables are told apart, and no two halves of one table ever are."""

import csv
import random

import numpy as np
import pytest
from scipy.stats import ks_2samp

from mlops_cli.data import drift, quickstart
from mlops_cli.data.drift import numeric, verdict
from mlops_cli.data.drift.profile import Profile, numeric_binning
from mlops_cli.errors import DataError, MlopsError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import QuickstartDataConfig
from mlops_cli.schemas.drift import DriftCheck, DriftConfig

WORDS = [
    "the",
    "train",
    "left",
    "late",
    "and",
    "nobody",
    "told",
    "us",
    "why",
    "so",
    "we",
    "waited",
    "in",
    "rain",
    "at",
    "platform",
]
OTHER_WORDS = [
    "goalkeeper",
    "saved",
    "penalty",
    "twice",
    "before",
    "halftime",
    "whistle",
    "crowd",
    "cheered",
    "striker",
]


def write(path, columns):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def halves(rows, seed):
    order = rows[:]
    random.Random(seed).shuffle(order)
    parts = order[: len(order) // 2], order[len(order) // 2 :]
    return tuple({name: [row[name] for row in part] for name in rows[0]} for part in parts)


@pytest.fixture
def compare(tmp_path):
    """`compare(reference, current, label=…)`: columns or files in, the result out."""

    def run(reference, current, *, seed=0, settings=None, **selection):
        paths = [
            write(tmp_path / f"{name}.csv", table) if isinstance(table, dict) else table
            for name, table in (("reference", reference), ("current", current))
        ]
        return drift.run(
            *paths,
            drift.Selection(**selection),
            DriftConfig(**(settings or {})),
            seed=seed,
            reporter=SilentReporter(),
        )

    return run


def made(seed, rows=600, *, texts=True):
    """A table of numbers, categories and texts, the same distribution for each seed."""
    dice = np.random.default_rng(seed)
    table = {
        "amount": dice.lognormal(size=rows).round(3),
        "score": dice.normal(size=rows).round(4),
        "count": dice.integers(0, 200, rows),
        "colour": dice.choice(["red", "green", "blue"], rows, p=[0.5, 0.3, 0.2]),
        "town": [f"town {n}" for n in dice.integers(0, 300, rows)],
        "known": dice.choice(["true", "false"], rows),
    }
    if texts:
        table["text"] = [" ".join(dice.choice(WORDS, 8)) for _ in range(rows)]
    return table


def drifted(result):
    return {(check.column, check.aspect) for check in result.checks if check.drifted}


@pytest.mark.parametrize("seed", range(6))
def test_two_samples_of_one_source_are_alike(compare, seed):
    result = compare(made(seed), made(100 + seed), seed=seed)
    assert result.reasons == []
    assert not result.drifted
    assert len(result.checks) >= 10


def test_a_small_sample_is_like_a_large_one(compare):
    assert not compare(made(1, 3000), made(2, 80)).drifted


def shifted(change):
    table = made(8)
    dice = np.random.default_rng(9)
    rows = len(table["score"])
    if change == "mean":
        table["score"] += 0.5
    elif change == "spread":
        table["score"] *= 2
    elif change == "swap":
        swap = {"red": "blue", "blue": "red", "green": "green"}
        table["colour"] = [swap[colour] for colour in table["colour"]]
    elif change == "missing":
        gone = dice.random(rows) < 0.2
        table["amount"] = np.where(gone, "", table["amount"].astype(str))
    elif change == "words":
        table["text"] = [" ".join(dice.choice(WORDS + OTHER_WORDS[:4], 8)) for _ in range(rows)]
    elif change == "towns":
        table["town"] = [f"village {n}" for n in dice.integers(0, 300, rows)]
    elif change == "together":
        table["count"] = np.argsort(np.argsort(table["score"])) // 3
    elif change == "kind":
        table["count"] = ["many" if count > 100 else "few" for count in table["count"]]
    return table


@pytest.mark.parametrize(
    ("change", "column", "aspect"),
    [
        ("mean", "score", "values"),
        ("spread", "score", "values"),
        ("swap", "colour", "values"),
        ("missing", "amount", "missing"),
        ("words", "text", "domain classifier"),
        ("words", "text", "unknown words"),
        ("towns", "town", "unknown values"),
        ("together", "(all columns)", "domain classifier"),
        ("kind", "count", "no integer"),
    ],
)
def test_a_shift_is_found_where_it_is(compare, change, column, aspect):
    result = compare(made(3), shifted(change))
    assert result.drifted
    assert (column, aspect) in drifted(result)
    assert {name for name, _ in drifted(result)} <= {column, "(all columns)"}


def test_certainty_alone_is_no_drift(compare):
    reference, current = made(1, 20_000, texts=False), made(2, 20_000, texts=False)
    current["score"] += 0.1
    found = compare(reference, current)
    check = next(c for c in found.checks if (c.column, c.aspect) == ("score", "values"))
    assert check.p_adjusted < 1e-6
    assert not found.drifted
    assert compare(reference, current, settings={"min_distance": 0.02}).drifted


def test_the_same_seed_gives_the_same_result(compare):
    first, second = (compare(made(1), made(2), seed=5).checks for _ in range(2))
    assert first == second


def test_a_file_is_like_itself(tmp_path, compare):
    path = write(tmp_path / "table.csv", made(1))
    result = compare(path, path)
    assert not result.drifted
    assert all(check.p_adjusted == 1 for check in result.checks)


@pytest.mark.parametrize("copies", [2, 8])
def test_copies_of_rows_are_no_drift(compare, copies):
    few = made(5, 100)
    many = {name: list(values) * copies for name, values in few.items()}
    result = compare(made(6, 800), many)
    assert not result.drifted
    assert any("copies of others" in note for note in result.notes)


def test_rows_that_are_in_both_tables_are_no_drift(compare):
    one, both, other = made(1, 300), made(2, 300), made(3, 300)
    joined = [{name: [*part[name], *both[name]] for name in part} for part in (one, other)]
    assert not compare(*joined).drifted


@pytest.mark.parametrize("seed", range(3))
def test_families_of_texts_that_are_in_one_table_each_are_no_drift(compare, seed):
    # Each sentence of the quickstart has a twin, which differs in a word, in the same split.
    splits = quickstart.load(QuickstartDataConfig(size=2400, seed=seed), SilentReporter())
    train, test = (
        {"text": split.inputs["text"], "label": split.targets}
        for split in (splits.train, splits.test)
    )
    result = compare(train, test, seed=seed)
    assert result.reasons == []
    assert any(check.aspect == "domain classifier" for check in result.checks)


def test_a_new_kind_of_text_is_drift_though_its_texts_are_alike(compare):
    dice = np.random.default_rng(3)
    usual = [" ".join(dice.choice(WORDS, 8)) for _ in range(600)]
    notices = [f"your parcel {n} was sent today and is on its way" for n in range(120)]
    reference, current = {"text": usual[:300]}, {"text": usual[300:480] + notices}
    assert ("text", "domain classifier") in drifted(compare(reference, current))


def test_equal_rows_of_few_categories_count(compare):
    dice = np.random.default_rng(0)
    tables = [
        {name: dice.choice(["yes", "no"], 500, p=[p, 1 - p]) for name in "abc"} for p in (0.5, 0.8)
    ]
    assert ("a", "values") in drifted(compare(*tables))


def test_a_broken_sensor_is_drift(compare):
    reference = {name: made(1)[name] for name in ("amount", "score")}
    broken = {"amount": [0.0] * 600, "score": [0.0] * 600}
    assert {("amount", "values"), ("score", "values")} <= drifted(compare(reference, broken))


def test_identifiers_and_times_are_left_out_and_told(compare):
    tables = []
    for start in (0, 1000):
        table = made(start, 300)
        table["order_id"] = [start * 17 + 3 * n for n in range(300)]
        table["row"] = range(start, start + 300)
        table["token"] = [f"{start + n:032x}" for n in range(300)]
        table["day"] = [f"20{20 + start // 1000}-01-{1 + n % 28:02}" for n in range(300)]
        tables.append(table)
    result = compare(*tables)
    assert not result.drifted
    assert set(result.ignored) == {"order_id", "row", "token", "day"}
    assert "time" in result.ignored["day"]
    assert compare(*tables, columns=("day",)).drifted


def test_columns_without_news_say_nothing(compare):
    tables = [made(seed) for seed in (1, 2)]
    for table in tables:
        table["constant"], table["empty"] = ["x"] * 600, [""] * 600
    result = compare(*tables)
    assert not result.drifted
    assert result.ignored == {"empty": "has no values in either table"}
    tables[1]["constant"] = ["y"] * 600
    assert ("constant", "values") in drifted(compare(*tables))


@pytest.mark.parametrize("emptied", [0, 1])
def test_a_column_that_lost_all_its_values_is_drift(compare, emptied):
    tables = [made(1), made(2)]
    tables[emptied]["score"] = [""] * 600
    assert ("score", "missing") in drifted(compare(*tables))


def test_whole_numbers_may_be_written_as_fractions(compare):
    tables = [made(1), made(2)]
    for table in tables:
        table["rooms"] = np.random.default_rng(4).integers(1, 6, 600)
    tables[1]["rooms"] = [f"{rooms}.0" for rooms in tables[1]["rooms"]]
    result = compare(*tables)
    assert not result.drifted
    assert result.columns["rooms"] == "categorical"


def test_a_column_of_numbers_may_be_called_text(compare):
    tables = [made(1), made(2)]
    for table in tables:
        table["code"] = np.random.default_rng(4).integers(10_000, 99_999, 600)
    result = compare(*tables, text="code")
    assert not result.drifted
    assert result.columns["code"] == "text"


def test_labels_of_other_names_are_not_compared(compare):
    tables = [made(1), made(2)]
    for table, names in zip(tables, (("neg", "pos"), ("0", "1")), strict=True):
        table["label"] = np.random.default_rng(4).choice(names, 600)
    result = compare(*tables)
    assert not result.drifted
    assert result.columns["label"] == "label"
    assert any("different names" in note for note in result.notes)


def test_a_shift_of_labels_is_found(compare):
    tables = [made(1), made(2)]
    for table, share in zip(tables, (0.3, 0.6), strict=True):
        table["label"] = np.random.default_rng(4).choice(["0", "1"], 600, p=[share, 1 - share])
    assert ("label", "labels") in drifted(compare(*tables, label="label"))


@pytest.mark.parametrize("texts", [True, False])
def test_labels_that_mean_something_else_are_found(compare, texts):
    tables = [made(seed, texts=texts) for seed in (1, 2, 3)]
    for table in tables:
        if texts:
            found = [
                ("late" in words.split()) + ("rain" in words.split()) for words in table["text"]
            ]
            table["label"] = found
        else:
            table["label"] = np.digitize(table["score"], [-0.5, 0.5])
    assert not compare(*tables[:2], label="label").drifted
    tables[2]["label"] = [(label + 1) % 3 for label in tables[2]["label"]]
    result = compare(tables[0], tables[2], label="label")
    assert ("label", "learnt labels") in drifted(result)
    check = next(c for c in result.checks if c.aspect == "learnt labels")
    assert check.effect > 0.8


@pytest.mark.parametrize(
    ("rows", "selection", "message"),
    [
        (20, {}, "too few rows to tell: .*reference.csv has 20"),
        (100, {"text": "txt"}, "no column 'txt'"),
        (100, {"label": "lable"}, "no column 'lable'"),
        (100, {"ignore": tuple(made(1))}, "no column is left"),
    ],
)
def test_what_cant_be_compared_is_told(compare, rows, selection, message):
    with pytest.raises(DataError, match=message) as raised:
        compare(made(1, rows), made(2, rows), **selection)
    assert isinstance(raised.value, MlopsError)
    assert raised.value.exit_code == 5


def test_tables_without_a_common_column_are_told(compare):
    with pytest.raises(DataError, match="no column in common"):
        compare({"a": range(99)}, {"b": range(99)})


def test_any_format_compares_with_any_other(tmp_path, compare):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "table.parquet"
    table = made(2)
    pq.write_table(pa.table({name: list(values) for name, values in table.items()}), path)
    result = compare(made(1), path)
    assert not result.drifted
    assert result.rows_current == 600


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    dice = np.random.default_rng(0)
    first, second = dice.normal(size=5000), dice.normal(0.2, size=3000)
    binning = numeric_binning("x", first, second)
    pair = tuple(
        Profile(len(values), 0, np.bincount(np.searchsorted(binning.edges, values), minlength=len(binning.edges) + 1))
        for values in (first, second)
    )  # fmt: skip
    check = numeric.check("x", "values", binning, pair, floor=0.1)
    assert check.effect == pytest.approx(ks_2samp(first, second).statistic, abs=0.005)


def test_p_values_are_those_of_holm():
    checks = [
        DriftCheck("c", "values", "t", "distance", effect=1.0, floor=0.1, p=p, detail="")
        for p in (0.01, 0.04, 0.03, 0.005)
    ]
    judged = verdict.judge(checks, alpha=0.05)
    assert sorted((c.p, c.p_adjusted) for c in judged) == [
        (0.005, pytest.approx(0.02)),
        (0.01, pytest.approx(0.03)),
        (0.03, pytest.approx(0.06)),
        (0.04, pytest.approx(0.06)),
    ]
    assert [c.drifted for c in judged] == [True, True, False, False]


REAL = {
    "reviews": ("imdb-cad/test.csv", "custrev/all.csv", {}),
    "review texts": ("imdb-cad/test.csv", "custrev/all.csv", {"columns": ("text",)}),
    "years": ("nsmc/drift_reference_2006.csv", "nsmc/drift_current_2015.csv", {}),
    "ages": ("adult/drift_reference_age_le_30.csv", "adult/drift_current_age_ge_50.csv", {}),
    "ages unseen": (
        "adult/drift_reference_age_le_30.csv",
        "adult/drift_current_age_ge_50.csv",
        {"ignore": ("age", "income")},
    ),
    "prices": ("elec2/drift_reference.csv", "elec2/drift_current.csv", {"label": "class"}),
    "publications": ("cola/validation_in_domain.csv", "cola/validation_out_of_domain.csv", {}),
}


@pytest.mark.parametrize("name", REAL)
def test_real_shifts_are_found_and_halves_are_alike(shared_data, compare, name):
    *files, selection = REAL[name]
    result = compare(*(shared_data / file for file in files), **selection)
    assert result.drifted
    areas = [check.effect for check in result.checks if check.measure == "AUC"]
    assert max(areas) > 0.7
    for file in files:
        rows = rows_of(shared_data / file)
        assert not compare(*halves(rows, seed=1), seed=1, **selection).reasons


def test_other_publications_show_in_words_and_not_in_length(shared_data, compare):
    files, _ = REAL["publications"][:2], None
    result = compare(*(shared_data / file for file in files))
    assert drifted(result) == {("sentence", "domain classifier")}
