"""A bundle is read whole and unchanged, or not at all."""

import hashlib
import json

import pytest
from own.bundles import FILES, copied, keyword_bundle

from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.serving import bundle as bundles

FACTS = {
    "task": {"name": "text_classification"},
    "labels": ["neg", "pos"],
    "columns": {"text": "text", "label": "label"},
    "lineage": {"run": "20250101-000000-tiny-ab12"},
    "metrics": {"mcc": 0.5},
    "parity": {"max_logit_difference": 0.0},
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "bundle"
    made.mkdir()
    (made / "model.onnx").write_bytes(bytes(range(256)))
    (made / "tokenizer.json").write_text('{"model": "größer"}', "utf-8")
    bundles.write(made, FACTS)
    return made


def change(folder, facts):
    """Writes other facts with a digest that fits them, as somebody with our code could."""
    others = {name: value for name, value in facts.items() if name != "digest"}
    raw = json.dumps({**others, "digest": ""}, indent=2, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(raw.encode()).hexdigest()
    sealed = raw.replace('"digest": ""', f'"digest": "{digest}"')
    (folder / "bundle.json").write_text(sealed, "utf-8")


def facts_of(folder):
    return json.loads((folder / "bundle.json").read_text("utf-8"))


def test_what_was_written_is_read(folder):
    read = bundles.load(folder)
    assert read.facts["format"] == bundles.FORMAT
    assert read.facts["labels"] == ["neg", "pos"]
    assert read.columns == {"text": "text", "label": "label"}
    assert read.run == "20250101-000000-tiny-ab12"
    assert list(read.facts["files"]) == ["model.onnx", "tokenizer.json"]
    assert read.facts["files"]["model.onnx"] == hashlib.sha256(bytes(range(256))).hexdigest()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("where", [0, 7, -1])
def test_a_changed_byte_is_noticed(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    content[where] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} was changed after the export"):
        bundles.load(folder)
    assert bundles.load(folder, verify=False).run


def test_any_changed_byte_of_the_manifest_is_noticed(folder):
    file = folder / "bundle.json"
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataError, match=r"bundle\.json"):
            bundles.load(folder)
    for longer in (whole + b"\n", whole[:-1], b" " + whole):
        file.write_bytes(longer)
        with pytest.raises(DataError, match=r"bundle\.json was changed"):
            bundles.load(folder)


def test_a_missing_file_is_named(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"tokenizer\.json is missing"):
        bundles.load(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "names no format"),
        ('{"format": "1"}', "names no format"),
        ('{"format": true}', "names no format"),
        ('{"format": 1}', "no proper 'task'"),
    ],
)
def test_a_broken_manifest_is_told(folder, text, told):
    (folder / "bundle.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=told) as raised:
        bundles.load(folder)
    assert "bundle.json" in raised.value.message
    assert "mlops export --onnx" in raised.value.hint


def test_a_manifest_that_is_not_utf8_is_told(folder):
    (folder / "bundle.json").write_bytes(b'{"format": 1, "x": "\xff"}')
    with pytest.raises(DataError, match="not valid JSON"):
        bundles.load(folder)


def test_a_newer_format_says_to_upgrade(folder):
    change(folder, {**facts_of(folder), "format": bundles.FORMAT + 1})
    with pytest.raises(DataError, match="has format 2; this mlops reads up to 1") as raised:
        bundles.load(folder)
    assert raised.value.hint == "pip install --upgrade mlops-cli"


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "a/../../b", "..", ".", "", "a\\b", "C:x", "a//b", "bundle.json"],
)
@pytest.mark.parametrize("verify", [True, False])
def test_a_listed_file_lies_inside(folder, name, verify):
    facts = facts_of(folder)
    facts["files"][name] = "0" * 64
    change(folder, facts)
    with pytest.raises(DataError, match="lists a file outside the bundle"):
        bundles.load(folder, verify=verify)


def test_a_link_does_not_lead_outside(folder, tmp_path):
    (folder / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(DataError, match=r"model\.onnx is a link out of the bundle"):
        bundles.load(folder)


def test_a_graph_is_always_listed(folder):
    facts = facts_of(folder)
    del facts["files"]["model.onnx"]
    change(folder, facts)
    with pytest.raises(DataError, match=r"lists no model\.onnx"):
        bundles.load(folder)


GRAPHS = {"plain": {"file": "model.onnx"}, "fp16": {"file": "tokenizer.json"}}


def test_a_bundle_that_lists_no_graphs_has_one(folder):
    read = bundles.load(folder)
    assert (list(read.graphs), read.preferred) == (["plain"], "plain")
    assert read.graph == folder / "model.onnx"


def test_the_preferred_graph_answers_unless_another_is_named(folder):
    change(folder, {**facts_of(folder), "graphs": GRAPHS, "preferred": "fp16"})
    read = bundles.load(folder)
    assert read.graph == read.graph_file("fp16") == folder / "tokenizer.json"
    assert read.graph_file("plain") == folder / "model.onnx"
    with pytest.raises(UsageError, match="has no graph 'int4'") as raised:
        read.graph_file("int4")
    assert raised.value.hint == "it has plain, fp16"


@pytest.mark.parametrize(
    "facts",
    [
        {"graphs": []},
        {"graphs": {"plain": "model.onnx"}},
        {"graphs": {"plain": {"file": "../secret"}}},
        {"graphs": {"plain": {"file": ["model.onnx"]}}},
        {"graphs": GRAPHS, "preferred": "int4"},
        {"graphs": GRAPHS, "preferred": ["plain"]},
        {"preferred": "fp16"},
    ],
)
def test_graphs_are_files_of_the_bundle(folder, facts):
    change(folder, {**facts_of(folder), **facts})
    with pytest.raises(DataError, match="is damaged"):
        bundles.load(folder)


def test_folders_without_a_bundle_say_where_one_is(folder, tmp_path):
    with pytest.raises(NotFoundError, match=r"no folder .*nowhere") as raised:
        bundles.load(tmp_path / "nowhere" / "bundle")
    assert "mlops export --onnx" in raised.value.hint
    with pytest.raises(NotFoundError, match="no bundle in") as raised:
        bundles.load(tmp_path)
    assert raised.value.hint == f"did you mean {folder}?"
    with pytest.raises(NotFoundError) as raised:
        bundles.load(folder / "model.onnx")
    assert raised.value.hint == f"did you mean {folder}?"


def test_a_real_bundle_can_be_moved(project, tmp_path):
    project(FILES)
    moved = copied(keyword_bundle(project.path), tmp_path / "moved")
    read = bundles.load(moved)
    assert read.graph.is_file()
    assert read.reference()["rows"] == 5
