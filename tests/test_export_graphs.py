"""Faster graphs of one model: made, judged each by itself, kept or refused."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from own.bundles import DATA, FILES, LABELS, WORDS, copied, export_run, with_transformer
from own.keywords import keyword_run

from mlops_cli import config as configs
from mlops_cli import export, models
from mlops_cli.errors import DataError, GateError
from mlops_cli.models import graph_variants
from mlops_cli.reporting import SilentReporter
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

ALL = ["export.optimize=true", "export.quantize=int8", "export.fp16=true"]
LOOSE = ["export.reduced_min_label_agreement=0", "export.reduced_max_metric_loss=2"]
TEXTS = {"text": ["good", "a good plot", "bad bad", "nothing else to say of this long film"]}


@pytest.fixture
def run(project):
    project(FILES)
    return with_transformer(keyword_run(project.path, WORDS, LABELS, DATA))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle with every graph there is."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "configs").mkdir()
        (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n")
        for name, text in FILES.items():
            (root / name).write_text(text)
        made = with_transformer(keyword_run(root, WORDS, LABELS, DATA))
        yield bundles.load(export_run(root, made, *ALL, *LOOSE).path)


def test_every_graph_is_recorded_with_its_figures(bundle):
    graphs = bundle.facts["graphs"]
    assert {name: one["file"] for name, one in graphs.items()} == {
        "plain": "model.onnx",
        "optimized": "model_optimized.onnx",
        "quantized": "model_quantized.onnx",
        "fp16": "model_fp16.onnx",
    }
    found = {path.name for path in bundle.path.glob("*.onnx")}
    assert found == {one["file"] for one in graphs.values()}
    assert bundle.preferred in graphs
    for one in graphs.values():
        model = onnx.load(bundle.path / one["file"])
        assert one["opset"] == {
            entry.domain or "ai.onnx": entry.version for entry in model.opset_import
        }
        assert one["ir_version"] == model.ir_version
        assert one["parity"]["rows"] == 4
        assert one["speed"]["latency_ms"] > 0
        assert one["speed"]["rows_per_second"] > 0
    assert graphs["plain"]["custom_operators"] == []
    assert {"Attention", "SkipLayerNormalization"} <= set(graphs["optimized"]["custom_operators"])
    assert graphs["optimized"]["opset"]["com.microsoft"] == 1
    assert graphs["quantized"]["kind"] in ("int8 dynamic", "int8 static")
    assert bundle.facts["parity"] == graphs[bundle.preferred]["parity"]


def test_every_graph_answers_by_its_name(bundle):
    found = {name: Predictor(bundle, graph=name).outputs(TEXTS) for name in bundle.graphs}
    np.testing.assert_allclose(found["optimized"], found["plain"], atol=1e-4)
    np.testing.assert_allclose(found["fp16"], found["plain"], atol=0.05)
    np.testing.assert_allclose(found["quantized"], found["plain"], atol=1.0)
    assert np.abs(found["quantized"] - found["plain"]).max() > 1e-4
    preferred = Predictor(bundle)
    assert preferred.graph == bundle.preferred
    np.testing.assert_array_equal(preferred.outputs(TEXTS), found[bundle.preferred])


def test_inputs_and_outputs_stay_float32_and_dynamic(bundle):
    for one in bundle.graphs.values():
        model = onnx.load(bundle.path / one["file"])
        assert [entry.name for entry in model.graph.input] == ["input_ids", "attention_mask"]
        (output,) = model.graph.output
        assert output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert output.type.tensor_type.shape.dim[0].dim_param


def test_a_changed_byte_of_any_file_is_noticed(bundle, tmp_path):
    folder = copied(bundle, tmp_path / "bundle")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    assert len(files) >= 11
    for file in files:
        whole = file.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(DataError, match=file.name):
                bundles.load(folder)
        file.write_bytes(whole)
    assert bundles.load(folder).digest == bundle.digest


def test_the_files_of_others_are_there(bundle):
    tokenizer = json.loads((bundle.path / "tokenizer_config.json").read_text("utf-8"))
    assert tokenizer["model_max_length"] == 8
    assert (tokenizer["pad_token"], tokenizer["unk_token"]) == ("[PAD]", "[UNK]")
    settings = json.loads((bundle.path / "ort_config.json").read_text("utf-8"))
    assert settings["opset"] == 18
    assert settings["optimization"]
    static = bundle.facts["graphs"]["quantized"]["kind"] == "int8 static"
    assert settings["quantization"]["is_static"] is static


def damaged(monkeypatch, step):
    """Lets a step write a graph whose last layer favours the first class by far."""
    real = getattr(graph_variants, step)

    def wrong(source, target, *others):
        done = real(source, target, *others)
        model = onnx.load(target)
        ends = ("classifier.bias", "classifier.bias_quantized")
        (bias,) = (one for one in model.graph.initializer if one.name.endswith(ends))
        values = numpy_helper.to_array(bias)
        far = 10**6 if values.dtype == np.int32 else 50
        values = values + np.array([far, -far], values.dtype)
        bias.CopyFrom(numpy_helper.from_array(values, bias.name))
        onnx.save(model, target)
        return done

    monkeypatch.setattr(graph_variants, step, wrong)


@pytest.mark.parametrize(
    ("step", "asked", "told", "hint"),
    [
        ("optimize", "optimize=true", "the fused graph .*export.max_logit_difference=", "--optimize"),
        ("quantize_dynamically", "quantize=dynamic", "the int8 dynamic graph .*label agreement", "--quantize"),
        ("quantize_statically", "quantize=static", "the int8 static graph .*label agreement", "--quantize"),
        ("halve", "fp16=true", "the float16 graph .*export.reduced_min_label_agreement=", "--fp16"),
    ],
)  # fmt: skip
def test_a_damaged_variant_is_refused_and_the_older_bundle_stays(
    project, run, monkeypatch, step, asked, told, hint
):
    export_run(project.path, run)
    before = {path.name: path.read_bytes() for path in run.bundle.iterdir()}
    damaged(monkeypatch, step)
    with pytest.raises(GateError, match=told) as raised:
        export_run(project.path, run, f"export.{asked}", "export.reduced_max_metric_loss=2")
    assert raised.value.exit_code == 6
    assert hint in raised.value.hint
    assert {path.name: path.read_bytes() for path in run.bundle.iterdir()} == before
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]


def test_of_two_ways_to_8_bits_the_one_that_passes_is_kept(project, run, monkeypatch):
    damaged(monkeypatch, "quantize_dynamically")
    result = export_run(project.path, run, "export.quantize=int8", "export.reduced_min_label_agreement=0.6", "export.reduced_max_metric_loss=2")  # fmt: skip
    kept = {one.kind: one.kept for one in result.graphs}
    assert kept == {"float32": True, "int8 dynamic": False, "int8 static": True}
    assert bundles.load(run.bundle).graphs["quantized"]["kind"] == "int8 static"
    assert not (run.bundle / "dynamic.onnx").exists()


def test_scales_are_found_on_training_rows_alone(project, run, monkeypatch):
    seen = []
    real = graph_variants.quantize_statically

    def spied(source, target, batches):
        kept = list(batches)
        seen.extend(
            row[mask == 1].tolist()
            for batch in kept
            for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        )
        real(source, target, kept)

    monkeypatch.setattr(graph_variants, "quantize_statically", spied)
    export_run(project.path, run, "export.quantize=static", "export.calibration_rows=3", *LOOSE)
    _, task = models.load(run.model)
    train = task.encoder.encode(
        {"text": [line.partition(",")[0] for line in FILES["train.csv"].splitlines()[1:]]}
    )
    assert len(seen) == 3
    assert all(row in [list(one) for one in train] for row in seen)


def test_an_answer_in_calibrated_8_bits_is_the_same_whatever_stands_beside_it(project, run):
    export_run(project.path, run, "export.quantize=static", *LOOSE)
    predictor = Predictor(bundles.load(run.bundle), graph="quantized", sessions=1)
    alone = [predictor.outputs({"text": [text]})[0] for text in TEXTS["text"]]
    np.testing.assert_allclose(predictor.outputs(TEXTS), np.stack(alone), atol=1e-5)


def test_a_bundle_that_is_to_be_the_same_each_time_tells_no_speed(project, run):
    config = configs.load_for_run(run.config_text(), ["export.optimize=true"], root=project.path)
    export.run(run, config, SilentReporter(), reproducible=True)
    graphs = bundles.load(run.bundle).graphs
    assert [one["speed"] for one in graphs.values()] == [{}, {}]


def test_a_model_without_products_is_as_small_as_it_gets(project):
    project(FILES)
    run = keyword_run(project.path, WORDS, LABELS, DATA)
    for asked, flag in (("quantize=static", "--quantize"), ("fp16=true", "--fp16")):
        with pytest.raises(DataError, match="no products of weights") as raised:
            export_run(project.path, run, f"export.{asked}")
        assert flag in raised.value.hint
        assert not run.bundle.exists()
