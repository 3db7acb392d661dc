"""`mlops data drift`: the verdict, its exit code, and what a person or a program reads."""

import csv

import numpy as np
import pytest


@pytest.fixture
def tables(empty_folder):
    """Three tables: two of one source, and one that moved."""
    dice = np.random.default_rng(0)
    for name, mean in (("old.csv", 0), ("same.csv", 0), ("new.csv", 1)):
        with (empty_folder / name).open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["price", "kind <b>"])
            kinds = dice.choice(["a", "b"], 300)
            writer.writerows(zip(dice.normal(mean, size=300).round(4), kinds, strict=True))
    return empty_folder


def test_drift_is_exit_6_with_the_reason(tables, mlops):
    done = mlops("data", "drift", "old.csv", "new.csv")
    assert done.exit_code == 6
    assert "price: values, distance" in done.stdout
    assert "Drift in 2 of 3 checks (300 rows against 300): (all columns): domain" in done.stdout
    assert done.stderr.splitlines()[-2].startswith("error: drift: (all columns): domain")
    assert "not compared" not in done.stdout


def test_no_drift_is_exit_0(tables, mlops):
    done = mlops("data", "drift", "old.csv", "same.csv")
    assert done.exit_code == 0
    assert "No drift in 3 checks (300 rows against 300)" in done.stdout


def test_drift_may_be_only_reported(tables, mlops):
    done = mlops("data", "drift", "old.csv", "new.csv", "--no-fail")
    assert (done.exit_code, "error" in done.stderr) == (0, False)


def test_a_program_reads_everything(tables, mlops):
    done = mlops("data", "drift", "old.csv", "new.csv", "--seed", "3", json=True)
    assert done.exit_code == 6
    assert done.json["drifted"]
    assert done.json["correction"] == "Holm"
    assert done.json["seed"] == 3
    assert done.json["columns"] == {"price": "numeric", "kind <b>": "categorical"}
    worst = done.json["checks"][0]
    assert {"column", "aspect", "test", "effect", "floor", "p", "p_adjusted"} <= set(worst)


def test_what_matters_is_a_setting(tables, mlops):
    kept = mlops(
        "data", "drift", "old.csv", "new.csv", "--columns", "price", "drift.min_distance=0.9"
    )
    assert kept.exit_code == 0
    assert mlops("data", "drift", "old.csv", "new.csv", "--alpha", "1e-300").exit_code == 0
    assert mlops("data", "drift", "old.csv", "new.csv", "--alpha", "2").exit_code == 3
    assert mlops("data", "drift", "old.csv", "new.csv", "--ignore", "price").exit_code == 0


def test_the_page_stands_alone(tables, mlops):
    done = mlops("data", "drift", "old.csv", "new.csv", "--html", "report/drift.html")
    assert done.exit_code == 6
    page = (tables / "report" / "drift.html").read_text("utf-8")
    assert "old.csv and new.csv: drifted" in page
    assert "kind &lt;b&gt;: values" in page
    assert not any(word in page for word in ("<script", "http:", "https:", "<b>:"))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["old.csv", "nwe.csv"], 5, "no file nwe.csv"),
        (["old.csv"], 2, "CURRENT"),
        (["old.csv", "new.csv", "--columns", "prices"], 5, "no column 'prices'"),
        (["old.csv", "new.csv", "drift.min_auk=0.6"], 3, "drift.min_auk"),
        (["old.csv", "new.csv", "drift.min_rows=1000"], 5, "too few rows to tell"),
    ],
)
def test_mistakes_are_one_line(tables, mlops, words, code, message):
    done = mlops("data", "drift", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
