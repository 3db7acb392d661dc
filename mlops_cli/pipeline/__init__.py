"""`mlops repro`: the pipeline from data to bundle, of which only what changed runs."""

import contextlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_cli import __version__, project
from mlops_cli import config as configs
from mlops_cli.pipeline import params
from mlops_cli.pipeline.stages import DATA, FORCED, MODEL, PARAMS, Stage, stages
from mlops_cli.reporting import QUIET, Reporter
from mlops_cli.schemas.pipeline import STAGES, ReproResult, StageOutcome
from mlops_cli.versioning import changes, dvc_yaml, lock_file
from mlops_cli.versioning import pipeline as dvc


def run(
    overrides: Sequence[str],
    root: Path,
    reporter: Reporter,
    *,
    stage: str | None = None,
    force: bool = False,
    dry: bool = False,
    quiet: bool = False,
) -> ReproResult:
    """Brings the pipeline up to date, or says what that would take.

    Args:
        overrides: `KEY=VALUE` words as typed.
        root: The project.
        reporter: Told which stage runs.
        stage: The last stage of interest; None for all.
        force: Run every stage, whatever changed.
        dry: Run and write nothing.
        quiet: Let the stages say only warnings and errors.

    Raises:
        ConfigError: A file or an override is wrong.
        NotFoundError: The project has no DVC, or no such stage.
        MlopsError: A stage failed; of the class that its exit code stands for.
    """
    began = time.monotonic()
    config = configs.seen_from_root(configs.load(overrides, root=root), root)
    wanted = {one.name: _written(one) for one in stages(config, root)}
    text = params.render(config)
    if dry:
        plan = changes.explain(root, wanted, params.parse(text), stage)
        outcomes = _expected(plan, force=force)
    else:
        # Two at once would run stages with each other's settings.
        with dvc.alone(root):
            lock_file.mend(root, reporter)
            params.write(root, text)
            if dvc_yaml.write_stages(root, wanted, __version__):
                reporter.info(f"wrote the stages of mlops {__version__} into {dvc_yaml.FILE}")
            plan = changes.explain(root, wanted, params.parse(text), stage)
            outcomes = _update(root, plan, stage, reporter, force=force, quiet=quiet)
    return ReproResult(
        stages=outcomes,
        dry=dry,
        run=_run_id(root),
        commit=[] if dry else project.uncommitted(root, _for_git(root, plan)),
        seconds=round(time.monotonic() - began, 2),
    )


def _update(
    root: Path,
    plan: changes.Plan,
    stage: str | None,
    reporter: Reporter,
    *,
    force: bool,
    quiet: bool,
) -> list[StageOutcome]:
    """Runs what is out of date."""
    if plan.nothing and not force:
        return [StageOutcome(name, "unchanged") for name in plan.why if not _is_data(name)]
    environment = {FORCED: "1"} if force else {}
    environment |= {QUIET: "1"} if quiet else {}
    return dvc.reproduce(root, plan, stage, reporter, force=force, environment=environment)


def _written(stage: Stage) -> dict[str, Any]:
    """A stage as `dvc.yaml` writes it."""
    outs: list[Any] = list(stage.outs)
    outs += [{name: {"cache": False}} for name in stage.facts if name != stage.metrics]
    entries = {
        "desc": STAGES[stage.name],
        "cmd": stage.command,
        "deps": stage.deps,
        "params": stage.params,
        "outs": outs,
        "metrics": [{stage.metrics: {"cache": False}}] if stage.metrics else [],
    }
    return {key: value for key, value in entries.items() if value}


def _is_data(name: str) -> bool:
    """Whether this is no stage, but a file of DVC's that holds data."""
    return name.endswith(".dvc")


def _expected(plan: changes.Plan, *, force: bool) -> list[StageOutcome]:
    """What running the plan would do."""
    moving: set[str] = set()
    outcomes = []
    for name, reasons in plan.why.items():
        if _is_data(name):
            continue
        upstream = [f"{other} runs before" for other in plan.after[name] if other in moving]
        own = [*reasons, *(["forced"] if force else [])]
        status = "would run" if own else "might run" if upstream else "unchanged"
        moving.update([name] if own or upstream else [])
        outcomes.append(StageOutcome(name, status, why=[*own, *upstream]))
    return outcomes


def _run_id(root: Path) -> str | None:
    """Id of the run whose model the pipeline holds."""
    file = root / MODEL / "run.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(file.read_text("utf-8"))["id"])
    return None


def _for_git(root: Path, plan: changes.Plan) -> list[str]:
    """Files of the pipeline that belong into git."""
    folder = (root / DATA).parent
    facts = [file.relative_to(root).as_posix() for file in folder.glob("*") if file.is_file()]
    return [
        dvc_yaml.FILE,
        "dvc.lock",
        PARAMS,
        *facts,
        *(name for name in plan.why if _is_data(name)),
    ]
