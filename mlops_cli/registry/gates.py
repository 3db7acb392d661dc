"""What a version must prove before it enters a stage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli import data
from mlops_cli import gates as conditions
from mlops_cli.data.examples import Examples
from mlops_cli.data.fitting import refuse_lacking
from mlops_cli.errors import GateError, NotFoundError
from mlops_cli.registry import records, storage, trusting
from mlops_cli.registry.refusing import SIGNED
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import DataConfig
from mlops_cli.schemas.registry import RegistryConfig
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.schemas.versions import Check, Version
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import own_code
from mlops_cli.serving.bundle import Bundle
from mlops_cli.serving.runtime import Predictor
from mlops_cli.wording import counted

_ROUNDING = 1e-5
"""Share of a metric, or of 1, that float32 sums in another order explain."""


@dataclass(frozen=True)
class Gates:
    """Everything that is needed to judge.

    Attributes:
        repository: Where the versions are.
        settings: The limits.
        overrides: What was typed: of the data that both answer, for one.
        reporter: Told of progress.
    """

    repository: Repository
    settings: RegistryConfig
    overrides: Sequence[str]
    reporter: Reporter

    def judge(self, version: Version, stage: str, present: Version | None) -> list[Check]:
        """What each gate says; those that take long are left out where a quick one fails.

        Args:
            version: The version that wants in.
            stage: The stage that it is compared with.
            present: The version that is there now; None where there is none.

        Raises:
            MlopsError: The bytes or the data can't be had.
        """
        record = records.read(self.repository, version)
        bundle = self._bundle(version, record)
        files = len(record["bundle"]["files"])
        checks = [Check("bytes", True, f"{files} files are those that were registered")]
        checks.append(parity(record))
        if changed := own_code.changes(bundle, self.repository.root):
            checks.append(Check("code", False, f"{changed.message} ({changed.hint})"))
        if present is not None:
            before = records.read(self.repository, present)
            checks.append(signature(record, before, present, stage))
        if all(check.passed for check in checks):
            checks += self._metrics(bundle, version, record, present)
        return checks

    def _bundle(self, version: Version, record: dict[str, Any]) -> Bundle:
        folder = storage.ensure(self.repository, version, record, self.reporter)
        return bundles.load(folder, verify=False)  # It was, a moment ago.

    def _metrics(
        self, bundle: Bundle, version: Version, record: dict[str, Any], present: Version | None
    ) -> list[Check]:
        """The version's figures, against the conditions of the config and the present version."""
        config = self._config(version, record)
        split = self.settings.split
        bars = conditions.bars(config.gates, root=self.repository.root, split=split)
        if present is None and not bars:
            return []  # Nothing to hold the figures against: they are those of its export.
        examples = self._examples(config, split)
        found = figures(bundle, examples, config.data, self.reporter, version.name)
        checks = self._learnt(record, split, examples, version)
        checks += [
            Check(
                one.metric, one.passed, f"{one.value:.4f}, must be {conditions.explain(one)}",
                _finite(one.value), _finite(one.threshold),
            )
            for one in conditions.check(bars, found)
        ]  # fmt: skip
        if present is not None:
            theirs = records.read(self.repository, present)
            other = self._bundle(present, theirs)
            before = figures(other, examples, config.data, self.reporter, present.name)
            monitor = str(record["parity"].get("monitor"))
            against = self.settings.against
            where = f" in {against}" if against in present.stages else ""
            whose = f"{present.name}{where}, {counted(len(examples), 'row')} of {split}"
            check = self._compared(monitor, found, before, whose)
            if known := _maybe_known(theirs, split, examples, present):
                check = replace(check, said=f"{check.said}; {known}")
            checks.append(check)
        return checks

    def _learnt(
        self, record: Mapping[str, Any], split: str, examples: Examples, version: Version
    ) -> list[Check]:
        """That the version may have learnt some rows, for the log too; nothing where it has not."""
        known = _maybe_known(record, split, examples, version)
        if not known:
            return []
        self.reporter.warn(known)
        return [Check("data", True, known)]

    def _compared(
        self, monitor: str, found: Mapping[str, float], before: Mapping[str, float], whose: str
    ) -> Check:
        """The monitored metric of both."""
        value, bound = found.get(monitor, math.nan), before.get(monitor, math.nan)
        higher = HIGHER_IS_BETTER.get(monitor, True)
        loss = bound - value if higher else value - bound
        size = abs(bound)
        most = self.settings.max_metric_loss * (1.0 if higher else size)
        # A figure that the present version has not got either is no reason; else a NaN fails.
        passed = loss <= most + _ROUNDING * max(1.0, size) or math.isnan(bound)
        limit = f"registry.max_metric_loss={self.settings.max_metric_loss:g}"
        said = f"{value:.4f}, {bound:.4f} of {whose}" + ("" if passed else f"; {limit}")
        return Check(monitor, passed, said, _finite(value), _finite(bound))

    def _config(self, version: Version, record: dict[str, Any]) -> Config:
        """The config of the version's run, or the project's where that was not recorded."""
        root = self.repository.root
        text = records.config_text(self.repository, version, record)
        if text is None:
            return configs.load(self.overrides, root=root)
        return configs.load_for_run(text, self.overrides, root=root)

    def _examples(self, config: Config, split: str) -> Examples:
        splits = data.load(config.data, config.seed, self.reporter).named()
        if split not in splits:
            raise NotFoundError(
                f"the data has no {split} split", hint=f"registry.split={next(iter(splits))}"
            )
        return splits[split]


def figures(
    bundle: Bundle, examples: Examples, config: DataConfig, reporter: Reporter, name: str
) -> dict[str, float]:
    """Every metric of a bundle's answers to some rows, which the config group `data` describes.

    Raises:
        DataError: The rows have targets that the model can't answer with, or lack a column.
    """
    predictor = Predictor(bundle)
    refuse_lacking(examples, predictor.task.encoder, config)
    rows = examples.encoded(predictor.task.encoder)
    targets = predictor.task.head.targets(examples.targets, rows)
    with reporter.task(f"answering with {name}", len(examples)) as progress:
        outputs = predictor.outputs(examples.inputs, rows, advance=progress.advance)
    return predictor.task.head.metrics(outputs, targets)


def signed(folder: Path, version: Version, settings: RegistryConfig) -> list[Check]:
    """Whether somebody who is trusted signed a version; nothing where nobody is."""
    trust, warned = trusting.of(settings), list[str]()
    if not trust:
        return []
    try:
        signer = trust.check(folder, warned.append, called=version.name)
    except GateError as error:
        return [Check(SIGNED, False, error.message)]
    return [Check(SIGNED, True, f"by {signer.words}" if signer else warned[0])]


def parity(record: Mapping[str, Any]) -> Check:
    """Whether the bundle was shown to answer as the model that was trained."""
    found = record["parity"]
    rows, agreement = found.get("rows"), found.get("label_agreement")
    if not isinstance(rows, int) or rows < 1 or not isinstance(agreement, float | int):
        return Check("parity", False, "the bundle has no figures of its export")
    said = f"{agreement:.2%} of {rows:,} answers are PyTorch's"
    return Check("parity", True, said, float(agreement))


def signature(
    record: Mapping[str, Any], before: Mapping[str, Any], present: Version, stage: str
) -> Check:
    """Whether those who ask the stage can ask the new version the same way."""
    ours, theirs = record["signature"], before["signature"]
    said = []
    for part in ("task", "kind", "inputs"):
        if ours[part] != theirs[part]:
            said.append(f"{part} {_words(ours[part])} instead of {_words(theirs[part])}")
    gone = [label for label in theirs["labels"] if label not in ours["labels"]]
    come = [label for label in ours["labels"] if label not in theirs["labels"]]
    said += [f"no label {_words(gone)}"] * bool(gone) + [f"new label {_words(come)}"] * bool(come)
    if not said:
        return Check("signature", True, f"columns and labels are those of {present.name}")
    return Check("signature", False, f"{'; '.join(said)} (as {present.name} in {stage} has it)")


def _maybe_known(
    record: Mapping[str, Any], split: str, examples: Examples, version: Version
) -> str:
    """That a version may have learnt some of the rows, where its own split had others; or nothing.

    A figure of rows that a model was trained on flatters it, and bars what is better.
    """
    own = record["data"]["fingerprints"].get(split)
    if own is None or own == examples.fingerprint():
        return ""
    return f"{version.name} was trained with another split of data: it may know some of these rows"


def _words(value: Any) -> str:
    listed = list(value) if isinstance(value, list | dict) else [str(value)]
    shown = ", ".join(map(str, listed[:5]))
    return shown + (", …" if len(listed) > 5 else "")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
