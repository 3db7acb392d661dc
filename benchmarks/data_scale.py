"""Measures `mlops data` on tables of any size beside what else would do the same.

    python benchmarks/data_scale.py [--rows 10000000] [--peer-rows 1000000] [--rounds 3]

Generates the tables, runs every contender in turns, each in a process of its own, and compares
median wall time, rows per second and peak memory. See benchmarks/README.md.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
MLOPS = str(Path(sys.executable).with_name("mlops"))
CONTENDER = str(HERE / "data_contender.py")
GOALS = {
    "stats: times faster than Evidently, same rows": ">= 10",
    "stats: times the hand-written DuckDB": "<= 1.5",
    "stats: peak GB": "<= 2",
    "diff: peak GB": "<= 2",
    "validate: peak GB": "<= 2",
}


@dataclass(frozen=True)
class Job:
    """What is measured: a command on one or two of the generated files."""

    name: str
    command: list[str]
    files: tuple[str, ...]
    full: bool
    """On the full table; the others get one that everybody can hold."""
    prefix: str = ""
    """What is typed before each file, where that is a setting."""


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds, and the largest memory of any."""

    rows: int
    seconds: float
    cpu_seconds: float
    rows_per_second: float
    peak_gb: float


def jobs(peers: str, key: str = "id") -> list[Job]:
    """Every contender, in the order in which they take turns."""
    ours, hand = [MLOPS, "data"], [peers, CONTENDER]
    parquet, csv, pair = ("new.parquet",), ("new.csv",), ("old.parquet", "new.parquet")
    drift = [*ours, "drift", "--json", "-q", "--no-fail"]
    validate = [*ours, "validate", "--json", "-q", "data=file"]
    found = []
    for full in (True, False):
        size = "" if full else " (peer rows)"
        found += [
            Job(f"mlops stats{size}", [*ours, "stats", "--json", "-q"], parquet, full),
            Job(f"duckdb stats{size}", [*hand, "duckdb_stats"], parquet, full),
            Job(f"polars stats{size}", [*hand, "polars_stats"], parquet, full),
            Job(f"mlops diff{size}", [*ours, "diff", "--json", "-q", "--key", key], pair, full),
            Job(f"duckdb diff{size}", [*hand, "duckdb_diff"], pair, full),
            Job(f"mlops drift{size}", drift, pair, full),
        ]
    return [
        *found,
        Job("mlops stats CSV", [*ours, "stats", "--json", "-q"], csv, True),
        Job("duckdb stats CSV", [*hand, "duckdb_stats"], csv, True),
        Job("mlops validate", validate, parquet, True, "data.path="),
        Job("mlops validate CSV", validate, csv, True, "data.path="),
        Job(
            "mlops diff --no-stats",
            [*ours, "diff", "--json", "--no-stats", "--key", key],
            pair,
            True,
        ),
        Job("mlops diff whole rows", [*ours, "diff", "--json", "-q"], pair, True),
        Job("pandas stats (peer rows)", [*hand, "pandas_stats"], parquet, False),
        Job("evidently stats (peer rows)", [*hand, "evidently_stats"], parquet, False),
        Job("pandas diff (peer rows)", [*hand, "pandas_diff"], pair, False),
        Job("evidently drift (peer rows)", [*hand, "evidently_drift"], pair, False),
    ]


def generate(folder: Path, rows: int) -> None:
    """Two versions of a table; in the new one some rows are gone, come, changed, relabelled."""
    from mlops_cli.data.engine import Engine
    from mlops_cli.reporting import SilentReporter

    label = "CASE WHEN hash(i + 7) % 10 < 3 THEN 'bad' WHEN hash(i + 7) % 10 < 8 THEN 'good' "
    new_label = f"CASE WHEN hash(i + 11) % 200 = 0 THEN 'bad' ELSE {label} ELSE 'mixed' END END"
    for name, first, shift, labelled in (
        ("old", 0, 0, f"{label} ELSE 'mixed' END"),
        ("new", rows // 100, 1, new_label),
    ):
        sql = f"""
            SELECT i AS id,
                array_to_string(list_transform(range(4 + (hash(i) % 12)::INT), lambda x: 'w' ||
                    floor(20000 * pow((hash(i * 31 + x) % 1000003) / 1000003.0, 3))::INT), ' ')
                    AS text,
                {labelled} AS label,
                CASE WHEN hash(i + 1) % 20 > 0 THEN (hash(i + 2) % 100000) / 1000.0
                    + CASE WHEN hash(i + 12) % 100 < {shift} THEN 1 ELSE 0 END END AS price,
                (hash(i + 3) % 90)::INT AS age, 'c' || (hash(i + 4) % 40) AS city,
                DATE '2020-01-01' + (hash(i + 5) % 1500)::INT AS day
            FROM range({first}, {first + rows}) t(i)
        """
        with Engine(SilentReporter()) as engine:
            engine.run(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)")
            if name == "new":
                engine.run(f"COPY (FROM '{folder / name}.parquet') TO '{folder / name}.csv'")


def run(job: Job, folder: Path) -> tuple[float, float, float]:
    """Wall time and processor time in seconds, and peak memory in GB, of one run."""
    command = [*job.command, *(f"{job.prefix}{folder / file}" for file in job.files)]
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{job.name} failed:\n{log.read().decode(errors='replace')[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9


def measure(chosen: list[Job], options: argparse.Namespace, folder: Path) -> dict[str, Figures]:
    """Medians of every job, taken in turns."""
    sizes = {True: options.rows, False: options.peer_rows}
    for full in {job.full for job in chosen}:
        (folder / str(full)).mkdir()
        # In a process of its own: a child's peak begins with the memory of its parent.
        maker = multiprocessing.get_context("spawn").Process(
            target=generate, args=(folder / str(full), sizes[full])
        )
        maker.start()
        maker.join()
    found: dict[str, list[tuple[float, float, float]]] = {job.name: [] for job in chosen}
    for _ in range(options.rounds):
        for job in chosen:
            found[job.name].append(run(job, folder / str(job.full)))
            print(f"{job.name:32}{found[job.name][-1][0]:10.2f} s", file=sys.stderr)
    figures = {}
    for job in chosen:
        seconds, cpu = (statistics.median(run[n] for run in found[job.name]) for n in (0, 1))
        rows = sizes[job.full]
        peak = max(memory for _, _, memory in found[job.name])
        figures[job.name] = Figures(rows, seconds, cpu, rows / seconds, peak)
    return figures


def ratios(found: dict[str, Figures]) -> dict[str, float]:
    """The figures that carry over to other machines."""
    pairs = {
        "stats: times faster than Evidently, same rows": ("evidently stats", "mlops stats", True),
        "stats: times faster than pandas, same rows": ("pandas stats", "mlops stats", True),
        "stats: times the hand-written DuckDB": ("mlops stats", "duckdb stats", False),
        "stats: times the hand-written polars": ("mlops stats", "polars stats", False),
        "stats of CSV: times the hand-written DuckDB": (
            "mlops stats CSV",
            "duckdb stats CSV",
            False,
        ),
        "diff: times faster than pandas, same rows": ("pandas diff", "mlops diff", True),
        "diff --no-stats: times the hand-written join": (
            "mlops diff --no-stats",
            "duckdb diff",
            False,
        ),
        "drift: times faster than Evidently, same rows": ("evidently drift", "mlops drift", True),
    }
    told = {}
    for name, (upper, lower, same) in pairs.items():
        size = " (peer rows)" if same else ""
        if upper + size in found and lower + size in found:
            told[name] = found[upper + size].seconds / found[lower + size].seconds
    for name in ("stats", "diff", "drift", "validate"):
        if f"mlops {name}" in found:
            told[f"{name}: peak GB"] = found[f"mlops {name}"].peak_gb
    return told


def main() -> None:
    """Prints tables, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--peer-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each contender")
    parser.add_argument("--only", default="", help="contenders by parts of their names: A,B")
    parser.add_argument(
        "--peers",
        default=str(HERE.parent / "build" / "data-peers" / "bin" / "python"),
        help="Python of the environment that has the peers",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    wanted = [part for part in options.only.split(",") if part]
    chosen = [
        job for job in jobs(options.peers) if not wanted or any(part in job.name for part in wanted)
    ]
    with tempfile.TemporaryDirectory(prefix="data-scale-") as folder:
        found = measure(chosen, options, Path(folder))
    compared = ratios(found)
    if options.json:
        plain = {name: asdict(one) for name, one in found.items()}
        print(json.dumps({"figures": plain, "ratios": compared, "goals": GOALS}))
        return
    print(f"{'contender':32}{'rows':>12}{'seconds':>10}{'CPU s':>9}{'rows/s':>12}{'peak GB':>9}")
    for name, one in found.items():
        print(
            f"{name:32}{one.rows:12,}{one.seconds:10.2f}{one.cpu_seconds:9.2f}"
            f"{one.rows_per_second:12,.0f}{one.peak_gb:9.2f}"
        )
    for name, ratio in compared.items():
        print(f"{name:52}{ratio:8.2f}  {GOALS.get(name, '')}")


if __name__ == "__main__":
    main()
