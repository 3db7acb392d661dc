"""A study as tables for the terminal."""

import sys
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from mlops_cli.reports.sweep import columns, table
from mlops_cli.schemas.tune import Trial, TuneResult

_MOST_TRIALS = 15
_BAR = 30


def headline(result: TuneResult) -> str:
    """How many trials there are, and the best of them."""
    states = [trial.state for trial in result.trials]
    counts = ", ".join(
        f"{states.count(state)} {state}"
        for state in ("finished", "pruned", "failed", "running")
        if state in states
    )
    said = f"Study {result.study}: {counts}"
    if len(result.best) == 1:
        trial = result.trials[[t.number for t in result.trials].index(result.best[0])]
        return f"{said}; the best is trial {trial.number} with {values(result, trial)}"
    return f"{said}; {len(result.best)} trials are on the Pareto front" if result.best else said


def study(result: TuneResult) -> RenderableType:
    """The best trials, what matters, and where things lie."""
    ranked = ranking(result)
    parts: list[RenderableType] = ["", _trials(result, ranked[:_MOST_TRIALS])]
    if len(ranked) > _MOST_TRIALS:
        parts.append(Text(f"… and {len(ranked) - _MOST_TRIALS} more: --json", style="dim"))
    for objective, shares in result.importance.items():
        parts += ["", Text(f"What {objective} depends on", style="bold"), _bars(shares)]
    kept = [path for path in (result.experiment, *result.files) if path is not None]
    if kept:
        parts += ["", *(Text(str(path), style="dim") for path in kept)]
    return Group(*parts, "")


def values(result: TuneResult, trial: Trial) -> str:
    """The objectives of a trial in words."""
    pairs = zip(result.objectives, trial.values, strict=True)
    return ", ".join(f"{name} {value:.4f}" for name, value in pairs)


def ranking(result: TuneResult) -> list[Trial]:
    """The trials, the best first: the Pareto front, then by the first objective."""
    sign = -1 if result.directions[0] == "maximize" else 1

    def place(trial: Trial) -> tuple[bool, bool, float]:
        value = trial.values[0] if trial.values else 0.0
        return trial.number not in result.best, not trial.values, sign * value

    return sorted(result.trials, key=place)


def shown(value: object) -> str:
    """A setting or figure in a few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _trials(result: TuneResult, trials: Sequence[Trial]) -> RenderableType:
    keys = columns([trial.settings for trial in trials])
    drawn = table()
    for name in ("trial", *result.objectives, *keys, "epochs", "run"):
        drawn.add_column(name, justify="left" if name in (*keys, "run") else "right")
    for trial in trials:
        figures = [f"{value:.4f}" for value in trial.values] or [
            trial.state,
            *[""] * (len(result.objectives) - 1),
        ]
        drawn.add_row(
            str(trial.number),
            *figures,
            *(shown(trial.settings.get(key, "")) for key in keys),
            str(len(trial.reports) or ""),
            Text(f"{trial.run}  {trial.error}".rstrip(), style="red" if trial.error else ""),
            style="bold" if trial.number in result.best else "",
        )
    return drawn


def _bars(shares: dict[str, float]) -> RenderableType:
    """A bar for each setting; the longest is the most important."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    drawn = table()
    for _ in range(3):
        drawn.add_column("")
    drawn.show_header = False
    longest = max(shares.values(), default=1.0) or 1.0
    for name, share in shares.items():
        length = round(share / longest * _BAR)
        drawn.add_row(name, Text(("█" if unicode else "#") * length, style="cyan"), f"{share:.0%}")
    return drawn
