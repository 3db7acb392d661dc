"""A benchmark measures real answers, and writes down what served best."""

import json
import subprocess
import sys

import numpy as np
import pytest
from own.bundles import FILES, keyword_bundle

from mlops_cli import benchmark, cores
from mlops_cli.errors import DataError, UsageError
from mlops_cli.reporting import SilentReporter
from mlops_cli.serving import samples, settings
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tasks.encoders.image import ImageEncoder
from mlops_cli.tasks.encoders.table import Column, TableEncoder


@pytest.fixture
def bundle(project):
    project(FILES)
    return keyword_bundle(project.path)


def test_the_best_of_all_ways_is_recorded_beside_the_bundle(bundle):
    result = benchmark.run(bundle, SilentReporter(), seconds=0.01)
    most = cores.available()
    assert {point.batch for point in result.points} == set(benchmark.BATCHES)
    assert all(point.sessions * point.threads <= most for point in result.points)
    assert {point.threads for point in result.points} >= {1, most}
    for point in result.points:
        assert 0 < point.p50_ms <= point.p90_ms <= point.p99_ms
        # No session answers more than its median says, give or take what a moment can tell.
        assert point.rows_per_second > 0
    fastest = max(point.rows_per_second for point in result.points)
    assert result.best.rows_per_second >= fastest / 1.06
    assert result.fastest.batch == 1
    found = settings.recorded(bundle)
    best = result.best
    assert found == settings.ServingSettings(best.graph, best.sessions, best.threads, best.batch)
    assert result.path == bundle.path.with_name("bundle.serving.json")


def test_rows_of_a_file_are_measured_with(bundle, project):
    project({"rows.csv": "text,more\ngood,1\n,2\nbad film,3\n"})
    result = benchmark.run(bundle, SilentReporter(), file=project / "rows.csv", seconds=0.001)
    assert result.rows == 2
    assert result.source.endswith("rows.csv")


def test_a_file_without_rows_and_a_graph_that_is_none_are_told(bundle, project):
    project({"empty.csv": "text\n", "other.csv": "words\nx\n"})
    for name, told in (("empty.csv", "no row"), ("other.csv", "text")):
        with pytest.raises(DataError, match=told):
            benchmark.run(bundle, SilentReporter(), file=project / name)
    with pytest.raises(UsageError, match="no graph 'int4'"):
        benchmark.run(bundle, SilentReporter(), graphs=["int4"])
    assert settings.recorded(bundle) is None


def test_invented_texts_are_as_long_as_those_of_the_training(bundle):
    encoder = Predictor(bundle).task.encoder
    texts = samples.invent(bundle, encoder, 2000)
    sizes = encoder.sizes(encoder.encode(texts))
    # Two of one token, one of two, two of three: see own.bundles.
    train = bundle.reference()["tokens"]
    assert abs(sizes.mean() - train["mean"]) < 0.5
    assert sizes.max() <= train["max"]
    assert texts == samples.invent(bundle, encoder, 2000)


class Described:
    def __init__(self, **content):
        self.reference = lambda: content


def test_invented_cells_come_as_often_as_they_did():
    encoder = TableEncoder((Column("size"), Column("kind", ("a", "b")), Column("none")))
    histogram = {"edges": [0.0, 1.0, 2.0], "counts": [0, 5]}
    columns = {
        "size": {"missing": 0, "histogram": histogram},
        "kind": {"missing": 1, "values": {"a": 30, "b": 10}, "other": 0},
        "none": {"missing": 3},
    }
    rows = samples.invent(Described(columns=columns), encoder, 400)
    assert all(1 <= float(value) <= 2 for value in rows["size"])
    assert 0.65 < rows["kind"].count("a") / 400 < 0.85
    assert set(rows["none"]) == {""}
    assert len(encoder.encode(rows)) == 400


def test_invented_images_have_the_sizes_that_there_were():
    encoder = ImageEncoder((8, 8), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    sides = {"histogram": {"edges": [20, 24], "counts": [3]}}
    images = samples.invent(Described(width=sides, height=sides), encoder, 3)
    batch = encoder.collate(encoder.encode(images))["pixel_values"]
    assert batch.shape == (3, 3, 8, 8)
    assert np.abs(batch[0] - batch[1]).max() > 0.1


def test_an_encoder_of_ones_own_asks_for_a_file():
    class Own:
        columns = ("sound",)

    with pytest.raises(UsageError, match="invented for sound") as raised:
        samples.invent(Described(), Own(), 3)
    assert "--file" in raised.value.hint


def test_no_training_package_is_loaded(bundle):
    code = "from mlops_cli.cli import main; import sys, atexit; sys.argv = ['mlops', 'benchmark', '--seconds', '0.001', '--json', '--quiet']; atexit.register(lambda: print(' '.join({n.split('.')[0] for n in sys.modules}), file=sys.stderr)); main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["best"]["rows_per_second"] > 0
    loaded = set(done.stderr.split())
    assert not loaded & {"torch", "transformers", "onnx", "hydra", "omegaconf", "datasets"}


def test_what_is_typed_is_shown(bundle, mlops):
    done = mlops("benchmark", "--seconds", "0.001", "--graph", "plain")
    assert done.exit_code == 0, done.stderr
    assert "Best here: " in done.stdout
    assert "bundle.serving.json" in done.stdout.replace("\n", "")
    assert mlops("benchmark", str(bundle.path), "--seconds", "0.001", json=True).json["points"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--seconds", "0"], 2, "above 0"),
        (["--seconds", "nan"], 2, "above 0"),
        (["--seconds", "1e9999"], 2, "above 0"),
        (["nowhere"], 5, "no run 'nowhere'"),
        (["nowhere"], 5, "nowhere is no folder either"),
        (["configs/config.yaml"], 5, "no bundle in configs/config.yaml"),
        (["configs"], 5, "no bundle in configs"),
        (["--file", "gone.csv"], 5, "gone.csv"),
        (["--graph", "int4"], 2, "no graph 'int4'"),
    ],
)
def test_wrong_input_is_one_line(bundle, mlops, words, code, told):
    done = mlops("benchmark", *words)
    assert done.exit_code == code
    assert told in done.stderr
    assert not bundle.path.with_name("bundle.serving.json").exists()
