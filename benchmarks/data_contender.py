"""One measured job of `data_scale.py`, in a process of its own: `data_contender.py NAME FILE…`.

The hand-written ones compute what `mlops data stats` shows, the way a person would type it.
Nothing of ours is imported, so that another environment can run this file.
"""

import sys
from pathlib import Path
from typing import Any

TEXT, CATEGORIES, NUMBERS, DATE = "text", ("label", "city"), ("id", "price", "age"), "day"
SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]
BINS = 24


def duckdb_stats(path: str) -> None:
    """Plain DuckDB: one query for figures, one for each distribution."""
    import duckdb

    run = duckdb.connect().execute
    columns = (TEXT, *CATEGORIES, *NUMBERS, DATE)
    figures = ["count(*)", f"min({DATE}), max({DATE})", f"max(length({TEXT}))"]
    figures += [f"count({name}), approx_count_distinct({name})" for name in columns]
    figures += [
        f"min({name}), max({name}), avg({name}), stddev({name}), "
        f"approx_quantile({name}, {SHARES}), count(*) FILTER ({name} = 0)"
        for name in NUMBERS
    ]
    run(f"SELECT {', '.join(figures)} FROM '{path}'").fetchall()
    whole = ", ".join(columns)
    run(f"SELECT count(*) - count(DISTINCT hash({whole})) FROM '{path}'").fetchall()
    for name in CATEGORIES:
        run(f"SELECT {name}, count(*) FROM '{path}' GROUP BY 1 ORDER BY 2 DESC").fetchall()
    for name in NUMBERS:
        low, high = run(f"SELECT min({name}), max({name}) FROM '{path}'").fetchall()[0]
        place = f"least({BINS - 1}, floor(({name} - {low}) / {(high - low) / BINS}))"
        run(f"SELECT {place}, count(*) FROM '{path}' GROUP BY 1").fetchall()
    run(f"SELECT date_trunc('month', {DATE}), count(*) FROM '{path}' GROUP BY 1").fetchall()
    words = f"len(string_split({TEXT}, ' '))"
    for length in (f"length({TEXT})", words):
        run(f"SELECT {length}, count(*) FROM '{path}' GROUP BY 1").fetchall()
        run(f"SELECT avg({length}), approx_quantile({length}, {SHARES}) FROM '{path}'").fetchall()
    run(
        f"SELECT word, count(*) AS rows, count(*) OVER () FROM "
        f"(SELECT lower(unnest(string_split({TEXT}, ' '))) AS word FROM '{path}') "
        "GROUP BY word ORDER BY rows DESC LIMIT 20"
    ).fetchall()


def polars_stats(path: str) -> None:
    """Plain polars, lazily and streaming."""
    import polars as pl

    scan = pl.scan_parquet if path.endswith(".parquet") else pl.scan_csv
    table = scan(path)
    columns = (TEXT, *CATEGORIES, *NUMBERS, DATE)
    lengths = {"chars": pl.col(TEXT).str.len_chars(), "words": pl.col(TEXT).str.count_matches(" ")}

    def collect(query: Any) -> Any:
        return query.collect(engine="streaming")

    figures = [pl.len(), pl.col(DATE).min(), pl.col(DATE).max().alias("latest")]
    for name in columns:
        column = pl.col(name)
        figures += [column.count().alias(f"{name} count")]
        figures += [column.approx_n_unique().alias(f"{name} distinct")]
    for name, column in {**{name: pl.col(name) for name in NUMBERS}, **lengths}.items():
        figures += [column.min().alias(f"{name} min"), column.max().alias(f"{name} max")]
        figures += [column.mean().alias(f"{name} mean"), column.std().alias(f"{name} std")]
        figures += [column.quantile(share).alias(f"{name} {share}") for share in SHARES]
        figures += [(column == 0).sum().alias(f"{name} zeros")]
    found = collect(table.select(figures)).row(0, named=True)
    collect(table.select(pl.struct(columns).hash().n_unique()))
    for name in CATEGORIES:
        collect(table.group_by(name).len().sort("len", descending=True))
    for name in NUMBERS:
        low, high = found[f"{name} min"], found[f"{name} max"]
        place = ((pl.col(name) - low) / ((high - low) / BINS)).floor()
        collect(table.group_by(place).len())
    collect(table.group_by(pl.col(DATE).cast(pl.Date).dt.truncate("1mo")).len())
    for column in lengths.values():
        collect(table.group_by(column.alias("length")).len())
    words = table.select(pl.col(TEXT).str.to_lowercase().str.split(" ").explode().alias("word"))
    collect(words.group_by("word").len().sort("len", descending=True).head(20))


def pandas_stats(path: str) -> None:
    """pandas, with the whole table in memory."""
    import numpy as np

    table = _frame(path)
    table.describe(percentiles=SHARES, include="all")
    table.nunique()
    table.isna().sum()
    table.duplicated().sum()
    for name in CATEGORIES:
        table[name].value_counts()
    for name in NUMBERS:
        np.histogram(table[name].dropna(), bins=BINS)
        (table[name] == 0).sum()
    words = table[TEXT].str.lower().str.split()
    for length in (table[TEXT].str.len(), words.str.len()):
        length.describe(percentiles=SHARES)
        np.histogram(length, bins=BINS)
    words.explode().value_counts().head(20)


def evidently_stats(path: str) -> None:
    """Evidently's data summary."""
    from evidently import Report
    from evidently.presets import DataSummaryPreset

    Report([DataSummaryPreset()]).run(_dataset(path), None).dict()


def evidently_drift(old: str, new: str) -> None:
    """Evidently's data drift."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    Report([DataDriftPreset()]).run(_dataset(new), _dataset(old)).dict()


def duckdb_diff(old: str, new: str) -> None:
    """Plain DuckDB: rows of the same key that differ, and rows that one version lacks."""
    import duckdb

    same = " AND ".join(
        f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in (TEXT, *CATEGORIES, "price", "age")
    )
    changed = ", ".join(
        f"count(*) FILTER (o.{name} IS DISTINCT FROM n.{name})"
        for name in (TEXT, *CATEGORIES, "price", "age", DATE)
    )
    run = duckdb.connect().execute
    run(
        f"SELECT count(*) FILTER (o.id IS NULL), count(*) FILTER (n.id IS NULL), "
        f"count(*) FILTER (o.id IS NOT NULL AND n.id IS NOT NULL AND NOT ({same})), {changed} "
        f"FROM '{old}' o FULL JOIN '{new}' n ON o.id = n.id"
    ).fetchall()


def pandas_diff(old: str, new: str) -> None:
    """pandas: an outer join by the key, and each column compared."""
    both = _frame(old).merge(_frame(new), on="id", how="outer", indicator=True)
    both["_merge"].value_counts()
    matched = both[both["_merge"] == "both"]
    for name in (TEXT, *CATEGORIES, "price", "age", DATE):
        before, after = matched[f"{name}_x"], matched[f"{name}_y"]
        ((before != after) & ~(before.isna() & after.isna())).sum()


def _frame(path: str) -> Any:
    import pandas as pd

    return pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)


def _dataset(path: str) -> Any:
    from evidently import DataDefinition, Dataset

    definition = DataDefinition(
        text_columns=[TEXT],
        categorical_columns=list(CATEGORIES),
        numerical_columns=list(NUMBERS),
        datetime_columns=[DATE],
    )
    return Dataset.from_pandas(_frame(path), data_definition=definition)


if __name__ == "__main__":
    assert all(Path(path).is_file() for path in sys.argv[2:])
    globals()[sys.argv[1]](*sys.argv[2:])
