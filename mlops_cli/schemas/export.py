"""Config group `export`: the ONNX graphs and how close to PyTorch they must be."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option

QUANTIZATIONS = ("int8", "dynamic", "static")


@dataclass
class ExportConfig:
    """Export settings; the tolerances are gates (exit 6)."""

    opset: int = option("ONNX operator set.", 18, minimum=14, maximum=23)
    optimize: bool = option("Add a graph whose operators are fused.", False)
    quantize: str | None = option(
        "Add a graph in 8 bits: activations scaled batch by batch (dynamic), beforehand on rows of "
        "the training split (static), or the faster of the two that passes (int8).",
        None,
        choices=QUANTIZATIONS,
    )
    fp16: bool = option("Add a graph in float16.", False)
    calibration_rows: int = option(
        "Training rows that the scales of quantize=static are found on.", 200, minimum=1
    )
    max_logit_difference: float = option(
        "Largest absolute difference of any logit from PyTorch's, on the whole validation split.",
        1e-3,
        minimum=0,
    )
    min_label_agreement: float = option(
        "Smallest share of validation rows with PyTorch's label.", 1.0, minimum=0, maximum=1
    )
    max_metric_loss: float = option(
        "Largest loss of the monitored metric against PyTorch.", 0.0, minimum=0
    )
    reduced_max_logit_difference: float | None = option(
        "The same limit of the graphs in 8 bits and in float16; null for none.", None, minimum=0
    )
    reduced_min_label_agreement: float = option(
        "Smallest share of rows with PyTorch's label, of these graphs.", 0.97, minimum=0, maximum=1
    )
    reduced_max_metric_loss: float = option(
        "Largest loss of the metric, of these graphs; of an error such as rmse as a share of it.",
        0.02,
        minimum=0,
    )
