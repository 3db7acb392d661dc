"""`mlops data split`: files of the very rows that training uses, kept from moving unnoticed."""

import json

import pytest
from own.killing import killed

from mlops_cli.data.tables import open_table

DATA = ("data=file", "data.path=rows.csv")
PARTS = ("train", "validation", "test")


def table(count, start=0):
    lines = [
        f"text {i},{'good' if i % 3 else 'bad'},customer {i % 40},2026-{i % 12 + 1:02d}-01"
        for i in range(start, start + count)
    ]
    return "text,label,customer,day\n" + "\n".join(lines) + "\n"


@pytest.fixture
def rows(project):
    project({"rows.csv": table(300)})
    return project


def texts(path):
    return [row["text"] for _, row in open_table(path).rows()]


def test_the_files_are_the_splits_that_training_records(rows, mlops):
    done = mlops("data", "split", *DATA, "data.split=hash", json=True)
    assert done.exit_code == 0, done.stderr
    folder = rows / "data/splits/default"
    assert {file.name for file in folder.iterdir()} == {
        "split.json", *(f"{name}.parquet" for name in PARTS)
    }  # fmt: skip
    trained = mlops("train", *DATA, "data.split=hash", "experiment=smoke", json=True)
    assert trained.exit_code == 0, trained.stderr
    facts = json.loads((rows / "runs" / trained.json["run"] / "run.json").read_text())["data"]
    parts = done.json["split"]["parts"]
    # `experiment=smoke` takes 200 rows of each split; these two have fewer.
    for name in ("validation", "test"):
        assert facts["fingerprints"][name] == parts[name]["fingerprint"]
    assert (facts["split"], facts["split_by"]) == ("hash", None)
    assert sum(part["rows"] for part in parts.values()) == 300
    assert parts["train"]["classes"]["good"] + parts["train"]["classes"]["bad"] == len(
        texts(folder / "train.parquet")
    )


def test_with_hash_no_row_moves_when_rows_are_added(rows, mlops):
    first = mlops("data", "split", *DATA, "data.split=hash", "--format", "csv", json=True).json
    rows({"rows.csv": table(500)})
    second = mlops("data", "split", *DATA, "data.split=hash", "--format", "csv", json=True)
    assert second.exit_code == 0, second.stderr
    assert second.json["changes"] == {"moved": 0, "added": 200, "removed": 0, "examples": []}
    assert first["changes"] is None
    assert first["split"]["fingerprints"] != second.json["split"]["fingerprints"]
    assert (
        len(texts(rows / "data/splits/default/test.csv")) > first["split"]["parts"]["test"]["rows"]
    )


def test_a_split_whose_rows_would_move_is_left_alone(rows, mlops):
    mlops("data", "split", *DATA)
    before = {file.name: file.read_bytes() for file in (rows / "data/splits/default").iterdir()}
    rows({"rows.csv": table(330)})
    refused = mlops("data", "split", *DATA)
    assert refused.exit_code == 5
    assert "would move to another part" in refused.stderr
    assert "data.split=hash" in refused.stderr
    after = {file.name: file.read_bytes() for file in (rows / "data/splits/default").iterdir()}
    assert after == before
    forced = mlops("data", "split", *DATA, "--force", json=True).json
    assert forced["written"]
    assert forced["changes"]["moved"] > 0
    assert forced["changes"]["added"] == 30
    rows({"rows.csv": table(100)})
    assert mlops("data", "split", *DATA, "data.split=hash").exit_code == 5
    assert mlops("data", "split", *DATA, "--name", "other").exit_code == 0


def test_the_same_split_again_writes_nothing_and_counts_every_class(rows, mlops):
    mlops("data", "split", *DATA)
    record = (rows / "data/splits/default/split.json").stat().st_mtime_ns
    again = mlops("data", "split", *DATA)
    assert again.exit_code == 0
    assert (rows / "data/splits/default/split.json").stat().st_mtime_ns == record
    assert "As recorded: 300 rows (stratified, seed 0)" in again.stdout
    assert "0 rows moved" in again.stdout
    assert [line.split()[:2] for line in again.stdout.splitlines()[2:5]] == [
        ["bad", "80"], ["good", "160"], ["all", "240"],
    ]  # fmt: skip


def test_groups_and_times_are_columns_of_the_file(rows, mlops):
    by = mlops("data", "split", *DATA, "data.split=group", "data.split_by=customer", json=True)
    assert by.exit_code == 0, by.stderr
    groups = [
        {
            row["customer"]
            for _, row in open_table(rows / f"data/splits/default/{name}.parquet").rows()
        }
        for name in PARTS
    ]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 40
    time = ("data.split=time", "data.split_by=day", "--name", "time")
    assert mlops("data", "split", *DATA, *time).exit_code == 0
    days = [
        {row["day"] for _, row in open_table(rows / f"data/splits/time/{name}.parquet").rows()}
        for name in PARTS
    ]
    assert max(days[0]) < min(days[1]) <= max(days[1]) < min(days[2])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["data.split=time"], 3, "needs the column to go by: data.split_by is not set"),
        (["data.split_by=customer"], 3, "did you mean data.split=group data.split_by=customer?"),
        (["data.split=hsh"], 3, "hash"),
        (["data.split=group", "data.split_by=custmer"], 5, "did you mean data.split_by=customer?"),
        (["data.split=time", "data.split_by=customer"], 5, "row 2: 'customer 0'"),
        (["--name", "../up"], 2, "is no name of a split"),
        (["--name", "two\nlines"], 2, "is no name of a split"),
        (["--name", "x" * 300], 2, "is no name of a split"),
    ],
)
def test_mistakes_are_told_in_one_line(rows, mlops, words, code, said):
    done = mlops("data", "split", *DATA, *words)
    assert done.exit_code == code
    assert said in done.stderr
    assert not (rows / "data").exists()


def test_a_source_with_splits_of_its_own_keeps_them(project, mlops):
    done = mlops("data", "split", "data.split=hash", "data.size=400", json=True)
    assert "has nothing to split" in done.stderr
    assert [part["given"] for part in done.json["split"]["parts"].values()] == [False, True, True]


def test_a_row_without_group_is_told_by_its_line(project, mlops):
    project({"rows.csv": table(50).replace("customer 7,", ",", 1)})
    done = mlops("data", "split", *DATA, "data.split=group", "data.split_by=customer")
    assert done.exit_code == 5
    assert "1 row has no value in column 'customer' (line 9)" in done.stderr


def test_a_damaged_record_is_told_and_can_be_forced(rows, mlops):
    mlops("data", "split", *DATA)
    rows({"data/splits/default/split.json": "{"})
    done = mlops("data", "split", *DATA)
    assert (done.exit_code, "is no split of ours" in done.stderr) == (5, True)
    assert mlops("data", "split", *DATA, "--force").exit_code == 0


def test_killed_at_any_moment_the_parts_are_the_old_ones_or_the_new(rows, mlops):
    words = ["data", "split", *DATA, "--format", "csv"]
    assert mlops(*words).exit_code == 0
    folder = rows / "data/splits/default"

    def state():
        return {file.name: file.read_text() for file in folder.iterdir()}

    old, moved = state(), [*words, "seed=7", "--force"]
    moments, seen = 0, []
    while killed(moved, rows.path, moments + 1):
        moments += 1
        seen.append(state())
        if seen[-1] != old:
            assert mlops(*words, "--force").exit_code == 0
    new = state()
    assert new != old
    assert all(one in (old, new) for one in seen)
    # Four files and their folder are made, and what was there is removed, step by step.
    assert moments >= 9
    assert old in seen
    assert new in seen
    assert [path for path in folder.parent.iterdir() if any(path.iterdir())] == [folder]


def test_rows_are_told_by_class_only_where_there_are_classes(rows, mlops):
    assert "good" in mlops("data", "split", *DATA).stdout
    numbers = "\n".join(["text,label", *(f"text {n},{n}" for n in range(300))])
    rows({"numbers.csv": numbers})
    done = mlops("data", "split", "task=text_regression", "data=file", "data.path=numbers.csv",
                 "--name", "numbers")  # fmt: skip
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["train", "validation", "test"] in table
    assert ["all", "240", "100.0%", "30", "100.0%", "30", "100.0%"] in table
    assert len([line for line in table if "%" in "".join(line)]) == 1
