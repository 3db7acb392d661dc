"""Faster variants of an exported graph: fused, in whole numbers of 8 bits, in float16.

Each is made of a graph on disk into another file. Whether it still answers as it should is the
business of whoever compares it.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.float16 import convert_float_to_float16

from mlops_cli.models.onnx_graph import SINGLE_FILE, hushed
from mlops_cli.serving import graph_tables
from mlops_cli.tasks import Inputs

_PRODUCTS = ("Attention", "Conv", "Gemm", "MatMul", "MultiHeadAttention")
"""Operators that gain from narrower numbers, where one side of the product are weights."""
_CALIBRATED = ("Conv", "Gemm", "MatMul")
"""Of these, those that a calibrated graph can have in whole numbers."""
_WEIGHTS = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
"""Signed, which is faster than unsigned where the processor has VNNI; of 7 bits, since with 8 the
sums of those without it would saturate, and answers differ from those that were checked here."""
_LOOKS_UP = frozenset({"EmbedLayerNormalization", "Gather", "QEmbedLayerNormalization"})
"""Operators that read rows of a table, and make nothing else of it."""
_LARGE_TABLE = 1 << 20
"""Bytes of a table that are worth sharing."""
_VISION = ("beit", "deit", "swin", "vit")


def optimize(source: Path, target: Path, config: dict[str, Any]) -> bool:
    """Fuses operators: a transformer's by what its parts mean, others as onnxruntime does itself.

    What is written is valid on any processor: layouts of one kind of processor are left to the
    session that loads it.

    Args:
        source: The graph as exported.
        target: The file to write.
        config: The network's own config, as transformers has it; empty where there is none.

    Returns:
        Whether there was anything to fuse; otherwise nothing is written.
    """
    with hushed():
        fused = _fuse(source, config) if _is_transformer(config) else _extend(source)
    if _operators(fused) == _operators(onnx.load(source, load_external_data=False)):
        return False
    _save(fused, target)
    return True


def quantize_dynamically(source: Path, target: Path) -> None:
    """Weights in 8 bits, with a scale for each column; activations too, scaled batch by batch."""
    with hushed():
        quantize_dynamic(
            source,
            target,
            **_WEIGHTS,
            # Outputs of fused operators have no type that shape inference would find.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            use_external_data_format=_is_scattered(source),
        )
    _save(onnx.load(target), target)


def quantize_statically(source: Path, target: Path, batches: Iterable[Inputs]) -> None:
    """Weights and activations in 8 bits, with scales found beforehand.

    Args:
        source: The graph as exported: fused operators have no calibrated form. What can be fused
            around those in 8 bits is left to the session that loads it.
        target: The file to write.
        batches: Collated rows that the scales are found on.
    """
    with hushed():
        quantize_static(
            source,
            target,
            _Batches(batches),
            op_types_to_quantize=list(_CALIBRATED),
            **_WEIGHTS,
            activation_type=QuantType.QUInt8,
            use_external_data_format=_is_scattered(source),
            extra_options={"MatMulConstBOnly": True},
        )
    _save(onnx.load(target), target)


def halve(source: Path, target: Path) -> None:
    """Weights and activations in float16; what goes in and comes out stays float32."""
    with hushed():
        half = convert_float_to_float16(
            onnx.load(source), keep_io_types=True, disable_shape_infer=False
        )
    _save(half, target)


def can_be_reduced(source: Path) -> bool:
    """Whether there is any product of weights in the graph, that narrower numbers would speed up.

    Trees, sums of looked-up numbers and the like have none.
    """
    graph = onnx.load(source, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    weights |= {name for node in graph.node if node.op_type == "Constant" for name in node.output}
    return any(
        node.op_type in _PRODUCTS and weights.intersection(node.input[1:]) for node in graph.node
    )


def describe(path: Path) -> dict[str, Any]:
    """Opset, IR version and operators of a graph, those beyond the standard by name; its tables.

    Of the tables see `graph_tables`.
    """
    model = onnx.load(path, load_external_data=False)
    operators = _operators(model)
    return {
        "opset": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        "ir_version": model.ir_version,
        "operators": sum(operators.values()),
        "custom_operators": sorted({name for domain, name in operators if domain}),
        "tables": list(_tables(model, path)),
    }


def _tables(model: onnx.ModelProto, path: Path) -> Iterator[dict[str, Any]]:
    """Each large table: its name, type and shape, and where in the file its bytes begin."""
    readers: dict[str, set[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    large = [one for one in model.graph.initializer if len(one.raw_data) >= _LARGE_TABLE]
    content = path.read_bytes() if large else b""
    for table in large:
        read_by = readers.get(table.name, set())
        facts = {
            "name": table.name,
            "dtype": onnx.helper.tensor_dtype_to_np_dtype(table.data_type).name,
            "shape": list(table.dims),
        }
        if facts["dtype"] in graph_tables.TYPES and read_by and read_by <= _LOOKS_UP:
            before = graph_tables.header(**facts)
            place = content.find(before)
            if place >= 0:
                yield {**facts, "offset": place + len(before)}


def _is_transformer(config: dict[str, Any]) -> bool:
    return bool(config.get("model_type")) and "hidden_size" in _sizes(config)


def _sizes(config: dict[str, Any]) -> dict[str, int]:
    """Width and heads by transformers' usual names for them; some families have others."""
    names = {"hidden_size": ("hidden_size", "dim"), "num_heads": ("num_attention_heads", "n_heads")}
    found = {
        size: next((config[name] for name in known if isinstance(config.get(name), int)), None)
        for size, known in names.items()
    }
    return {size: value for size, value in found.items() if value is not None}


def _fuse(source: Path, config: dict[str, Any]) -> onnx.ModelProto:
    """The graph with a transformer's operators fused."""
    family = "vit" if config.get("model_type") in _VISION else "bert"
    fused: onnx.ModelProto = optimizer.optimize_model(
        str(source), model_type=family, opt_level=1, **_sizes(config)
    ).model
    return fused


def _extend(source: Path) -> onnx.ModelProto:
    """The graph as onnxruntime's own fusions leave it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "extended.onnx"
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 3
        ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return onnx.load(target)


def _operators(model: onnx.ModelProto) -> Counter[tuple[str, str]]:
    """How often each operator occurs; how constants are written down is no matter."""
    nodes = (node for node in model.graph.node if node.op_type not in ("Constant", "Identity"))
    domain = {"ai.onnx": ""}
    return Counter((domain.get(node.domain, node.domain), node.op_type) for node in nodes)


def _save(model: onnx.ModelProto, target: Path) -> None:
    """Writes a graph that names only the operator sets it has operators of."""
    used = {domain for domain, _ in _operators(model)} | {"", "ai.onnx"}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(
        model,
        target,
        save_as_external_data=model.ByteSize() > SINGLE_FILE,
        all_tensors_to_one_file=True,
        location=f"{target.name}.data",
    )


def _is_scattered(source: Path) -> bool:
    """Whether the weights are too many for one file."""
    return source.with_name(f"{source.name}.data").is_file()


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    """Collated rows, as onnxruntime's calibration asks for them."""

    def __init__(self, batches: Iterable[Inputs]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> Inputs | None:
        """The next batch, or None."""
        return next(self._batches, None)
