"""The model card: what the hub's own library reads, and nothing that was not recorded."""

import json
import shutil

import pytest
import yaml
from huggingface_hub import ModelCard
from own.versions import refused

TEXT = (
    "registry:\n  card:\n    license: mit\n    language: en, fr\n    description: Finds bad films.\n"
    "    limits: Knows five words.\n    citation: Me, 2026.\n"
)


def written(root, text):
    config = root / "configs" / "config.yaml"
    config.write_text(config.read_text("utf-8") + text, "utf-8")


def loaded(text):
    """The card as the hub's library has it; what it can't read is an error."""
    card = ModelCard(text, ignore_metadata_errors=False)
    assert card.data.model_name
    return card.data


def test_a_version_has_its_card_from_when_it_was_registered(registry, register, mlops):
    written(registry.root, TEXT)
    register("fair")
    text = mlops("models", "card", "shop@v1.0.0").stdout
    assert registry.git("show", "shop@v1.0.0:models/shop.md") == text
    data = loaded(text)
    assert (data.license, data.language, data.library_name) == ("mit", ["en", "fr"], "onnx")
    assert (data.pipeline_tag, data.model_name) == ("text-classification", "shop v1.0.0")
    assert "accuracy" in data.metrics
    figures = {(one.dataset_split, one.metric_type): one.metric_value for one in data.eval_results}
    record = mlops("models", "show", "shop", json=True).json["record"]
    assert figures["validation", "accuracy"] == record["metrics"]["accuracy"] == 0.5
    for said in (
        "Finds bad films.",
        "Knows five words.",
        "Me, 2026.",
        "It answers with the 2 labels above",
        "mlops predict --model shop@v1.0.0",
        "mlops serve shop@v1.0.0",
        record["bundle"]["digest"],
        record["config"]["sha256"],
        *record["data"]["fingerprints"].values(),
        "| validation | 4 |",
        "| plain (answers) | float32 |",
        "Unknown: `registry.card.uses` says nothing.",
        "Unknown: it was not measured.",
    ):
        assert said in text, said
    # Another text later does not change what was registered.
    written(registry.root, "    uses: None.\n")
    assert mlops("models", "card", "shop@latest").stdout == text
    made = mlops("models", "card", "shop@latest", "--output", "README.md", json=True).json
    assert (registry.root / "README.md").read_text("utf-8") == made["card"] == text
    assert made["metadata"] == yaml.safe_load(text.split("---\n")[1])


def test_a_license_of_ones_own_has_a_name_and_a_place(registry, register, mlops):
    own = "license: other, license_name: our-license-1.0, license_link: https://example.com/l"
    written(registry.root, f"registry: {{card: {{{own}}}}}\n")
    register("fair")
    text = mlops("models", "card", "shop@v1.0.0").stdout
    data = loaded(text)
    assert (data.license, data.license_name) == ("other", "our-license-1.0")
    assert data.license_link == "https://example.com/l"
    assert "other, our-license-1.0, https://example.com/l" in text


def test_what_nobody_wrote_is_unknown(registry, register, mlops):
    register("fair")
    text = mlops("models", "card", "shop@v1.0.0").stdout
    data = loaded(text)
    assert (data.license, data.language, data.datasets, data.base_model) == ("unknown",) + (
        None,
    ) * 3
    assert "Description: unknown." in text
    assert "**license**: unknown" in text


def test_the_card_of_a_run_says_what_was_measured(trained, mlops, tmp_path, monkeypatch):
    root = shutil.copytree(trained.root, tmp_path / "copy")
    monkeypatch.chdir(root)
    facts = root / "runs" / trained.run / "run.json"
    content = json.loads(facts.read_text("utf-8"))
    content["energy"] = {"kwh": 0.5, "co2_kg": 0.25, "seconds": 9, "country": "FRA"}
    facts.write_text(json.dumps(content), "utf-8")
    assert mlops("evaluate", "--split", "test").exit_code == 0
    report = root / "runs" / trained.run / "evaluation" / "test.json"
    found = json.loads(report.read_text("utf-8"))
    text = mlops("models", "card", trained.run).stdout
    data = loaded(text)
    assert {one.dataset_split for one in data.eval_results} == {"validation", "test"}
    for said in (
        "- **electricity**: 0.5 kWh",
        "- **CO2**: 0.25 kg",
        "- **electricity of**: FRA",
        "By class, on test",
        f"- **CPU**: {content['environment']['cpu']}",
        f"torch {content['environment']['packages']['torch']}",
        f"| test | {found['rows']} | `{found['fingerprint']}` |",
        "| `lr` | `0.0007` |",
        "- It reads 128 tokens of a text; what is longer is cut.",
        f"mlops serve {trained.run}",
    ):
        assert said in text, said
    assert content["environment"]["executable"] not in text
    # Before its export there is nothing to compare.
    shutil.rmtree(root / "runs" / trained.run / "bundle")
    text = mlops("models", "card", trained.run).stdout
    assert "Unknown: it was not exported." in text
    assert loaded(text).library_name is None


@pytest.mark.parametrize(
    ("config", "message", "hint"),
    [
        ("{licence: mit}", "registry.card has no 'licence'", "did you mean license?"),
        ("{license_name: my-own}", "registry.card.license_name goes with", "license=other"),
        (
            "{license: mit, license_link: LICENSE}",
            "registry.card.license_link goes with license: other alone",
            "leave out license_link",
        ),
        (
            "{license: other, license_name: My Own}",
            "registry.card.license_name can't be 'My Own'",
            "my-license-1.0",
        ),
        (
            "{license: other, license_link: somewhere}",
            "registry.card.license_link can't be 'somewhere'",
            "https://",
        ),
        ("{colour: red}", "registry.card has no 'colour'", "it takes license, language"),
    ],
)
def test_a_part_that_is_misspelt_is_told(registry, mlops, config, message, hint):
    written(registry.root, f"registry: {{card: {config}}}\n")
    refused(mlops("models", "card", "latest"), 3, message, hint)
    assert mlops("config", "check").exit_code == 3


@pytest.mark.parametrize("place", ["/proc/x.md", "afile/y.md", "afile/y/z.md", "folder.md"])
def test_where_it_can_not_be_written_is_told_in_one_line(registry, register, mlops, place):
    register("fair")
    (registry.root / "afile").touch()
    (registry.root / "folder.md").mkdir()
    done = mlops("models", "card", "shop@v1.0.0", "--output", place)
    refused(done, 1, f"can't write {place} (", "name another place")
    assert list((registry.root / "folder.md").iterdir()) == []
    assert not list(registry.root.glob(".folder.md*"))


def test_what_has_no_card(registry, mlops):
    refused(mlops("models", "card", "nothing"), 5, "")
    refused(mlops("models", "card", "shop@v1.0.0"), 5, "no model is registered")
