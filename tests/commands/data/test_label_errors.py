"""`mlops data label-errors`: finding wrong labels, and putting a person's verdicts into the data."""

import csv
import hashlib
import json
import random
import subprocess

import pytest

DATA = ["data=file", "data.path=orders.csv", "--split", "all"]
APPLY = DATA[:2]
REVIEW = "reports/label_errors.csv"


def orders(count=240, wrong=(12, 40, 100)):
    """A CSV file of orders, and the lines whose label was flipped."""
    draw, lines = random.Random(3), ["text,label"]
    things = {"food": ["soup", "bread", "apples", "tea"], "tools": ["nails", "a saw", "glue"]}
    for row in range(count):
        label = draw.choice(list(things))
        text = f"please bring {draw.choice(things[label])} {row}"
        if row + 2 in wrong:
            label = "tools" if label == "food" else "food"
        lines.append(f"{text},{label}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def shop(project):
    project({"orders.csv": orders()})
    return project


def review(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def judge(path, verdicts, name="reviewed.csv"):
    """Fills the columns `verdict` and `new_label` in, by line of the data."""
    rows = review(path)
    for row in rows:
        row["verdict"], row["new_label"] = (*verdicts.get(int(row["row"]), ("",)), "")[:2]
    with (path.parent / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(path.parent / name)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_flipped_lines_are_shown_first_and_written_for_review(shop, mlops):
    done = mlops("data", "label-errors", *DATA)
    assert done.exit_code == 0, done.stderr
    assert "3 of 240 labels look wrong among all rows (estimated noise 1.2%)" in done.stdout
    assert "asked: linear, which predicts 98.8% of the labels" in done.stdout
    assert (
        f"next: fill in the column verdict of {REVIEW}, then mlops data label-errors" in done.stdout
    )
    rows = review(shop / REVIEW)
    assert list(rows[0]) == [
        "source", "row", "text", "label", "suggested_label", "quality", "label_probability",
        "suggested_probability", "verdict", "new_label",
    ]  # fmt: skip
    assert {int(row["row"]) for row in rows} == {12, 40, 100}
    lines = (shop / "orders.csv").read_text().splitlines()
    for row in rows:
        assert lines[int(row["row"]) - 1] == f"{row['text']},{row['label']}"
        assert row["suggested_label"] != row["label"]
        assert (row["source"], row["verdict"]) == ("orders.csv", "")
    assert [row["quality"] for row in rows] == sorted(row["quality"] for row in rows)


def test_all_puts_the_other_rows_after_the_suspects(shop, mlops):
    mlops("data", "label-errors", *DATA)
    suspects = review(shop / REVIEW)
    done = mlops("data", "label-errors", *DATA, "--all", json=True)
    rows = review(shop / REVIEW)
    assert done.json["suspected"] == 3
    assert rows[:3] == suspects
    assert {int(row["row"]) for row in rows} == set(range(2, 242))
    assert [row["quality"] for row in rows[3:]] == sorted(row["quality"] for row in rows[3:])


def test_verdicts_may_be_given_anywhere_in_the_whole_ranking(shop, mlops):
    mlops("data", "label-errors", *DATA, "--all")
    last = int(review(shop / REVIEW)[-1]["row"])
    reviewed = judge(shop / REVIEW, {12: ("relabel",), last: ("drop",)})
    done = mlops("data", "label-errors", "--apply", reviewed, *APPLY, json=True)
    assert (done.json["open"], done.json["files"][0]["dropped"]) == (238, 1)


def test_json_holds_the_figures_and_the_worst(shop, mlops):
    done = mlops("data", "label-errors", *DATA, "--top", "2", "--output", "mine.csv", json=True)
    found = done.json
    assert (found["by"], found["split"], found["rows"], found["suspected"]) == (
        "linear",
        "all",
        240,
        3,
    )
    assert found["noise_rate"] == pytest.approx(3 / 240)
    assert len(found["worst"]) == 2
    assert found["worst"][0]["source"] == "orders.csv"
    assert (shop / "mine.csv").exists()
    assert not (shop / "reports").exists()
    assert mlops("data", "label-errors", *DATA, "--quiet").stdout == ""


def test_only_the_rows_of_the_split_are_looked_at(shop, mlops):
    project_train = mlops("data", "label-errors", *DATA[:2], json=True).json
    assert (project_train["split"], project_train["rows"]) == ("train", 192)


def test_splits_of_several_files_name_their_file_and_line(shop, mlops):
    shop({"later/held_out.csv": orders(60, wrong=(5,))})
    words = [*DATA, "data.validation_path=later/held_out.csv", "data.test_fraction=0"]
    found = mlops("data", "label-errors", *words, json=True).json
    places = {(one["source"], one["row"]) for one in found["worst"]}
    assert {("later/held_out.csv", 5), ("orders.csv", 40)} <= places
    done = mlops("data", "label-errors", *words, "--split", "validation", json=True)
    assert done.json["rows"] == 60


def test_generated_data_is_looked_at_by_split(project, mlops):
    done = mlops(
        "data", "label-errors", "data.size=400", "--by", "linear", "--split", "test", json=True
    )
    assert done.exit_code == 0, done.stderr
    assert {one["source"] for one in done.json["worst"]} <= {"test"}
    assert "linear hardly predicts these labels" in done.stderr


def test_a_new_label_without_a_verdict_is_not_lost_either(shop, mlops):
    mlops("data", "label-errors", *DATA)
    judge(shop / REVIEW, {12: ("", "food")}, name="label_errors.csv")
    assert mlops("data", "label-errors", *DATA).exit_code == 2


def test_a_review_with_verdicts_is_not_replaced(shop, mlops):
    assert mlops("data", "label-errors", *DATA, "--quiet").exit_code == 0
    assert mlops("data", "label-errors", *DATA, "--quiet").exit_code == 0, "nothing was lost"
    judge(shop / REVIEW, {12: ("drop",)}, name="label_errors.csv")
    before = sha256(shop / REVIEW)
    done = mlops("data", "label-errors", *DATA)
    assert done.exit_code == 2
    assert "label_errors.csv holds 1 verdict and is not replaced" in done.stderr
    assert sha256(shop / REVIEW) == before
    assert mlops("data", "label-errors", *DATA, "--force", "--quiet").exit_code == 0
    assert sha256(shop / REVIEW) != before
    done = mlops("data", "label-errors", *DATA, "--output", "orders.csv")
    assert (done.exit_code, "is no review" in done.stderr) == (2, True)


def test_verdicts_change_exactly_the_reviewed_rows(shop, mlops):
    mlops("data", "label-errors", *DATA, "--quiet")
    before = (shop / "orders.csv").read_text().splitlines()
    old = sha256(shop / "orders.csv")
    judged = judge(shop / REVIEW, {12: ("relabel",), 40: ("Drop ",), 100: ("keep",)})
    done = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert done.exit_code == 0, done.stderr
    assert "Relabelled 1 and dropped 1 row of orders.csv" in done.stdout
    assert "next: git add orders.csv orders.csv.changes.jsonl" in done.stdout
    other = {"food": "tools", "tools": "food"}
    text, label = before[11].split(",")
    expected = [*before[:11], f"{text},{other[label]}", *before[12:39], *before[40:]]
    assert (shop / "orders.csv").read_text().splitlines() == expected
    log = [
        json.loads(line) for line in (shop / "orders.csv.changes.jsonl").read_text().splitlines()
    ]
    assert [(one["row"], one["action"], one["label"]) for one in log] == [
        (12, "relabel", label),
        (40, "drop", before[39].split(",")[1]),
    ]
    assert log[0]["new_label"] == other[label]
    assert {(one["before"], one["after"]) for one in log} == {(old, sha256(shop / "orders.csv"))}
    assert log[0]["review"] == "reviewed.csv"
    again = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert again.exit_code == 5
    assert "nothing is changed" in again.stderr
    assert (shop / "orders.csv").read_text().splitlines() == expected


@pytest.mark.parametrize("first", ["orders.csv", "later.csv"])
def test_a_second_call_changes_the_files_that_a_kill_left(shop, mlops, first):
    """Of two files one has its place, and of the other only the record, or nothing."""
    shop({"later.csv": orders(60, wrong=(5,))})
    words = [*APPLY, "data.validation_path=later.csv"]
    assert mlops("data", "label-errors", *words, "--split", "all", "--quiet").exit_code == 0
    judged = judge(shop / REVIEW, dict.fromkeys((5, 12, 40), ("drop",)))
    before = {name: (shop / name).read_bytes() for name in ("orders.csv", "later.csv")}
    assert mlops("data", "label-errors", "--apply", judged, *words).exit_code == 0
    names = [f"{name}{end}" for name in before for end in ("", ".changes.jsonl")]
    after = {name: (shop / name).read_bytes() for name in names}
    (shop / first).write_bytes(before[first])

    again = mlops("data", "label-errors", "--apply", judged, *words, json=True)
    assert again.exit_code == 0, again.stderr
    assert [one["path"].rpartition("/")[2] for one in again.json["files"]] == [first]
    assert {name: (shop / name).read_bytes() for name in before} == {
        name: after[name] for name in before
    }
    for name in before:
        lines = (shop / f"{name}.changes.jsonl").read_bytes().splitlines()
        assert len(lines) == len(after[f"{name}.changes.jsonl"].splitlines())
    done = mlops("data", "label-errors", "--apply", judged, *words)
    assert (done.exit_code, "is in the data already" in done.stderr) == (5, True)


def test_a_review_of_kept_labels_changes_nothing(shop, mlops):
    mlops("data", "label-errors", *DATA, "--quiet")
    judged = judge(shop / REVIEW, {12: ("keep",), 40: ("keep",)})
    before = sha256(shop / "orders.csv")
    done = mlops("data", "label-errors", "--apply", judged, *APPLY, json=True)
    assert (done.json["kept"], done.json["open"], done.json["files"]) == (2, 1, [])
    assert sha256(shop / "orders.csv") == before
    assert not (shop / "orders.csv.changes.jsonl").exists()


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ({}, "has no verdict"),
        ({12: ("relable",)}, "did you mean relabel?"),
        ({12: ("relabel", "foood")}, "did you mean food?"),
        ({12: ("", "food")}, "a new_label, and the verdict is not relabel"),
    ],
)
def test_a_review_that_is_not_clear_is_refused(shop, mlops, verdicts, message):
    mlops("data", "label-errors", *DATA, "--quiet")
    judged = judge(shop / REVIEW, verdicts)
    before = sha256(shop / "orders.csv")
    done = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert done.exit_code == 5
    assert message in done.stderr
    assert sha256(shop / "orders.csv") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("\n", "\nplease bring a new row,food\n", 1),
            "has another text now",
        ),
        (lambda text: text.replace(",food", ",meal"), "has the label"),
        (lambda text: "\n".join(text.splitlines()[:90]) + "\n", "has no row at line 100"),
    ],
)
def test_data_that_changed_since_the_review_is_left_alone(shop, mlops, change, message):
    mlops("data", "label-errors", *DATA, "--quiet")
    judged = judge(shop / REVIEW, dict.fromkeys((12, 40, 100), ("drop",)))
    shop({"orders.csv": change(orders())})
    before = sha256(shop / "orders.csv")
    done = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert done.exit_code == 5
    assert message in done.stderr
    assert sha256(shop / "orders.csv") == before
    assert sorted(path.name for path in shop.path.iterdir()) == ["configs", "orders.csv", "reports"]


def test_apply_is_for_files(shop, mlops):
    mlops("data", "label-errors", *DATA, "--quiet")
    judged = judge(shop / REVIEW, {12: ("drop",)})
    done = mlops("data", "label-errors", "--apply", judged)
    assert done.exit_code == 2
    assert "data=quickstart comes from none" in done.stderr
    shop({"others.csv": orders()})
    done = mlops("data", "label-errors", "--apply", judged, "data=file", "data.path=others.csv")
    assert done.exit_code == 5
    assert "orders.csv is none of the data files" in done.stderr


@pytest.mark.slow
def test_a_file_that_dvc_holds_is_taken_up_again(shop, mlops, mlops_script):
    dvc = mlops_script.with_name("dvc")
    for words in (["git", "init", "-q"], [dvc, "init", "-q"], [dvc, "add", "-q", "orders.csv"]):
        subprocess.run(words, cwd=shop.path, check=True)
    pointer = shop / "orders.csv.dvc"
    before = pointer.read_text()
    mlops("data", "label-errors", *DATA, "--quiet")
    judged = judge(shop / REVIEW, {12: ("drop",)})
    done = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert done.exit_code == 0, done.stderr
    assert "next: git add orders.csv.dvc orders.csv.changes.jsonl" in done.stdout
    assert pointer.read_text() != before
    assert subprocess.run([dvc, "status", "-q"], cwd=shop.path, check=False).returncode == 0

    pointer.write_text(before)  # What a kill right before DVC's part leaves.
    late = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert late.exit_code == 0, late.stderr
    assert "next: git add orders.csv.dvc orders.csv.changes.jsonl" in late.stdout
    assert subprocess.run([dvc, "status", "-q"], cwd=shop.path, check=False).returncode == 0
    again = mlops("data", "label-errors", "--apply", judged, *APPLY)
    assert (again.exit_code, "is in the data already" in again.stderr) == (5, True)


@pytest.mark.slow
def test_a_model_is_cross_validated_and_leaves_nothing_behind(project, mlops):
    words = [
        "data.size=200",
        "epochs=1",
        "model.layers=1",
        "model.hidden_size=32",
        "--by",
        "model",
        "--folds",
        "2",
        "--split",
        "all",
    ]
    done = mlops("data", "label-errors", *words, "--quiet", json=True)
    assert done.exit_code == 0, done.stderr
    assert (done.json["by"], done.json["rows"]) == ("model", 200)
    assert not (project / "runs").exists()


@pytest.mark.slow
def test_the_layers_of_a_pretrained_model_are_asked(shop, mlops, minilm):
    words = [*DATA, "model=pretrained", f"model.path={minilm}", "--by", "linear+features"]
    done = mlops("data", "label-errors", *words, "--quiet", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["by"] == "linear+features"
    assert {one["row"] for one in done.json["worst"][:3]} == {12, 40, 100}


def test_a_run_is_asked_only_about_rows_it_has_not_seen(trained, mlops, monkeypatch, tmp_path):
    monkeypatch.chdir(trained.root)
    done = mlops("data", "label-errors", "--by", "latest", "--output", str(tmp_path / "r.csv"))
    assert done.exit_code == 2
    assert f"run {trained.run} was trained on" in done.stderr
    words = ["--by", trained.run[:8], "--split", "validation", "--output", str(tmp_path / "r.csv")]
    done = mlops("data", "label-errors", *words, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["by"] == trained.run


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--by", "modle"], 2, "did you mean --by model?"),
        ([*APPLY, "--by", "features"], 2, "model=tiny is not pretrained"),
        (["--by", "linear+linear"], 2, "is no way to look and no run"),
        (["--by", "linear+modle"], 2, "did you mean --by features+model?"),
        (["--by", ""], 2, "is no way to look and no run"),
        (["--folds", "1"], 2, "folds"),
        (["--apply", "nowhere.csv"], 2, "comes from none"),
        (["--apply", "nowhere.csv", *APPLY], 5, "no file nowhere.csv"),
        (["--apply", "orders.csv", *APPLY], 5, "no column 'source'"),
        (["--apply", "orders.csv", "--by", "linear"], 2, "leave --by out"),
        (["--apply", "orders.csv", "--split", "all", "--top", "3"], 2, "leave --split, --top out"),
        (["--output", "review.txt"], 2, "end it in .csv"),
        (["--output", "orders.csv/review.csv"], 5, "orders.csv is no folder"),
        (["data=file", "data.path=two.csv", "data.test_fraction=0"], 5, "too few for 5 folds"),
        (["data=file", "data.path=one.csv"], 5, "has the label 'x'"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_line_and_the_right_code(shop, mlops, words, code, message):
    shop({"two.csv": "text,label\na,x\nb,y\nc,x\nd,y\n", "one.csv": "text,label\na,x\nb,x\n"})
    done = mlops("data", "label-errors", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert not done.stdout
