"""Tensors of the Open Inference Protocol as JSON: what their binary form could not hold is none."""

import pytest

from mlops_cli.serving.protocols import tensors
from mlops_cli.serving.refusals import Unprocessable


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("INT8", 1e308),
        ("INT8", 128),
        ("INT8", 1.5),
        ("INT8", True),
        ("INT64", 2**63),
        ("INT64", 10**400),
        ("UINT8", -1),
        ("UINT64", 2**64),
        ("BOOL", 1),
        ("FP16", 70_000),
        ("FP32", 1e39),
        ("FP64", 10**400),
        ("FP32", True),
        ("FP32", "1"),
        ("FP32", None),
        ("BYTES", 1),
    ],
)
def test_a_value_that_its_datatype_can_not_hold_is_refused(datatype, value):
    tensor = tensors.Tensor("age", [1], datatype, data=[value])
    with pytest.raises(Unprocessable, match=f"input 'age': .*{datatype}") as refused:
        tensors.cells(tensor, "number", None)
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("INT8", -128),
        ("INT64", 2**63 - 1),
        ("UINT64", 2**64 - 1),
        ("BOOL", True),
        ("FP16", 65_504),
        ("FP32", 1),
        ("FP64", 1e308),
        ("BYTES", "1"),
    ],
)
def test_a_value_that_it_can_hold_is_taken(datatype, value):
    tensor = tensors.Tensor("age", [1], datatype, data=[value])
    assert tensors.cells(tensor, "number", None) == [value]
