"""Stage `models card`: the model card of a run, or of a version as it was registered."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from mlops_cli import config as configs
from mlops_cli.errors import DataError, MlopsError
from mlops_cli.registry import names, records
from mlops_cli.registry.reading import opened
from mlops_cli.reports import model_card
from mlops_cli.schemas.card import Card, Subject
from mlops_cli.schemas.registry import RegistryConfig, problems
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import MANIFEST, Bundle
from mlops_cli.tracking import finding
from mlops_cli.tracking.record import Run

PIPELINES = {
    "text_classification": "text-classification",
    "text_pair_classification": "text-classification",
    "multi_label_classification": "text-classification",
    "text_regression": "text-classification",
    "text_similarity": "sentence-similarity",
    "token_classification": "token-classification",
    "image_classification": "image-classification",
    "tabular_classification": "tabular-classification",
    "tabular_regression": "tabular-regression",
}
"""What the hub calls our tasks. To it, a regression on texts is a classification of one class."""
_RAN = ("device", "precision", "epochs", "seconds", "energy")


def of_version(root: Path, words: str) -> Card:
    """The card that a version got when it was registered.

    Raises:
        NotFoundError: There is no such version.
        DataError: It has none: it was registered before versions got one.
    """
    repository, models = opened(root)
    version = names.version(models, words, repository)
    record = records.read(repository, version)
    raw = repository.read(version.commit, records.card_path(version.model))
    expected = record.get("card_sha256")
    if raw is None or hashlib.sha256(raw).hexdigest() != expected:
        raise DataError(
            f"{version.name} was registered without a card",
            hint=f"mlops models card {record['run']}",
        )
    return _card(version.name, raw.decode())


def of_run(root: Path, words: str) -> Card:
    """The card of a run as it is now.

    Raises:
        NotFoundError: There is no such run.
        DataError: Its record can't be read.
    """
    found = finding.find(root, words)
    bundle = bundles.load(found.bundle) if (found.bundle / MANIFEST).is_file() else None
    text = _text(root)
    return _card(found.id, write(found.id, bundle, found, text))


def for_version(
    root: Path, bundle: Bundle, run: Run | None, *, model: str, version: str, signed: str
) -> str:
    """The card of a version that is being registered."""
    title = f"{model} {version}"
    name = f"{model}@{version}"
    return write(title, bundle, run, _text(root), version=name, signed=signed)


def write(
    title: str,
    bundle: Bundle | None,
    run: Run | None,
    text: dict[str, str],
    *,
    version: str = "",
    signed: str = "",
) -> str:
    """A card of whatever is there: a bundle, its run, or both."""
    subject = _subject(title, bundle, run, text, version=version, signed=signed)
    return model_card.markdown(subject, _metadata(subject))


def _text(root: Path) -> dict[str, str]:
    """What people wrote for cards."""
    settings: RegistryConfig = configs.load_group("registry", [], root=root)
    for problem in problems(settings):
        raise problem
    return settings.card


def _card(model: str, text: str) -> Card:
    return Card(model, text, yaml.safe_load(text.split("---\n")[1]))


def _subject(
    title: str,
    bundle: Bundle | None,
    run: Run | None,
    text: dict[str, str],
    *,
    version: str,
    signed: str,
) -> Subject:
    """Everything that is known."""
    ran = run.read() if run else {}
    config = yaml.safe_load(run.config_text()) if run else {}
    config = config if isinstance(config, dict) else {}
    facts = bundle.facts if bundle else {}
    lineage = facts.get("lineage", {})
    evaluations = _evaluations(run, ran) if run else {}
    signature = records.signature(bundle) if bundle else {}
    data = dict(ran.get("data") or {})
    data.setdefault("fingerprints", lineage.get("data") or {})
    given, task = config.get("data") or {}, config.get("task") or {}
    return Subject(
        title=title,
        run=run.id if run else str(lineage.get("run")),
        version=version,
        task=signature.get("task") or task.get("name"),
        kind=signature.get("kind") or task.get("targets"),
        row=str(task.get("inputs", "")),
        inputs=signature.get("inputs", {}),
        labels=signature.get("labels", []),
        max_length=facts.get("max_length"),
        config=config,
        config_sha256=lineage.get("config_sha256") or ran.get("config_sha256"),
        seed=lineage.get("seed", ran.get("seed")),
        data=data,
        dataset=_dataset(given),
        base_model=_base(config),
        rows=_rows(bundle, evaluations),
        figures=_figures(bundle, ran, evaluations),
        evaluations=evaluations,
        parity=facts.get("parity", {}),
        graphs=facts.get("graphs", {}),
        preferred=bundle.preferred if bundle else None,
        environment=records.public(ran.get("environment")),
        ran={name: ran.get(name) for name in _RAN},
        git=lineage.get("git") or ran.get("git"),
        digest=bundle.digest if bundle else None,
        made_by=facts.get("mlops"),
        created=facts.get("created"),
        signed=signed,
        text=text,
    )


def _dataset(given: Mapping[str, Any]) -> str | None:
    """The id of the data set, or its file, without where that lies on this machine."""
    name = given.get("dataset") or given.get("path")
    return Path(name).name if name and Path(name).is_absolute() else name


def _base(config: Mapping[str, Any]) -> str | None:
    """The checkpoint of the hub that the training began with."""
    model = config.get("model") or {}
    checkpoint = model.get("checkpoint")
    return str(checkpoint) if checkpoint and not model.get("path") else None


def _evaluations(run: Run, ran: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `mlops evaluate` found on the run's own splits."""
    own = (ran.get("data") or {}).get("fingerprints") or {}
    found = {}
    for split in ("validation", "test"):
        try:
            content = json.loads((run.evaluation / f"{split}.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and content.get("fingerprint") == own.get(split):
            found[split] = content
    return found


def _rows(bundle: Bundle | None, evaluations: Mapping[str, Any]) -> dict[str, int]:
    found = {split: one["rows"] for split, one in evaluations.items() if "rows" in one}
    if bundle is None:
        return found
    try:
        reference = {"train": int(bundle.reference()["rows"])}
    except (MlopsError, OSError, ValueError, KeyError, TypeError):
        reference = {}
    rows = bundle.facts["parity"].get("rows")
    return {**reference, **({"validation": rows} if rows else {}), **found}


def _figures(
    bundle: Bundle | None, ran: Mapping[str, Any], evaluations: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Metrics by split: those of the bundle, or of the training where there is none."""
    found = {split: one.get("metrics") or {} for split, one in evaluations.items()}
    trained = {
        name.removeprefix("val/"): figure
        for name, figure in (ran.get("metrics") or {}).items()
        if name.startswith("val/")
    }
    validation = bundle.facts["metrics"] if bundle else found.get("validation") or trained
    every = {"validation": validation, **{k: v for k, v in found.items() if k != "validation"}}
    return {
        split: kept
        for split, figures in every.items()
        if (kept := {name: one for name, one in figures.items() if _is_figure(one)})
    }


def _is_figure(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _metadata(subject: Subject) -> str:
    """The YAML at the top, as the hub's own library writes it."""
    text, on_hub = subject.text, subject.data.get("name") == "hub"
    pipeline = PIPELINES.get(subject.task or "")
    language = [word.strip() for word in text.get("language", "").split(",") if word.strip()]
    dataset = subject.dataset if on_hub and subject.dataset else str(subject.data.get("name"))
    results = [
        EvalResult(
            task_type=pipeline or "other",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split=split,
            metric_type=metric,
            metric_value=round(figure, 6),
        )
        for split, figures in subject.figures.items()
        for metric, figure in figures.items()
    ]
    metrics = list(dict.fromkeys(name for found in subject.figures.values() for name in found))
    tags = ["mlops-cli", subject.task, subject.config.get("model", {}).get("name")]
    data = ModelCardData(
        language=language or None,
        license=text.get("license") or model_card.UNKNOWN,
        license_name=text.get("license_name"),
        license_link=text.get("license_link"),
        library_name="onnx" if subject.digest else None,
        tags=[str(tag) for tag in tags if tag],
        pipeline_tag=pipeline,
        datasets=[subject.dataset] if on_hub and subject.dataset else None,
        base_model=subject.base_model,
        metrics=metrics or None,
        model_name=subject.title,
        eval_results=results or None,
    )
    written: str = data.to_yaml()
    return written
