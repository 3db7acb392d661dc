"""The files around the graphs, by which Optimum and transformers load a bundle as well."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_cli.export.graphs import OPTIMIZED, QUANTIZED, Judged
from mlops_cli.files import write_json
from mlops_cli.schemas.export import ExportConfig
from mlops_cli.tasks import Encoder
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tracking.record import Run

_MEANINGS = {
    "cls_token": ("[CLS]", "<s>", "<cls>"),
    "sep_token": ("[SEP]", "</s>", "<sep>"),
    "bos_token": ("<s>",),
    "eos_token": ("</s>",),
    "mask_token": ("[MASK]", "<mask>"),
    "unk_token": ("[UNK]", "<unk>"),
}
"""The usual words for special tokens, by what they mean."""


def write(
    folder: Path, run: Run, encoder: Encoder, config: ExportConfig, kept: Sequence[Judged]
) -> None:
    """Writes what tells them of the graphs and of the tokenizer.

    Args:
        folder: The bundle to be; the task's own files are there.
        run: Where the network's config lies.
        encoder: Makes the graphs' inputs.
        config: What was asked for.
        kept: The graphs.
    """
    if (run.model / "config.json").is_file():
        shutil.copy(run.model / "config.json", folder)
    if isinstance(encoder, TextEncoder):
        special = _special_tokens(encoder)
        write_json(folder / "special_tokens_map.json", special)
        write_json(folder / "tokenizer_config.json", _tokenizer_config(encoder, special))
    write_json(folder / "ort_config.json", _ort_config(folder, config, kept))


def _special_tokens(encoder: TextEncoder) -> dict[str, str]:
    """Special tokens by their meaning, as far as the tokenizer has them."""
    vocabulary = encoder.tokenizer.get_vocab(with_added_tokens=True)
    found = {
        meaning: next((word for word in words if word in vocabulary), None)
        for meaning, words in _MEANINGS.items()
    }
    model = json.loads(encoder.tokenizer.to_str())["model"]
    if isinstance(model.get("unk_token"), str):
        found["unk_token"] = model["unk_token"]
    found["pad_token"] = encoder.tokenizer.id_to_token(encoder.pad_id)
    return {meaning: word for meaning, word in found.items() if word is not None}


def _tokenizer_config(encoder: TextEncoder, special: dict[str, str]) -> dict[str, Any]:
    """What transformers' AutoTokenizer reads beside `tokenizer.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": encoder.max_length,
        "model_input_names": list(encoder.input_names),
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        **special,
    }


def _ort_config(folder: Path, config: ExportConfig, kept: Sequence[Judged]) -> dict[str, Any]:
    """What was done to the graphs, in the words of Optimum's ORTConfig."""
    kinds = {one.graph.name: one.graph.kind for one in kept}
    static = kinds.get(QUANTIZED) == "int8 static"
    quantization = {
        "is_static": static,
        "format": "QDQ" if static else "QOperator",
        "mode": "QLinearOps" if static else "IntegerOps",
        "activations_dtype": "QUInt8",
        "weights_dtype": "QInt8",
        "per_channel": True,
        "reduce_range": True,
    }
    optimization = {"optimization_level": 1, "optimize_for_gpu": False, "fp16": False}
    return {
        "opset": config.opset,
        "use_external_data_format": any(folder.glob("*.onnx.data")),
        "one_external_file": True,
        "optimization": optimization if OPTIMIZED in kinds else {},
        "quantization": quantization if QUANTIZED in kinds else {},
    }
