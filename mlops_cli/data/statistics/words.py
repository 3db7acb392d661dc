"""The last pass, over each column of texts alone: its words."""

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
    """

    total: int
    vocabulary: int
    counts: dict[str, int]


def measure(engine: Engine, layout: Layout, name: str, description: str) -> Words:
    """Counts the words of a column, in small letters and without punctuation around them."""
    value = f"t{list(layout.columns).index(name)}"
    around = _AROUND.replace("'", "''")
    # Lines are split and signs cut off in the few different tokens, not in every text. The engine
    # would move a condition on words down to every text, so what is left empty goes at the end.
    sql = f"""
        WITH tokens AS (
            SELECT token, count(*) AS rows
            FROM (SELECT unnest(string_split({value}, ' ')) AS token FROM {layout.source})
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
            (sum(rows) FILTER (word <> '') OVER ())::BIGINT
        FROM words ORDER BY rows DESC, word LIMIT {_MOST}
    """
    answer = engine.run(sql, description=description)
    if not answer:
        return Words(0, 0, {})
    counts = {word: rows for word, rows, _, _ in answer if word}
    return Words(answer[0][3] or 0, answer[0][2], counts)
