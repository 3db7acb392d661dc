"""What a request's values are to a model: true and false as its training rows spelled them."""

import json

import pytest

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.protocols import tensors
from mlops_cli.serving.protocols.tensors import Tensor
from mlops_cli.serving.schema import Contract
from mlops_cli.tasks import Task
from mlops_cli.tasks.encoders import table
from mlops_cli.tasks.heads.classes import Classes


def contract(*values):
    """The contract of a task whose training rows had these values of `member`."""
    encoder = table.fit({"member": [*values, *values], "age": ["1", "2"] * len(values)})
    return Contract(Task("tabular_classification", encoder, Classes(("a", "b"), 10)), ServeConfig())


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (("true", "false"), ["true", "false"]),
        (("True", "False"), ["True", "False"]),
        (("TRUE", "FALSE", "unknown"), ["TRUE", "FALSE"]),
        (("True", "true", "False"), ["true", "False"]),
        (("yes", "no"), ["true", "false"]),
    ],
)
def test_true_and_false_are_read_as_the_training_rows_spelled_them(values, read):
    made = contract(*values)
    rows = [{"member": True, "age": 1}, {"member": False, "age": 2}]
    as_json = made.read(json.dumps({"inputs": rows}).encode())
    as_bool = tensors.cells(Tensor("member", [2], "BOOL", data=[True, False]), "category", None)
    converted = made.convert({"inputs": [{"member": one} for one in as_bool]})
    assert as_json.inputs["member"] == converted.inputs["member"] == read
    ids = made.task.encoder.matrices(as_json.inputs)[1]
    assert (table.OTHER in ids) == (values == ("yes", "no"))


def test_a_text_stays_as_it_is_and_a_number_is_not_spelled():
    made = contract("True", "False")
    question = made.convert({"inputs": [{"member": "true", "age": True}]})
    assert question.inputs == {"member": ["true"], "age": ["true"]}
