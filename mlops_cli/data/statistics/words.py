"""The last pass, over each column of texts alone: its words."""

from dataclasses import dataclass

from mlops_cli.data.engine import Engine
from mlops_cli.data.statistics.layout import Layout, spaced

_MOST = 1_000
_AROUND = r""".,;:!?"'()[]{}<>«»“”„‘’…—–-*/|#&_`~=+。、！？，：；（）「」"""  # noqa: RUF001 - signs of many scripts


@dataclass(frozen=True)
class Words:
    """The words of one column of texts.

    Attributes:
        total: How many there are.
        vocabulary: Different ones.
        counts: How often each of the most frequent ones occurs, the most frequent first.
    """

    total: int
    vocabulary: int
    counts: dict[str, int]


def measure(engine: Engine, layout: Layout, name: str, description: str) -> Words:
    """Counts the words of a column, in small letters and without punctuation around them."""
    value = f"t{list(layout.columns).index(name)}"
    around = _AROUND.replace("'", "''")
    # Signs are cut off the few different tokens, not off each word of every text. A condition on
    # words would be moved down to every text by the engine, so what is left empty goes at the end.
    sql = f"""
        WITH tokens AS (
            SELECT token, count(*) AS rows
            FROM (SELECT unnest(string_split({spaced(value)}, ' ')) AS token FROM {layout.source})
            GROUP BY token
        ), words AS (
            SELECT trim(lower(token), '{around}') AS word, sum(rows)::BIGINT AS rows
            FROM tokens GROUP BY word
        )
        SELECT word, rows, count(*) FILTER (word <> '') OVER (),
            (sum(rows) FILTER (word <> '') OVER ())::BIGINT
        FROM words ORDER BY rows DESC, word LIMIT {_MOST}
    """
    answer = engine.run(sql, description=description)
    if not answer:
        return Words(0, 0, {})
    counts = {word: rows for word, rows, _, _ in answer if word}
    return Words(answer[0][3] or 0, answer[0][2], counts)
