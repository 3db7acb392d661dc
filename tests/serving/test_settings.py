"""What a benchmark found is read again by whoever serves the same bundle on a like machine."""

import json
from pathlib import Path

import pytest

from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import settings
from mlops_cli.serving.settings import ServingSettings

FACTS = {
    "task": {"name": "text_classification"},
    "labels": ["neg", "pos"],
    "columns": {"text": "text", "label": "label"},
    "lineage": {},
    "metrics": {},
    "parity": {},
    "graphs": {
        "plain": {"file": "model.onnx"},
        "quantized": {"file": "model_quantized.onnx"},
    },
    "preferred": "quantized",
}
FOUND = ServingSettings("quantized", sessions=2, threads=1, batch=4)


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("model.onnx", "model_quantized.onnx"):
        (folder / name).write_bytes(name.encode())
    return bundles.write(folder, FACTS)


def test_what_was_recorded_is_read_and_the_bundle_stays_sealed(bundle):
    assert settings.recorded(bundle) is None
    file = settings.record(bundle, FOUND, rows_per_second=1500.0)
    assert file == bundle.path.parent / "bundle.serving.json"
    assert settings.recorded(bundles.load(bundle.path)) == FOUND
    entry = json.loads(file.read_text("utf-8"))["machines"][settings.machine()]
    assert entry["rows_per_second"] == 1500


def test_another_machine_and_another_bundle_have_settings_of_their_own(bundle, monkeypatch):
    settings.record(bundle, FOUND)
    monkeypatch.setattr(settings, "machine", lambda: "another processor, 64 cores")
    assert settings.recorded(bundle) is None
    settings.record(bundle, ServingSettings("plain", 8, 8, 16))
    assert settings.recorded(bundle) == ServingSettings("plain", 8, 8, 16)
    monkeypatch.undo()
    assert settings.recorded(bundle) == FOUND
    (bundle.path / "model.onnx").write_bytes(b"another")
    other = bundles.write(bundle.path, FACTS)
    assert settings.recorded(other) is None
    settings.record(other, FOUND)
    monkeypatch.setattr(settings, "machine", lambda: "another processor, 64 cores")
    assert settings.recorded(other) is None


@pytest.mark.parametrize("change", [{"graph": "gone"}, {"sessions": 0}, {"batch": "x"}, {"threads": None}])  # fmt: skip
def test_settings_that_can_not_be_are_passed_over(bundle, change):
    file = settings.record(bundle, FOUND)
    content = json.loads(file.read_text("utf-8"))
    content["machines"][settings.machine()] |= change
    file.write_text(json.dumps(content), "utf-8")
    assert settings.recorded(bundle) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2}', '{"format": 1, "machines": 3}'])
def test_a_damaged_file_is_passed_over(bundle, text):
    settings.path(bundle).write_text(text, "utf-8")
    assert settings.recorded(bundle) is None
    settings.record(bundle, FOUND)
    assert settings.recorded(bundle) == FOUND


def test_a_bundle_is_named_the_same_from_inside_its_folder(bundle, monkeypatch):
    settings.record(bundle, FOUND)
    monkeypatch.chdir(bundle.path)
    assert settings.recorded(bundles.load(Path())) == FOUND
