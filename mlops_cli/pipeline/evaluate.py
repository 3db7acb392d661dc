"""Stage `evaluate`: the metrics of the pipeline's model."""

from pathlib import Path

from mlops_cli import evaluation
from mlops_cli.files import write_json
from mlops_cli.pipeline import model
from mlops_cli.pipeline.stages import METRICS
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.results import EvaluationResult


def run(config: Config, root: Path, reporter: Reporter) -> EvaluationResult:
    """Evaluates on the validation split; `gates.require` makes failed gates an error.

    `pipeline/metrics.json` says nothing of the gates: another condition that the same metrics
    meet changes no file.

    Raises:
        MlopsError: See `evaluation.run`.
    """
    found, settings = model.trained(root, gates=config.gates)
    result = evaluation.run(found, settings, reporter, root=root)
    figures = {
        "split": result.split,
        "rows": result.rows,
        "metrics": result.metrics,
        "baselines": result.baselines,
    }
    write_json(root / METRICS, plain(figures))
    return result
