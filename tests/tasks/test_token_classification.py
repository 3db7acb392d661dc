"""Entities end to end: generated sentences to a bundle that names them."""

import pytest
from tokenizers import Tokenizer

pytestmark = pytest.mark.slow

TASK = ["task=token_classification", "data.size=3000", "epochs=4", "trainer.threads=1"]


def test_entities_from_training_to_prediction(project, mlops):
    trained = mlops("train", *TASK, json=True)
    assert trained.exit_code == 0, trained.stderr
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    # Nearly every name may be a person, a place or a firm: words alone don't tell.
    assert evaluated.json["baselines"]["commonest_tag"] < 0.5
    assert evaluated.json["metrics"]["entity_f1"] > 0.9
    assert evaluated.json["metrics"]["entity_f1"] == trained.json["metrics"]["val/entity_f1"]
    assert {row["label"] for row in evaluated.json["classes"]} == {"PER", "LOC", "ORG"}
    exported = mlops("export", "--onnx", "--optimize", json=True)
    assert exported.exit_code == 0, exported.stderr
    assert exported.json["label_agreement"] == 1.0
    answer = mlops("predict", "Victoria Weber met Jordan in Lincoln .", json=True)
    (found,) = answer.json["predictions"]
    assert [(one["text"], one["label"]) for one in found["entities"]] == [
        ("Victoria Weber", "PER"),
        ("Jordan", "PER"),
        ("Lincoln", "LOC"),
    ]
    shown = mlops("predict", "Victoria Weber met Jordan in Lincoln .")
    assert "Victoria Weber (PER), Jordan (PER), Lincoln (LOC)" in shown.stdout


def test_a_file_of_lists_is_trained_on_and_predicted(project, mlops):
    row = '{"tokens": ["%s", "sleeps", "."], "tags": ["B-PER", "O", "O"]}\n'
    other = '{"tokens": ["Rain", "in", "%s"], "tags": ["O", "O", "B-LOC"]}\n'
    names = [first + rest for first in "BCDFGHJKLM" for rest in ("ana", "ilo", "urt", "emi")]
    project({"rows.jsonl": "".join(row % name + other % name for name in names)})
    settings = ["data=file", "data.path=rows.jsonl", "data.text=tokens", "data.label=tags"]
    trained = mlops("train", *TASK[:1], *settings, "epochs=8", "trainer.threads=1", json=True)
    assert trained.exit_code == 0, trained.stderr
    assert mlops("export", "--onnx").exit_code == 0
    done = mlops("predict", "--file", "rows.jsonl", "--output", "out.jsonl", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["labelled"] == len(names) * 2
    assert done.json["metrics"]["accuracy"] > 0.8
    # A tag is told by the first token of its word, which therefore says more than that one begins.
    (file,) = project.path.glob("runs/*/bundle/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    tokens = tokenizer.encode(["Rain", "sleeps"], is_pretokenized=True).tokens[1:-1]
    assert tokens == ["▁Rain", "▁sleeps"]


def test_settings_of_other_tasks_are_refused(project, mlops):
    refused = mlops("train", "task=token_classification", "trainer.monitor=mcc")
    assert refused.exit_code == 3
    assert "trainer.monitor=entity_f1" in refused.stderr


def test_balanced_weights_find_more_of_rare_entities(project, mlops):
    settings = [TASK[0], "data.size=300", "epochs=2", "trainer.threads=1", "model.layers=1"]

    def found(*words):
        trained = mlops("train", *settings, *words, json=True)
        assert trained.exit_code == 0, trained.stderr
        return trained.json["metrics"]["val/entity_recall"]

    assert found("trainer.class_weights=balanced") > found()


def test_words_without_an_entity_teach_nothing(project, mlops):
    row = '{"text": "Rain falls in %d", "label": "O O O O"}\n'
    project({"rows.jsonl": "".join(row % number for number in range(50))})
    refused = mlops("train", TASK[0], "data=file", "data.path=rows.jsonl")
    assert refused.exit_code == 5
    assert "error: every word of the 50 training rows has the tag 'O'" in refused.stderr
    assert "is data.label the right column?" in refused.stderr
