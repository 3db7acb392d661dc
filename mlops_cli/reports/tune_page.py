"""Pictures of a study, and one page that holds them all."""

import base64
import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize

from mlops_cli.files import atomic_path
from mlops_cli.reports import page
from mlops_cli.reports.figures import drawing
from mlops_cli.reports.sweep import columns
from mlops_cli.reports.tune import headline, ranking, shown
from mlops_cli.schemas.tune import Trial, TuneResult

_BLUE, _ORANGE, _GREY = "#3b6fb6", "#d9803b", "#9aa3ad"
_COLOURS = "viridis"


def write(result: TuneResult) -> list[Path]:
    """Writes the pictures that there is something to show in, and report.html, which needs none.

    Args:
        result: The study; all lies in its folder.
    """
    finished = [trial for trial in result.trials if trial.values]
    drawn: list[tuple[str, Path]] = []
    pictures: list[tuple[str, str, Callable[[Path, TuneResult, Sequence[Trial]], None]]] = [
        ("history.png", "The trials in order, and the best so far", _history),
        ("parallel.png", "Each trial as a line through its settings", _parallel),
    ]
    if result.importance:
        pictures.append(
            ("importance.png", "What each setting explains of the result (PED-ANOVA)", _importance)
        )
    if len(result.objectives) > 1:
        pictures.append(("pareto.png", "The Pareto front", _pareto))
    for name, caption, draw in pictures if finished else []:
        with atomic_path(result.path / name) as temporary:
            draw(temporary, result, finished)
        drawn.append((caption, result.path / name))
    report = result.path / "report.html"
    page.write(report, f"Study {result.study}", _parts(result, drawn))
    return [report, *(path for _, path in drawn)]


def _parts(result: TuneResult, drawn: Sequence[tuple[str, Path]]) -> list[str]:
    parts = [f"<p>{escape(headline(result))}</p>"]
    parts.append(
        f'<p class="dim">Sampler {escape(result.sampler)}, pruner {escape(result.pruner)}; '
        + escape(
            ", ".join(f"{d} {o}" for o, d in zip(result.objectives, result.directions, strict=True))
        )
        + "</p>"
    )
    if result.next_words:
        parts.append(f"<p><code>{escape('mlops train ' + ' '.join(result.next_words))}</code></p>")
    for caption, path in drawn:
        content = base64.b64encode(path.read_bytes()).decode()
        parts.append(
            f'<figure style="max-width:62rem"><img style="max-width:100%" alt="{escape(caption)}" '
            f'src="data:image/png;base64,{content}"><figcaption>{escape(caption)}</figcaption>'
            "</figure>"
        )
    keys = columns([trial.settings for trial in result.trials])
    rows = [
        [
            str(trial.number),
            trial.run,
            trial.state,
            trial.error,
            *(f"{value:.4f}" for value in trial.values or [math.nan] * len(result.objectives)),
            *(shown(trial.settings.get(key, "")) for key in keys),
            f"{trial.seconds:.1f}",
        ]
        for trial in ranking(result)
    ]
    headings = ["trial", "run", "state", "error", *result.objectives, *keys, "seconds"]
    parts.append(page.table("Trials, the best first", headings, rows, words=4))
    return parts


def _history(path: Path, result: TuneResult, finished: Sequence[Trial]) -> None:
    with drawing(path, 8, 2.8 * len(result.objectives) + 0.6) as figure:
        every = figure.subplots(len(result.objectives), 1, squeeze=False)[:, 0]
        for place, (axes, name) in enumerate(zip(every, result.objectives, strict=True)):
            numbers = [trial.number for trial in finished]
            values = np.array([trial.values[place] for trial in finished])
            running = np.maximum if result.directions[place] == "maximize" else np.minimum
            axes.plot(numbers, values, "o", color=_BLUE, label="trial")
            axes.step(
                numbers,
                running.accumulate(values),
                where="post",
                color=_ORANGE,
                label="best so far",
            )
            for trial in result.trials:
                if trial.state == "pruned" and trial.reports and place == 0:
                    axes.plot(trial.number, trial.reports[-1], "x", color=_GREY)
            axes.set(xlabel="trial (x: ended early)", ylabel=name)
            axes.legend(loc="best")


def _parallel(path: Path, result: TuneResult, finished: Sequence[Trial]) -> None:
    """One line for each trial, from setting to setting, coloured by the first objective."""
    keys = columns([trial.settings for trial in finished])
    scores = np.array([trial.values[0] for trial in finished])
    axes_values = [
        _positions([trial.settings[key] for trial in finished], key, result) for key in keys
    ]
    low, high = float(scores.min()), float(scores.max())
    spread = (scores - low) / (high - low) if high > low else np.full(len(scores), 0.5)
    names = [*keys, result.objectives[0]]
    ticks = [*(ticks for _, ticks in axes_values), [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]]
    lines = np.array([*(positions for positions, _ in axes_values), spread]).T
    norm = Normalize(low, high if high > low else low + 1)
    with drawing(path, max(6.0, 1.9 * len(names) + 1.5), 4.8) as figure:
        axes = figure.add_subplot()
        better = scores if result.directions[0] == "maximize" else -scores
        for row in np.argsort(better):  # the best last, on top
            colour = colormaps[_COLOURS](norm(scores[row]))
            best = finished[row].number in result.best
            axes.plot(
                range(len(names)), lines[row], color=colour, linewidth=2.6 if best else 1.1,
                alpha=1.0 if best else 0.65,
            )  # fmt: skip
        for place, marks in enumerate(ticks):
            axes.axvline(place, color=_GREY, linewidth=0.8)
            for position, text in marks:
                axes.annotate(
                    text, (place, position), xytext=(4, 0), textcoords="offset points",
                    fontsize=8, va="center",
                )  # fmt: skip
        logarithmic = [f"{name} (log)" if name in result.logarithmic else name for name in names]
        axes.set_xticks(range(len(names)), logarithmic)
        axes.set(yticks=[], xlim=(-0.15, len(names) - 0.6), title=f"Study {result.study}")
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)


def _positions(
    values: Sequence[Any], key: str, result: TuneResult
) -> tuple[list[float], list[tuple[float, str]]]:
    """Where each value lies on its axis, from 0 to 1, and the marks of the axis."""
    if any(isinstance(value, str) for value in values):
        names = sorted(set(map(str, values)))
        most = max(len(names) - 1, 1)
        places = {name: number / most for number, name in enumerate(names)}
        return [places[str(value)] for value in values], [(at, name) for name, at in places.items()]
    scale = math.log if key in result.logarithmic else float
    numbers = [scale(value) for value in values]
    low, high = min(numbers), max(numbers)
    width = high - low or 1.0
    back = math.exp if key in result.logarithmic else float
    marks = [(part, f"{back(low + part * (high - low)):.3g}") for part in (0.0, 0.5, 1.0)]
    return [(number - low) / width for number in numbers], marks if high > low else marks[:1]


def _importance(path: Path, result: TuneResult, finished: Sequence[Trial]) -> None:
    names = columns(list(result.importance.values()))  # type: ignore[arg-type]
    height = 0.8 / len(result.importance)
    with drawing(path, 7, 1.2 + 0.5 * len(names)) as figure:
        axes = figure.add_subplot()
        for place, (objective, shares) in enumerate(result.importance.items()):
            rows = [number + place * height for number in range(len(names))]
            widths = [shares.get(name, 0.0) for name in names]
            axes.barh(
                rows, widths, height, label=objective, color=(_BLUE, _ORANGE, _GREY)[place % 3]
            )
        middle = (len(result.importance) - 1) * height / 2
        axes.set_yticks([number + middle for number in range(len(names))], names)
        axes.invert_yaxis()
        axes.set(xlabel="share of the variance explained", xlim=(0, 1))
        axes.legend(loc="lower right")


def _pareto(path: Path, result: TuneResult, finished: Sequence[Trial]) -> None:
    """The first two objectives; the front as a line."""
    front = sorted(
        (trial for trial in finished if trial.number in result.best), key=lambda t: t.values[0]
    )
    with drawing(path, 6.5, 5) as figure:
        axes = figure.add_subplot()
        axes.plot(*_pairs(finished), "o", color=_GREY, label="trial")
        axes.plot(*_pairs(front), "o-", color=_ORANGE, label="Pareto front")
        for trial in front:
            axes.annotate(
                str(trial.number), (trial.values[0], trial.values[1]), xytext=(4, 4),
                textcoords="offset points", fontsize=8,
            )  # fmt: skip
        axes.set(xlabel=result.objectives[0], ylabel=result.objectives[1])
        axes.legend(loc="best")


def _pairs(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    return [trial.values[0] for trial in trials], [trial.values[1] for trial in trials]
