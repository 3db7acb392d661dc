"""`data=stream`: rows that stay on the disk, checked, split, trained on and evaluated."""

import os
import sys

import numpy as np
import pytest
from own.anonymous_memory import most_held
from safetensors.numpy import load_file

from mlops_cli import data
from mlops_cli.errors import DataError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import FileDataConfig, StreamDataConfig


def table(rows=400, words=8, prefix=""):
    lines = [
        f"{prefix}{n} {'fine' if n % 2 else 'poor'} {'word ' * (n % words)}film,"
        f"{'good' if n % 2 else 'bad'}"
        for n in range(rows)
    ]
    return "text,label\n" + "\n".join(lines) + "\n"


def settings(kind=StreamDataConfig, **more):
    name = {"name": "stream", "split": "hash"} if kind is StreamDataConfig else {"name": "file"}
    return kind(**name, path="reviews.csv", **more)


def loaded(seed=0, **more):
    return data.load(settings(**more), seed, SilentReporter())


@pytest.fixture
def reviews(project):
    project({"reviews.csv": table()})
    return project


def test_the_rows_are_those_of_the_file(reviews):
    train = data.read(settings(), SilentReporter()).train
    in_memory = data.read(settings(FileDataConfig), SilentReporter()).train
    assert list(train.inputs["text"]) == in_memory.inputs["text"]
    assert list(train.targets) == in_memory.targets
    assert train.fingerprint() == in_memory.fingerprint()
    assert train.take([5, 2]).sample(9).inputs == in_memory.take([5, 2]).inputs


def test_rows_keep_their_side_when_others_come(reviews):
    before = {name: set(part.inputs["text"]) for name, part in loaded().named().items()}
    assert sum(map(len, before.values())) == 400
    assert [len(before[name]) for name in ("validation", "test")] == pytest.approx([40, 40], abs=15)
    reviews({"reviews.csv": table() + table(200, prefix="new ").partition("\n")[2]})
    after = {name: set(part.inputs["text"]) for name, part in loaded().named().items()}
    assert all(before[name] <= after[name] for name in before)
    assert set(loaded(seed=1).validation.inputs["text"]) != after["validation"]


def test_a_changed_file_is_copied_anew_and_another_is_not(reviews):
    loaded()
    (copy,) = (reviews / "runs" / ".streams").rglob("*.arrow")
    written = copy.stat().st_mtime_ns
    loaded(seed=3)
    assert copy.stat().st_mtime_ns == written
    reviews({"reviews.csv": table(500)})
    assert len(loaded().train) > 350
    (other,) = (reviews / "runs" / ".streams").rglob("*.arrow")
    assert other != copy


def test_other_content_of_the_same_size_and_time_is_copied_anew(reviews):
    file = reviews / "reviews.csv"
    before = file.stat()
    assert loaded().train.inputs["text"][0].endswith("film")
    file.write_text(table().replace("film", "play"), "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert loaded().train.inputs["text"][0].endswith("play")


def test_what_is_wrong_is_told_with_its_line_and_leaves_nothing(reviews):
    reviews({"reviews.csv": table() + "no label,\n"})
    with pytest.raises(DataError, match="1 row has no label"):
        loaded()
    assert [*(reviews / "runs" / ".streams").rglob("*.arrow")] == []
    reviews({"reviews.csv": "text,label\n"})
    with pytest.raises(DataError, match="has no rows"):
        loaded()


def test_labels_that_training_lacks_are_told(reviews):
    reviews({"later.csv": "text,label\na film,good\na film,odd\n"})
    with pytest.raises(DataError, match="line 3: label 'odd' does not occur"):
        loaded(validation_path="later.csv")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["data.path=a.csv", "data.split=group"], "data=stream splits by the hash of a row"),
        (
            ["data.path=a.csv", "data.leave_out=[id]"],
            "data.features and data.leave_out are of tables",
        ),
        (
            ["data.path=a.csv", "task=tabular_classification", "model=trees"],
            "model=trees has all rows in memory, and data=stream",
        ),
        ([], "data=stream needs data.path"),
    ],
)
def test_what_needs_all_rows_at_once_is_refused(reviews, mlops, words, error):
    refused = mlops("train", "data=stream", *words)
    assert refused.exit_code == 3
    assert f"error: {error}" in refused.stderr


SMALL = ["data=stream", "data.path=reviews.csv", "trainer.threads=1", "model.hidden_size=32"]
SMALL += ["model.max_length=16", "model.vocab_size=200", "epochs=4", "lr=5e-3"]


@pytest.mark.slow
def test_from_a_stream_to_a_verified_bundle_and_interrupted_to_the_same_weights(reviews, mlops):
    whole = mlops("train", *SMALL, json=True)
    assert whole.exit_code == 0, whole.stderr
    assert whole.json["metrics"]["val/accuracy"] == 1.0
    assert "rows on the disk are checked by mlops data validate" in whole.stderr
    assert mlops("evaluate", json=True).json["metrics"]["accuracy"] == 1.0
    exported = mlops("export", "--onnx", json=True)
    assert exported.exit_code == 0, exported.stderr
    # A stop in the middle of an epoch: it goes on with the batch that comes next.
    reviews({"stop": "15 train SIGINT"})
    stop = ["tracker.module=own.stopper", "trainer.log_every=1"]
    assert mlops("train", *SMALL, *stop).exit_code == 130
    resumed = mlops("train", "--resume", "latest", json=True)
    assert resumed.exit_code == 0, resumed.stderr
    weights = [
        (reviews / "runs" / done.json["run"] / "model" / "model.safetensors").read_bytes()
        for done in (whole, resumed)
    ]
    assert weights[0] == weights[1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process holds")
def test_memory_is_bounded_whatever_the_size_of_the_file(project):
    """What a training from memory holds beside one from the disk is more than all the rows."""
    draw = np.random.default_rng(0)
    words = [f"w{n}" for n in range(2000)]
    with (project / "reviews.csv").open("w", encoding="utf-8") as stream:
        stream.write("text,label\n")
        for n in range(25_000):
            text = " ".join(words[word] for word in draw.integers(0, 2000, 300))
            stream.write(f"{n} {text},{'good' if n % 2 else 'bad'}\n")
    short = ["trainer.max_steps=3", "--no-validate", "data.path=reviews.csv"]
    short += ["trainer.threads=1", "model.max_length=16", "data.validation_fraction=0.001"]
    short += ["data.test_fraction=0.001", "model.vocab_size=300", "tracker.energy=false"]

    def peak(source):
        return most_held("train", f"data={source}", *short)

    size = (project / "reviews.csv").stat().st_size / 2**20
    assert size > 35
    assert peak("file") - peak("stream") > size


@pytest.mark.slow
def test_two_processes_train_on_one_stream_as_one_does(reviews, mlops):
    """Each reads its own rows off the same copy; together they are all of them, once an epoch."""
    words = [*SMALL, "batch_size=8", "model.dropout=0", "model.layers=1", "epochs=3"]
    alone = mlops("train", *words, json=True)
    assert alone.exit_code == 0, alone.stderr
    done = mlops("train", *words, "trainer.processes=2", json=True)
    assert done.exit_code == 0, done.stderr
    first, second = (
        load_file(reviews / "runs" / one.json["run"] / "model" / "model.safetensors")
        for one in (alone, done)
    )
    # A softmax does not see the bias of its keys: their gradients are nothing but rounding.
    names = [name for name in first if not name.endswith("key.bias")]
    assert names
    assert all(np.allclose(first[name], second[name], atol=1e-3) for name in names)
    assert done.json["metrics"]["val/accuracy"] == alone.json["metrics"]["val/accuracy"]
    assert len([*(reviews / "runs" / ".streams").rglob("*.arrow")]) == 1
