"""`data=file`: what loads, and what is told when it doesn't."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli import data
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import DataConfig, FileDataConfig


class Listener(SilentReporter):
    """Keeps what is said."""

    def __init__(self):
        self.infos, self.warnings = [], []

    def info(self, message):
        self.infos.append(message)

    def warn(self, message):
        self.warnings.append(message)


def load(path="reviews.csv", listener=None, seed=0, **settings):
    config = FileDataConfig(name="file", path=str(path), **settings)
    return data.load(config, seed, listener or SilentReporter())


def table(rows, header="text,label"):
    return "\n".join([header, *rows]) + "\n"


def reviews(count, prefix="review", classes=("pos", "neg")):
    return [f"{prefix} {i},{classes[i % len(classes)]}" for i in range(count)]


def test_one_file_becomes_three_splits(project):
    project({"reviews.csv": table(reviews(100))})
    splits = load()
    assert {name: len(split) for name, split in splits.named().items()} == {
        "train": 80,
        "validation": 10,
        "test": 10,
    }
    for split in splits.named().values():
        assert split.targets.count("pos") == split.targets.count("neg")


def test_files_of_their_own_are_kept_whole(project):
    project(
        {
            "train.csv": table(reviews(20)),
            "dev.tsv": "label\ttext\nneg\tseen, late\n",
            "test.jsonl": '{"text": "unseen", "label": "pos"}\n',
        }
    )
    splits = load("train.csv", validation_path="dev.tsv", test_path="test.jsonl")
    assert len(splits.train) == 20
    assert (splits.validation.inputs, splits.validation.targets) == (
        {"text": ["seen, late"]},
        ["neg"],
    )
    assert (splits.test.inputs, splits.test.targets) == ({"text": ["unseen"]}, ["pos"])


def test_labels_mean_the_same_in_every_format(project):
    project({"train.jsonl": '{"text": "a", "label": 0}\n{"text": "b", "label": 1.0}\n'})
    project({"test.csv": table(["c,1", "d,0"])})
    labels = pa.array([1.0, 0.0])
    pq.write_table(pa.table({"text": ["e", "f"], "label": labels}), project / "dev.parquet")
    splits = load("train.jsonl", validation_path="dev.parquet", test_path="test.csv")
    assert {name: split.targets for name, split in splits.named().items()} == {
        "train": ["0", "1"],
        "validation": ["1", "0"],
        "test": ["1", "0"],
    }


def test_space_around_labels_goes_and_is_told(project):
    listener = Listener()
    project(
        {"reviews.csv": table([f"review {i}, {'pos ' if i % 2 else 'neg'}" for i in range(30)])}
    )
    assert set(load(listener=listener).train.targets) == {"pos", "neg"}
    assert listener.infos == ["reviews.csv: stripped the space around 30 labels"]


def test_a_guessed_encoding_is_told(project):
    listener = Listener()
    rows = [f"café numéro {i},{i % 2}" for i in range(30)]
    (project / "reviews.csv").write_bytes(table(rows).encode("cp1252"))
    assert "café" in load(listener=listener).train.inputs["text"][0]
    assert listener.infos == [
        "reviews.csv is not UTF-8: read as cp1252, a guess (data.encoding= sets another)"
    ]


def test_a_home_folder_is_understood(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project.path))
    project({"reviews.csv": table(reviews(30))})
    assert len(load("~/reviews.csv").train) == 24


REFUSED = {
    "missing column, near": (
        table(reviews(9), "txt,label"),
        "reviews.csv has no column 'text'",
        "did you mean data.text=txt? columns: txt, label",
    ),
    "missing column, guessed": (
        table(reviews(9, "A long sentence of words"), "utterance,label"),
        "reviews.csv has no column 'text'",
        "did you mean data.text=utterance? columns: utterance, label",
    ),
    "missing label column": (
        table(reviews(9), "text,Lable"),
        "reviews.csv has no column 'label'",
        "did you mean data.label=Lable? columns: text, Lable",
    ),
    "no header": (
        table([], "1,A sentence where the names of the columns should have been written instead."),
        "reviews.csv has no column 'text'",
        "no header line? name the columns: data.columns=[NAME,NAME,…]; columns: 1, A sentence "
        "where the names of the colum…",
    ),
    "header only": (
        "text,label\n",
        "reviews.csv has no rows",
        "a header alone trains nothing",
    ),
    "empty": ("", "reviews.csv is empty", "a header line and rows are expected"),
    "one class": (
        table(reviews(9, classes=("pos",))),
        "every one of the 9 training rows has the label 'pos'",
        "a classifier needs two classes: is data.label the right column?",
    ),
    "labels missing": (
        table(["a,x", "b,", "c,y", "d, ", "e,", "f,"]),
        "reviews.csv: 4 rows have no label in column 'label' (lines 3, 5, 6, …)",
        "fill in the label or remove the row",
    ),
    "one text missing": (
        table(["a,x", " ,y", "c,y"]),
        "reviews.csv: 1 row has no text in column 'text' (line 3)",
        "fill in the text or remove the row",
    ),
    "no labels at all": (
        table(["a,", "b,", "c,"]),
        "reviews.csv: no row has a label (column 'label' is empty)",
        "another column? data.label=COLUMN",
    ),
    "labels that are no classes": (
        table([f"text {i},id-{i}" for i in range(60)]),
        "60 different labels in 60 training rows are no classes",
        "another column? data.label=COLUMN; a number is learnt by task=text_regression",
    ),
    "too few rows": (
        table(["a,x", "b,y"]),
        "2 different texts are too few to split off 1 for test",
        "add rows, or name a file of its own: data.test_path=FILE",
    ),
}


@pytest.mark.parametrize(("content", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_wrong_input_is_told_in_one_line(project, content, message, hint):
    project({"reviews.csv": content})
    with pytest.raises(DataError) as caught:
        load()
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.exit_code == 5


def test_a_label_unknown_in_training_is_told_by_line(project):
    project({"train.csv": table(reviews(9)), "dev.csv": table(["fine,pos", "odd,meh"])})
    with pytest.raises(DataError) as caught:
        load("train.csv", validation_path="dev.csv")
    assert caught.value.message == (
        "dev.csv, line 3: label 'meh' does not occur in the training rows"
    )
    assert caught.value.hint == "training labels: neg, pos"


def test_the_command_line_tells_it_too(project, mlops):
    project({"reviews.csv": table(reviews(9))})
    outcome = mlops("train", "data=file", "data.path=review.csv", json=True)
    assert outcome.exit_code == 5
    assert re.search(
        r'"error": "no file review.csv", "hint": "did you mean reviews.csv\?"', outcome.stderr
    )
    assert mlops("train", "data=file").exit_code == 3


def test_a_file_must_be_named_and_be_there(project):
    with pytest.raises(ConfigError, match=r"data\.path is not set"):
        load("")
    with pytest.raises(NotFoundError, match=r"no file reviews\.csv"):
        load()
    with pytest.raises(DataError, match="is a folder"):
        load(".")
    with pytest.raises(ConfigError, match="takes the settings of data=file"):
        data.load(DataConfig(name="file"), 0, SilentReporter())


def test_repeats_across_files_are_counted(project):
    listener = Listener()
    same = reviews(20)
    project({"train.csv": table(same), "dev.csv": table([*same[:3], "new,pos"])})
    splits = load("train.csv", listener, validation_path="dev.csv", test_fraction=0)
    data.warn_of_leaks(splits, listener)
    assert listener.warnings == [
        "3 of 4 validation rows have a text that is also in train: their scores flatter the model"
    ]


@pytest.mark.parametrize("name", ["trec", "cola", "nsmc", "imdb-cad"])
def test_real_data_loads(shared_data, name):
    column = {"cola": "sentence", "nsmc": "document"}.get(name, "text")
    splits = load(shared_data / name / "train.csv", text=column)
    rows = sum(map(len, splits.named().values()))
    assert rows == {"trec": 5452, "cola": 8551, "nsmc": 10000, "imdb-cad": 1707}[name]


def test_empty_texts_of_real_data_are_told(shared_data):
    path = shared_data / "custrev" / "all.csv"
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.message == (
        f"{path}: 4 rows have no text in column 'text' (lines 770, 1369, 3692, …)"
    )


def test_a_path_in_the_config_is_found_from_a_folder_below(project, mlops, monkeypatch):
    config = "defaults: [base, {override data: file}, _self_]\ndata: {path: rows.csv}\n"
    rows = table(reviews(40))
    project({"configs/config.yaml": config, "rows.csv": rows, "src/code.py": ""})
    monkeypatch.chdir(project.path / "src")
    done = mlops("train", "experiment=smoke", "data=file", "data.limit=null", json=True)
    assert done.exit_code == 0, done.stderr
    assert (project / "runs" / done.json["run"]).is_dir()


def test_text_and_label_must_be_two_columns(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,label\na,b\n", "utf-8")
    with pytest.raises(ConfigError, match=r"data\.text and data\.label are the same column"):
        load(str(file), text="label", label="label")
