"""Config group `export`: the ONNX graph and how close to PyTorch it must be."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option


@dataclass
class ExportConfig:
    """Export settings; the tolerances are gates (exit 6)."""

    opset: int = option("ONNX operator set.", 18, minimum=14, maximum=23)
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
