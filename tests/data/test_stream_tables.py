"""`data=stream` of tables: the same rows and the same weights as from memory."""

import json
import random
import re
import sys

import numpy as np
import pytest
from own.anonymous_memory import most_held
from own.apart import run_apart
from safetensors.numpy import load_file

from mlops_cli import data
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import StreamDataConfig, TableDataConfig
from mlops_cli.tasks.encoders import table

MLP = ["task=tabular_classification", "model=mlp", "model.width=8", "epochs=2"]
MLP += ["trainer.threads=1", "data.path=adult.csv", "data.label=income", "tracker.energy=false"]
FILES = ["data.validation_path=later.csv", "data.test_path=later.csv"]


def people(count, seed=0):
    draw = random.Random(seed)
    lines = ["#hash,age,job,note,#label,income"]
    for n in range(count):
        age, job = draw.randint(18, 80), draw.choice(["clerk", "smith", "nurse", ""])
        cells = [f" {age} " if n % 7 else "?", job, f"note {n}", draw.choice("xy")]
        yes = age > 45 and job != "clerk"
        lines.append(",".join([str(draw.random()), *cells, "yes" if yes else "no"]))
    return "\n".join(lines) + "\n"


def settings(kind=StreamDataConfig, **more):
    name = {"name": "stream", "split": "hash"} if kind is StreamDataConfig else {"name": "table"}
    given = {"path": "adult.csv", "label": "income", "inputs": "table", **more}
    return kind(**name, **given)


def read(kind=StreamDataConfig, **more):
    return data.read(settings(kind, **more), SilentReporter()).train


def weights(project, done):
    assert done.exit_code == 0, done.stderr
    return project / "runs" / done.json["run"] / "model" / "model.safetensors"


@pytest.fixture
def adults(project):
    project({"adult.csv": people(600), "later.csv": people(200, seed=1)})
    return project


def test_the_rows_are_those_of_the_file(adults):
    streamed, held = read(), read(TableDataConfig)
    assert list(streamed.inputs) == list(held.inputs) == ["#hash", "age", "job", "note", "#label"]
    assert {name: list(cells) for name, cells in streamed.inputs.items()} == held.inputs
    assert list(streamed.targets) == held.targets
    assert streamed.fingerprint() == held.fingerprint()
    assert streamed.take([5, 400, 2]).sample(9).inputs == held.take([5, 400, 2]).inputs
    assert list(read(leave_out=["note"]).inputs) == ["#hash", "age", "job", "#label"]


def test_they_are_encoded_as_those_in_memory(adults):
    streamed, held = read(), read(TableDataConfig)
    encoder = table.fit(streamed.inputs)
    assert encoder == table.fit(held.inputs)
    rows, expected = streamed.encoded(encoder), held.encoded(encoder)
    assert len(rows) == len(expected) == 600
    for some in ([599, 3], range(10, 300)):
        found = encoder.collate([rows[row] for row in some])
        wanted = encoder.collate([expected[row] for row in some])
        for name in encoder.input_names:
            np.testing.assert_array_equal(found[name], wanted[name])
            assert found[name].dtype == wanted[name].dtype
    # Nothing but the copy and the note of its source lies beside the file that is locked.
    assert len([*(adults / "runs" / ".streams").rglob("*.*")]) == 1


def test_a_column_that_is_not_there_is_told(adults):
    with pytest.raises(DataError, match="no column 'oddly'"):
        read(features=["oddly"])
    with pytest.raises(ConfigError, match=r"data\.features has the label"):
        read(features=["age", "income"])
    adults({"later.csv": "age,income\n3,yes\n"})
    with pytest.raises(DataError, match="no column"):
        read(validation_path="later.csv")
    adults({"later.csv": people(20).replace("yes\n", "odd\n")})
    with pytest.raises(DataError, match="label 'odd' does not occur"):
        read(validation_path="later.csv")


@pytest.mark.parametrize("kind", [StreamDataConfig, TableDataConfig])
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("1,2\n" * 200, "1 different row is too few to split off 1 for test"),
        ("1,2\n5,7\n" * 100, "different rows? (is|are) too few to split off 1 for"),
    ],
)
def test_few_different_rows_are_told_as_in_memory(project, kind, rows, told):
    project({"few.csv": "size,price\n" + rows})
    config = settings(kind, path="few.csv", label="price", targets="numbers")
    with pytest.raises(DataError, match=told) as caught:
        data.load(config, 0, SilentReporter())
    assert re.fullmatch(
        "add rows, or name a file of its own: data.(test|validation)_path=FILE", caught.value.hint
    )


def test_the_weights_are_those_of_a_training_from_memory(adults, mlops):
    held = mlops("train", *MLP, *FILES, "data=table", json=True)
    streamed = mlops("train", *MLP, *FILES, "data=stream", json=True)
    assert weights(adults, held).read_bytes() == weights(adults, streamed).read_bytes()
    assert held.json["metrics"] == streamed.json["metrics"]
    first, second = (
        mlops("evaluate", done.json["run"], "--split", "test", json=True).json
        for done in (held, streamed)
    )
    assert (first["metrics"], first["baselines"]) == (second["metrics"], second["baselines"])


@pytest.mark.slow
def test_from_a_stream_of_numbers_to_a_verified_bundle(adults, mlops):
    words = [*MLP, "data=stream", "task=tabular_regression", "data.label=age"]
    adults({"adult.csv": people(600).replace("?", "30")})
    assert mlops("train", *words, json=True).exit_code == 0
    assert mlops("evaluate", json=True).exit_code == 0
    exported = mlops("export", "--onnx", json=True)
    assert exported.exit_code == 0, exported.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stream", "table"])
def test_a_model_is_not_asked_about_a_file_without_its_columns(adults, mlops, kind):
    trained = mlops("train", *MLP, f"data={kind}", json=True)
    assert trained.exit_code == 0, trained.stderr
    adults({"text.csv": "text,income\n" + "".join(f"so {n},yes\nno {n},no\n" for n in range(60))})
    for command in (["evaluate"], ["export", "--onnx"]):
        refused = mlops(*command, trained.json["run"], "data.path=text.csv", json=True)
        assert refused.exit_code == 5, refused.stderr
        told = json.loads(refused.stderr.strip().splitlines()[-1])
        assert re.fullmatch(
            "text.csv has no columns '#hash', 'age', 'job', .*which the model reads", told["error"]
        )
        assert told["hint"] == "another file? data.path=FILE; columns that were read: text"


def test_a_killed_training_goes_on_to_the_same_weights(adults, mlops):
    words = [*MLP, "data=stream", "trainer.checkpoint_every=0", "batch_size=64"]
    words += ["tracker.module=own.stopper", "trainer.log_every=1"]
    whole = mlops("train", *words, json=True)
    # In the middle of the second epoch.
    adults({"stop": "12 train SIGKILL"})
    assert run_apart("train", *words, folder=adults.path) == -9
    assert not list((adults / "runs" / ".streams").rglob("tmp*"))
    resumed = mlops("train", "--resume", "latest", json=True)
    assert weights(adults, whole).read_bytes() == weights(adults, resumed).read_bytes()


@pytest.mark.slow
def test_two_processes_train_on_one_table_as_one_does(adults, mlops):
    words = [*MLP, "data=stream", "batch_size=64", "model.dropout=0"]
    alone = mlops("train", *words, json=True)
    done = mlops("train", *words, "trainer.processes=2", json=True)
    first, second = (load_file(weights(adults, one)) for one in (alone, done))
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-3, err_msg=name)
    assert done.json["metrics"]["val/accuracy"] == alone.json["metrics"]["val/accuracy"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_memory_does_not_grow_with_the_file(project):
    """Three times the rows take a few numbers more for each; from memory they take all of them."""
    draw = np.random.default_rng(0)
    kinds = [f"{n} {'a long name ' * 7}" for n in range(20)]

    def write(name, rows):
        with (project / name).open("w", encoding="utf-8") as stream:
            stream.write("size,price,a,b,c,d,e,label\n")
            for n in range(rows):
                names = [kinds[place] for place in draw.integers(0, 20, 5)]
                stream.write(",".join([f"{n % 977}.5", f"{n % 31}", *names, "ab"[n % 2]]) + "\n")
        return (project / name).stat().st_size / 2**20

    def held(source, name):
        words = [f"data={source}", f"data.path={name}", "task=tabular_classification", "model=mlp"]
        words += ["model.width=8", "trainer.max_steps=3", "trainer.threads=1", "data.split=hash"]
        return most_held("train", *words, "--no-validate", "tracker.energy=false")

    # So many rows settle the linear model that the network begins as.
    small, large = write("small.csv", 50_000), write("large.csv", 150_000)
    streamed = held("stream", "large.csv")
    assert streamed - held("stream", "small.csv") < (large - small) / 3
    assert held("table", "large.csv") - streamed > large
