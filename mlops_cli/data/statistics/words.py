"""The last pass, over each column of texts alone, or over the sample of it: its words."""

from dataclasses import dataclass

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import Layout

_MOST = 1_000
_AROUND = r""".,;:!?"'()[]{}<>«»“”„‘’…—–-*/|#&_`~=+。、！？，：；（）「」"""  # noqa: RUF001 - signs of many scripts


@dataclass(frozen=True)
class Words:
    """The words of one column of texts.

    Attributes:
        total: How many there are.
        vocabulary: Different ones.
        counts: How often each of the most frequent ones occurs, the most frequent first.
        sampled: How many texts these are the words of, where not of all.
    """

    total: int
    vocabulary: int
    counts: dict[str, int]
    sampled: int | None


def measure(
    engine: Engine, layout: Layout, name: str, description: str, *, whole: bool = False
) -> Words:
    """Counts the words of a column, in small letters and without punctuation around them.

    Args:
        engine: Where the table is open.
        layout: The table.
        name: The column.
        description: What to call the work beside a progress bar.
        whole: Read all rows, also where there is a sample of them.
    """
    sample = None if whole else layout.sample("text")
    value = f"t{layout.number(name)}"
    around = _AROUND.replace("'", "''")
    # Lines are split and signs cut off in the few different tokens, not in every text. The engine
    # would move a condition on words down to every text, so what is left empty goes at the end.
    sql = f"""
        WITH texts AS MATERIALIZED (
            SELECT {value} AS text FROM {sample or layout.file}
        ), tokens AS (
            SELECT token, count(*) AS rows
            FROM (SELECT unnest(string_split(text, ' ')) AS token FROM texts)
            GROUP BY token
        ), split AS (
            SELECT rows, unnest(CASE WHEN regexp_matches(token, '\\s')
                THEN string_split_regex(token, '\\s+') ELSE [token] END) AS token
            FROM tokens
        ), words AS (
            SELECT trim(lower(token), '{around}') AS word, sum(rows)::BIGINT AS rows
            FROM split GROUP BY word
        )
        SELECT word, rows, count(*) FILTER (word <> '') OVER (),
            (sum(rows) FILTER (word <> '') OVER ())::BIGINT, (SELECT count(text) FROM texts)
        FROM words ORDER BY rows DESC, word LIMIT {_MOST}
    """
    answer = engine.run(sql, description=description)
    if not answer:
        return Words(0, 0, {}, None)
    counts = {word: rows for word, rows, *_ in answer if word}
    _, _, vocabulary, total, texts = answer[0]
    return Words(total or 0, vocabulary, counts, texts if sample else None)
