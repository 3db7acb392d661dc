"""Checks of data: every fault is found, counted and shown by row; clean data has none."""

import json
import random

import numpy as np
import pytest

from mlops_cli.data import minhash
from mlops_cli.data.checks import near_duplicates

_BEGINS = ["ba", "de", "fi", "go", "lu", "mo", "ne", "pi", "ra", "su", "ta", "vo"]
WORDS = [begin + end for begin in _BEGINS for end in ("kel", "min", "rop", "sat")]
CLEAN = [
    (" ".join(random.Random(f"row {n}").choices(WORDS, k=10)), "pos" if n % 2 else "neg")
    for n in range(60)
]


def table(rows, header="text,label"):
    quoted = ('"' + '","'.join(str(cell).replace('"', '""') for cell in row) + '"' for row in rows)
    return "\n".join([header, *quoted]) + "\n"


@pytest.fixture
def validate(mlops, project):
    def run(files, *words, path="train.csv"):
        project(files)
        return mlops("data", "validate", "data=file", f"data.path={path}", *words, json=True)

    return run


def found(outcome, name=None):
    """Anomalies by name and split, with their counts."""
    anomalies = outcome.json["anomalies"]
    if name is None:
        return {(one["name"], one["split"]): one["count"] for one in anomalies}
    return next(one for one in anomalies if one["name"] == name)


def test_clean_data_has_nothing_wrong(validate):
    outcome = validate({"train.csv": table(CLEAN)})
    assert outcome.exit_code == 0
    assert outcome.json["anomalies"] == []
    assert outcome.json["rows"] == {"train": 60}
    assert {"duplicates", "html", "near_duplicates"} <= set(outcome.json["checks"])
    assert not {"wrong_types", "skew_words"} & set(outcome.json["checks"])


def test_repeats_and_contradictions_are_shown_by_line(validate):
    rows = [
        *CLEAN,
        (CLEAN[3][0], "pos"),
        (CLEAN[4][0], "pos"),
        ("", "neg"),
        (" ", "neg"),
        ("x", ""),
    ]
    outcome = validate({"train.csv": table(rows)})
    assert outcome.exit_code == 6
    assert '"exit_code": 6' in outcome.stderr
    assert found(outcome) == {
        ("empty_texts", "train"): 2,
        ("missing_labels", "train"): 1,
        ("duplicates", "train"): 2,
        ("conflicting_labels", "train"): 1,
        ("text_length", "train"): 2,
    }
    assert found(outcome, "duplicates")["examples"][0] == {"rows": [5, 62], "value": CLEAN[3][0]}
    conflict = found(outcome, "conflicting_labels")["examples"]
    assert conflict == [{"rows": [6, 63], "value": f"neg or pos: {CLEAN[4][0]}"}]
    assert found(outcome, "empty_texts")["examples"][0]["rows"] == [64]


def test_rows_are_numbered_as_their_file_numbers_them(validate):
    lines = [json.dumps({"text": text, "label": label}) + "\n" for text, label in CLEAN]
    outcome = validate({"train.jsonl": "\n".join([*lines, lines[0]])}, path="train.jsonl")
    assert found(outcome, "duplicates")["examples"][0]["rows"] == [1, 121]


def test_leakage_between_files_is_found(validate):
    near = CLEAN[7][0].upper() + "!", CLEAN[7][1]
    files = {
        "train.csv": table(CLEAN[:40]),
        "dev.csv": table(
            [*CLEAN[40:50], CLEAN[0], CLEAN[1], near, (" ".join(WORDS[:10]), "maybe")]
        ),
        "test.csv": table([*CLEAN[50:], CLEAN[41]]),
    }
    outcome = validate(files, "data.validation_path=dev.csv", "data.test_path=test.csv")
    assert found(outcome) == {
        ("unseen_classes", "validation"): 1,
        ("leakage", "validation"): 2,
        ("leakage", "test"): 1,
        ("near_leakage", "validation"): 1,
        ("tiny_classes", "validation"): 3,
        ("tiny_classes", "test"): 2,
    }
    assert outcome.exit_code == 6
    assert "maybe" in outcome.stderr


def test_a_little_near_leakage_is_a_note_and_much_of_it_a_warning(validate):
    near = [(f"{text} {text.upper()}!", label) for text, label in CLEAN[:3]]
    train = [*CLEAN[:30], *((f"{text} {text}", label) for text, label in CLEAN[:3])]
    files = {"train.csv": table(train), "dev.csv": table([*CLEAN[30:], *near])}
    words = ["data.validation_path=dev.csv", "validation.near_leakage=error"]
    little = validate(files, *words, "validation.near_share=0.2")
    assert (found(little, "near_leakage")["severity"], little.exit_code) == ("info", 0)
    much = validate(files, *words)
    assert (found(much, "near_leakage")["severity"], much.exit_code) == ("error", 6)


def test_the_built_in_data_has_nothing_to_warn_of(mlops, project):
    project({})
    outcome = mlops("data", "validate", "data=quickstart", json=True)
    assert (outcome.exit_code, outcome.json["errors"], outcome.json["warnings"]) == (0, 0, 0)


def test_a_project_sets_how_bad_a_fault_is(validate, project):
    files = {"train.csv": table([*CLEAN, CLEAN[0]])}
    assert validate(files).exit_code == 0
    raised = validate(files, "validation.duplicates=error")
    assert raised.exit_code == 6
    assert "1 row with a text that is there before" in raised.stderr
    silenced = validate(files, "validation.duplicates=ignore")
    assert found(silenced) == {}
    assert "duplicates" not in silenced.json["checks"]
    project({"configs/config.yaml": "defaults: [base, _self_]\nvalidation: {duplicates: info}\n"})
    assert found(validate(files), "duplicates")["severity"] == "info"
    assert validate(files, "validation.duplicates=bad").exit_code == 3
    wrong = validate(files, "validation.duplicate=error")
    assert (wrong.exit_code, "validation.duplicates" in wrong.stderr) == (3, True)


SCHEMA = """
text: text
label: label
columns:
  id: {type: integer, unique: true}
  text: {type: text, max_length: 100}
  label: {type: category, values: [pos, neg]}
  score: {type: number, minimum: 0, maximum: 10, missing: 0.05}
  day: {type: date, minimum: "2024-01-01"}
  gone: {type: text}
  optional: {type: text, required: false}
"""


def test_columns_are_held_to_the_schema(validate):
    rows = [(n, text, label, n / 10, "2024-05-01", "") for n, (text, label) in enumerate(CLEAN)]
    rows[1] = (1, "y" * 101, "pos", "many", "2023-01-01", "")
    rows[2] = (1, rows[2][1], "what", 11, "soon", "")
    rows[3] = ("three", rows[3][1], "neg ", -1, "2024-05-01", "")
    rows[4:8] = [(row[0], row[1], row[2], "", *row[4:]) for row in rows[4:8]]
    files = {"train.csv": table(rows, "id,text,label,score,day,new"), "schema.yaml": SCHEMA}
    outcome = validate(
        files,
        "data.schema=schema.yaml",
        "validation.imbalance=ignore",
        "validation.tiny_classes=ignore",
    )
    assert outcome.exit_code == 6
    assert outcome.json["schema"] == "schema.yaml"
    by_column = {
        (one["name"], one["column"]): (one["count"], [e["rows"] for e in one["examples"]])
        for one in outcome.json["anomalies"]
        if one["name"] not in ("incomplete_columns", "text_length")
    }
    assert by_column == {
        ("missing_columns", "gone"): (1, []),
        ("extra_columns", "new"): (1, []),
        ("repeated_keys", "id"): (1, [[3, 4]]),
        ("wrong_types", "id"): (1, [[5]]),
        ("out_of_range", "text"): (1, [[3]]),
        ("unknown_values", "label"): (1, [[4]]),
        ("wrong_types", "score"): (1, [[3]]),
        ("out_of_range", "score"): (2, [[4], [5]]),
        ("missing_values", "score"): (4, [[6], [7], [8], [9]]),
        ("wrong_types", "day"): (1, [[4]]),
        ("out_of_range", "day"): (1, [[3]]),
    }


def test_data_fit_the_schema_that_was_found_in_them(validate, project):
    from mlops_cli.data import schema
    from mlops_cli.data.engine import Engine
    from mlops_cli.data.tables import open_table
    from mlops_cli.reporting import SilentReporter

    project({"train.csv": table(CLEAN)})
    with Engine(SilentReporter()) as engine:
        relation = engine.open(open_table(project / "train.csv"))
        schema.infer(engine, relation, text="text", label="label").write(project / "schema.yaml")
    assert found(validate({}, "data.schema=schema.yaml")) == {}


CHARACTERS = {
    "mojibake": ["un cafÃ© noir", "donâ€™t go", "Â£ 5", "\xf0\u0178\u02dc\u20ac ok"],
    "replacement_characters": ["a caf� here"],
    "control_characters": ["a \x08 back", "zero\u200bwidth", "\ufeffmark", "next\x85line"],
    "mixed_scripts": ["p\u0430ypal", "\u0391lpha"],
    "html": ["one<br />two", "a &amp; b", "</p>", '<a href="x">', "&#39;"],
    "foreign_script": ["это другое", "完全に"],
}
INNOCENT = [
    "a < b and c > d",
    "AT&T; R&D",
    "Âge, NÃO, SÃO",
    "tab\there",
    "naïve café",
    "2 < 3 > 1",
    "👩‍👩‍👧",
]


@pytest.mark.parametrize("name", CHARACTERS)
def test_broken_characters_are_found(validate, name):
    texts = [(text, "pos") for text in (*CHARACTERS[name], *INNOCENT)]
    outcome = validate({"train.csv": table([*CLEAN, *texts])}, "validation.text_length=ignore")
    assert {key: n for key, n in found(outcome).items() if key[0] in CHARACTERS} == {
        (name, "train"): len(CHARACTERS[name])
    }
    assert found(outcome, name)["examples"][0]["rows"] == [62]


def test_columns_that_say_too_much_or_nothing(validate):
    rows = [
        (n, "same", "ABC"[n % 3], "abc"[n % 3], f"{label}-ish", n % 7 or "", label)
        for n, (_, label) in enumerate(CLEAN)
    ]
    outcome = validate(
        {"train.csv": table(rows, "number,constant,a,b,value,holes,n")}, "data.label=n"
    )
    shown = {(one["name"], one["column"]): one["count"] for one in outcome.json["anomalies"]}
    assert shown == {
        ("identifiers", "number"): 60,
        ("constant_columns", "constant"): 60,
        ("redundant_columns", "b"): 2,
        ("label_leak", "value"): 60,
        ("incomplete_columns", "holes"): 9,
    }
    assert "looked at without a text" in outcome.stderr


def test_classes_that_differ_in_size(validate):
    rows = [*CLEAN, *[(f"{text} more", "pos") for text, _ in CLEAN], ("a rare thing", "rare")]
    outcome = validate({"train.csv": table(rows)}, "validation.near_duplicates=ignore")
    assert found(outcome)[("tiny_classes", "train")] == 1
    assert "pos has 90.0 times the rows of class rare" in found(outcome, "imbalance")["message"]


def requests(rows):
    return table(rows, "text,colour,size,label")


def test_what_the_model_is_asked_is_compared_with_train(validate):
    colours = ["red", "green", "blue"]
    train = [(t, colours[n % 3], n, label) for n, (t, label) in enumerate(CLEAN * 5)]
    alike = [(t, colours[n % 3], 5 * n, "") for n, (t, _) in enumerate(CLEAN)]
    other = [
        (f"unheard {n}", "pink" if n < 9 else "" if n < 20 else "red", 900 if n < 4 else 5, "")
        for n in range(60)
    ]
    files = {
        "train.csv": requests(train),
        "alike.csv": requests(alike),
        "other.csv": requests(other),
        "bare.jsonl": '{"question": "what"}\n',
    }
    quiet = ("validation.duplicates=ignore", "validation.incomplete_columns=ignore")
    assert found(validate(files, "--against", "alike.csv", *quiet)) == {}
    assert found(validate(files, "--against", "other.csv", *quiet)) == {
        ("skew_values", "other.csv"): 9,
        ("skew_range", "other.csv"): 4,
        ("skew_missing", "other.csv"): 11,
        ("skew_length", "other.csv"): 60,
        ("skew_words", "other.csv"): 120,
    }
    bare = validate(files, "--against", "bare.jsonl", *quiet)
    assert bare.exit_code == 6
    assert "text" in found(bare, "skew_columns")["message"]
    assert validate(files, "--against", "none.csv").exit_code == 5


def test_sources_without_files_are_looked_at_as_splits(mlops, project):
    outcome = mlops("data", "validate", "data.size=400", json=True)
    assert outcome.exit_code == 0
    assert outcome.json["rows"] == {"train": 320, "validation": 40, "test": 40}
    assert ("near_duplicates", "train") in found(outcome)


def test_a_person_sees_faults_with_rows_and_what_to_do(mlops, project):
    project(
        {"train.csv": table([*CLEAN, CLEAN[0], ("a\x08b c d e f g h " + CLEAN[5][0][9:], "pos")])}
    )
    words = ("data", "validate", "data=file", "data.path=train.csv")
    outcome = mlops(*words)
    lines = [line.strip() for line in outcome.stdout.splitlines()]
    assert lines[0] == "✓ Validated file (train 62 rows): 2 warnings"
    assert "warning duplicates  train, column text  1 (1.61%)" in lines
    assert any(line.startswith("2, 62") for line in lines)
    assert any("a\\x08b" in line for line in lines)
    assert "fix: remove them from the source" in lines
    assert lines[-1] == "next: mlops train data=file data.path=train.csv"
    assert mlops(*words, "--quiet").stdout == ""


def test_what_can_not_be_looked_at_is_told(validate, project):
    files = {"train.csv": table(CLEAN), "schema.yaml": "columns: {text: {type: txt}}"}
    assert validate(files, path="none.csv").exit_code == 5
    empty = validate({"empty.csv": "text,label\n"}, path="empty.csv")
    assert (empty.exit_code, "empty.csv has no rows" in empty.stderr) == (5, True)
    assert validate(files, "data.schema=none.yaml").exit_code == 5
    wrong = validate(files, "data.schema=schema.yaml")
    assert (wrong.exit_code, "schema.yaml:1" in wrong.stderr) == (3, True)
    assert validate(files, "data.text=body").exit_code == 5
    assert validate(files, "data.label=stars").exit_code == 5
    assert validate(files, path="").exit_code == 3


def test_near_duplicates_are_those_of_comparing_all_with_all(validate):
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=15)) for _ in range(300)]
    for text in texts[:120]:
        words = text.split()
        for place in draw.sample(range(15), draw.randint(1, 4)):
            words[place] = draw.choice(WORDS)
        texts.append(" ".join(words))
    grams = [{f"{t} "[i : i + 5] for i in range(len(t) - 3)} for t in texts]
    similar = sum(
        any(len(one & other) >= 0.8 * len(one | other) for other in grams[:place])
        for place, one in enumerate(grams)
    )
    assert similar > 20
    outcome = validate({"train.csv": table((text, n % 2) for n, text in enumerate(texts))})
    # Each is a candidate with a probability of 0.985 or more.
    assert 0.9 * similar <= found(outcome)[("near_duplicates", "train")] <= similar


def test_very_many_candidates_are_estimated_from_a_sample(validate, monkeypatch):
    rows = [(f"{text} {ending}", "pos") for text, _ in CLEAN for ending in range(20)]
    rows += [(" ".join(random.Random(n).choices(WORDS, k=12)), "neg") for n in range(100)]
    monkeypatch.setattr(near_duplicates, "_MOST_PAIRS", 700)
    outcome = validate({"train.csv": table(rows)})
    anomaly = found(outcome, "near_duplicates")
    assert anomaly["message"].startswith("about ")
    assert anomaly["count"] == pytest.approx(60 * 19, rel=0.15)


def test_signatures_do_not_depend_on_the_batch():
    texts = ["", "ab", "a longer text than that", "x" * 30_000, "?!", "a Longer text, than that!"]
    together, _ = minhash.signed([text.lower() for text in texts])
    alone = [minhash.signed([text.lower()])[0][:, 0] for text in texts]
    assert np.array_equal(together, np.stack(alone, axis=1))
    assert np.array_equal(together[:, 2], together[:, 5])
    assert not together[:, [0, 1, 4]].any()


TRAPS = {
    ("cola/train.csv", "sentence"): {
        "duplicates": 19,
        "conflicting_labels": 11,
        "control_characters": 3,
    },
    ("cola/validation_out_of_domain.csv", "sentence"): {"conflicting_labels": 3},
    ("trec/train.csv", "text"): {"duplicates": 71, "label_leak": 5452, "imbalance": 86},
    # The index counts 9 repeats: 3 of them are the empty texts after the first.
    ("custrev/all.csv", "text"): {"empty_texts": 4, "duplicates": 6},
    ("nsmc/train.csv", "document"): {"duplicates": 95, "conflicting_labels": 9},
    ("imdb-cad/train.csv", "text"): {"html": 856},
}


@pytest.mark.parametrize(("file", "text"), TRAPS)
def test_the_traps_of_real_texts_are_found(mlops, project, shared_data, file, text):
    path = f"data.path={shared_data / file}"
    outcome = mlops("data", "validate", "data=file", path, f"data.text={text}", json=True)
    counts = {name: count for (name, _), count in found(outcome).items()}
    expected = TRAPS[file, text]
    assert {name: counts.get(name) for name in expected} == expected
    assert outcome.exit_code == (6 if "empty_texts" in expected else 0)


def test_the_traps_of_real_tables_are_found(mlops, project, shared_data):
    def look(file, label):
        words = ("data=file", f"data.path={shared_data / file}", f"data.label={label}")
        outcome = mlops("data", "validate", *words, json=True)
        assert outcome.exit_code == 0, outcome.stderr
        return {(one["name"], one["column"]): one["count"] for one in outcome.json["anomalies"]}

    adult = look("adult/train.csv", "income")
    assert adult[("redundant_columns", "education-num")] == 2
    assert adult[("incomplete_columns", "workclass")] == 1836
    assert adult[("incomplete_columns", "occupation")] == 1843
    assert adult[("incomplete_columns", "native-country")] == 583
    penguins = look("penguins/data.csv", "Species")
    assert penguins[("incomplete_columns", "Sex")] == 11
    assert penguins[("incomplete_columns", "Comments")] == 290
    assert penguins[("identifiers", "rownames")] == 344
    assert penguins[("constant_columns", "Region")] == 344
    assert not any(name == "label_leak" for name, _ in penguins)


def test_classes_too_small_in_a_real_test_split(mlops, project, shared_data):
    folder = shared_data / "trec"
    paths = (f"data.path={folder / 'train.csv'}", f"data.test_path={folder / 'test.csv'}")
    outcome = mlops("data", "validate", "data=file", *paths, json=True)
    assert found(outcome, "tiny_classes")["examples"] == [{"rows": [], "value": "ABBR (9)"}]


def test_sentences_of_another_domain_have_other_words(mlops, project, shared_data):
    folder = shared_data / "cola-phenomena"
    words = ("data=file", f"data.path={shared_data / 'cola' / 'train.csv'}", "data.text=sentence")
    other = folder / "phenomena.csv"
    outcome = mlops("data", "validate", *words, "--against", str(other), json=True)
    assert ("skew_length", str(other)) in found(outcome)


def test_training_stops_at_errors_and_warns_of_warnings(mlops, project):
    project({"train.csv": table([*CLEAN, CLEAN[0], (CLEAN[1][0], "neg")])})
    words = ("train", "data=file", "data.path=train.csv", "trainer.max_steps=1", "model=tiny")
    words += ("model.layers=1", "model.hidden_size=32", "epochs=1")
    stopped = mlops(*words, "validation.conflicting_labels=error", json=True)
    assert stopped.exit_code == 6
    assert "1 text with different labels" in stopped.stderr
    assert "--no-validate" in stopped.stderr
    assert not (project / "runs").exists()
    assert mlops(*words, "validation.conflicting_labels=error", "--no-validate").exit_code == 0
    trained = mlops(*words)
    assert trained.exit_code == 0
    assert "a text that is there before" in trained.stderr


def test_training_holds_the_file_to_the_schema(mlops, project):
    project({"train.csv": table(CLEAN), "schema.yaml": "columns: {gone: {type: text}}"})
    words = ("data=file", "data.path=train.csv", "data.schema=schema.yaml")
    outcome = mlops("train", *words, json=True)
    assert outcome.exit_code == 6
    assert "gone" in outcome.stderr
