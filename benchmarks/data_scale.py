"""Measures what looking at ten million rows costs: peak memory and seconds of `mlops data`.

    python benchmarks/data_scale.py [--rows 10000000] [--only validate] [--formats parquet,csv]

The table is generated, with a known number of faults, in a temporary folder (about 1.5 GB for ten
million rows) that is deleted at the end. Every command runs in a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

MLOPS = str(Path(sys.executable).parent / "mlops")
COMMANDS = {
    "validate": ["data", "validate", "data=file", "data.path={path}"],
}
"""What is measured, as it is typed; {path} is the table."""

GOAL_MB = 2048

_WORDS = 20_000
_TABLE = """
    SELECT
        i AS id,
        CASE
            -- One row in a thousand repeats the row before, one nearly does.
            WHEN i % 1000 = 1 THEN sentence(i - 1)
            WHEN i % 1000 = 3 THEN replace(sentence(i - 1), 'a', 'A') || ' !'
            WHEN i % 100000 = 5 THEN sentence(i) || ' cafÃ©'
            WHEN i % 100000 = 6 THEN sentence(i) || '<br />'
            ELSE sentence(i)
        END AS text,
        ['bad', 'fair', 'good'][CAST(1 + hash(i // 2, 'label') % 3 AS BIGINT)] AS label,
        round(hash(i, 'price') % 100000 / 100, 2) AS price,
        CASE
            WHEN i % 50 > 0
            THEN ['red', 'green', 'blue'][CAST(1 + hash(i, 'hue') % 3 AS BIGINT)]
        END AS hue,
        DATE '2020-01-01' + CAST(hash(i, 'day') % 1500 AS INTEGER) AS day
    FROM range({rows}) AS source(i)
"""


def generate(folder: Path, rows: int, formats: list[str]) -> list[Path]:
    """Writes the table in each format; words are as unequally frequent as those of a language."""
    paths = []
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '2GB'")
        connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
        connection.execute(
            "SET VARIABLE words = (SELECT list(substr(translate(md5(CAST(i AS VARCHAR)), "
            "'0123456789', 'ghijklmnop'), 1, CAST(2 + hash(i) % 8 AS INTEGER))) "
            f"FROM range({_WORDS}) AS source(i))"
        )
        connection.execute(
            "CREATE MACRO sentence(i) AS array_to_string(list_transform(range(6 + "
            "CAST(hash(-1 - i) % 11 AS BIGINT)), lambda k: getvariable('words')[1 + "
            f"CAST(floor({_WORDS} * pow(hash(100 * i + k) / 18446744073709551616.0, 3)) "
            "AS BIGINT)]), ' ')"
        )
        for name in formats:
            path = folder / f"table.{name}"
            connection.execute(f"COPY ({_TABLE.format(rows=rows)}) TO '{path}'")
            paths.append(path)
    return paths


def measure(words: list[str], folder: Path) -> tuple[float, float, dict[str, int]]:
    """Seconds, peak memory in MB, and how often each fault was found."""
    began = time.perf_counter()
    output = folder / "result.json"
    with output.open("w") as stream:
        process = subprocess.Popen([MLOPS, *words, "--json"], cwd=folder, stdout=stream)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    found = json.loads(output.read_text() or "{}").get("anomalies", [])
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return seconds, usage.ru_maxrss / unit, {one["name"]: one["count"] for one in found}


def main() -> None:
    """Generates, measures and tells."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", default=",".join(COMMANDS))
    parser.add_argument("--formats", default="parquet,csv")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in generate(folder, options.rows, options.formats.split(",")):
            print(f"{path.name}: {options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
            for command in options.only.split(","):
                words = [word.format(path=path) for word in COMMANDS[command]]
                seconds, megabytes, found = measure(words, folder)
                verdict = "within" if megabytes < GOAL_MB else "beyond"
                print(
                    f"  {command:<10} {seconds:7.1f} s  {megabytes:7,.0f} MB  "
                    f"({verdict} {GOAL_MB:,} MB)"
                )
                for fault, count in found.items():
                    print(f"      {fault}: {count:,}")


if __name__ == "__main__":
    main()
