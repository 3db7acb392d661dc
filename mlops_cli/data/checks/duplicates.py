"""Checks of rows by a hash of their input: repeats, contradictions, leakage between splits.

The input is the text, exactly as it is; of files, their bytes; of a table without text, its
features, else all columns but the label. The hash has 64 bits: among ten million rows, a false
repeat has a chance of 3 in a million.
"""

from collections.abc import Iterator

from mlops_cli.data.checks import EXAMPLES, Finding, Inspection, Part, sample
from mlops_cli.data.engine import quoted
from mlops_cli.data.splits import leak_sentence
from mlops_cli.wording import counted

NAMES: tuple[str, ...] = (
    "empty_texts",
    "missing_labels",
    "duplicates",
    "conflicting_labels",
    "leakage",
)


def key_sql(part: Part) -> str:
    """The hash of a row's input, NULL where it is missing."""
    if part.content:
        return f"hash({part.as_text(part.content)})"
    if part.text:
        text = part.as_text(part.text)
        return f"CASE WHEN {_has_text(part)} THEN hash({text}) END"
    texts = [part.as_text(name) for name in part.inputs]
    if part.features is not None:  # Training reads them so.
        texts = [f"COALESCE(trim({text}), '')" for text in texts]
    columns = ", ".join(texts)
    return f"hash({columns})" if columns else "NULL"


def find(inspection: Inspection) -> Iterator[Finding]:
    """Looks into every part by itself, then for inputs of earlier parts in later ones."""
    for part in inspection.parts:
        if inspection.wants("empty_texts", "missing_labels"):
            yield from _missing(inspection, part)
        if inspection.wants("duplicates", "conflicting_labels"):
            yield from _repeats(inspection, part)
    if inspection.wants("leakage"):
        for position, part in enumerate(inspection.parts):
            for earlier in inspection.parts[:position]:
                yield from _leaks(inspection, part, earlier)


def _has_text(part: Part) -> str:
    text = part.as_text(part.text or "")
    return f"COALESCE(regexp_matches({text}, '[^\\s\\p{{Z}}]'), false)"


def _missing(inspection: Inspection, part: Part) -> Iterator[Finding]:
    counts = inspection.engine.run(
        f"SELECT count(*) FILTER (key IS NULL), count(*) FILTER (label IS NULL) FROM {part.keys}"
    )[0]
    conditions = {
        "empty_texts": (part.text, counts[0], f"NOT {_has_text(part)}" if part.text else ""),
        "missing_labels": (part.label, counts[1], f"{part.label_text} IS NULL"),
    }
    for name, (column, count, condition) in conditions.items():
        if column is None or not count:
            continue
        what = "text" if name == "empty_texts" else "label"
        shown = part.label_text if what == "text" else part.as_text(part.text or column)
        yield Finding(
            name,
            part,
            f"{counted(count, 'row')} without {what}",
            count,
            part.rows,
            f"fill in the {what} or remove the row: training refuses it",
            column,
            sample(inspection, part, condition, f"COALESCE({shown}, '')"),
        )


def _groups(part: Part) -> str:
    return (
        "(SELECT key, count(*) AS n, min(row, 2) AS rows, min(label) AS least, max(label) AS most "
        f"FROM {part.keys} WHERE key IN (SELECT key FROM {part.keys} WHERE key IS NOT NULL "
        "GROUP BY key HAVING count(*) > 1) GROUP BY key)"
    )


def _repeats(inspection: Inspection, part: Part) -> Iterator[Finding]:
    filled, distinct = inspection.engine.run(
        f"SELECT count(key), count(DISTINCT key) FROM {part.keys}",
        description=f"looking for repeated rows in {part.name}",
    )[0]
    count = filled - distinct
    if not count:
        return
    what = "text" if part.text else "input"
    if inspection.wants("duplicates"):
        yield Finding(
            "duplicates",
            part,
            f"{counted(count, 'row')} with {_a(what)} that is there before",
            count,
            part.rows,
            "keep one of each, or leave them if they are meant to weigh more",
            part.text,
            _examples(inspection, part, f"SELECT rows FROM {_groups(part)}"),
        )
    if not inspection.wants("conflicting_labels") or part.label is None:
        return
    conflicts, rows = inspection.engine.run(
        f"SELECT count(*), COALESCE(sum(n), 0) FROM {_groups(part)} WHERE least <> most"
    )[0]
    if conflicts:
        yield Finding(
            "conflicting_labels",
            part,
            f"{counted(conflicts, what)} with different labels, in {counted(int(rows), 'row')}",
            conflicts,
            distinct,
            "decide on one label for each: mlops data label-errors",
            part.label,
            _examples(inspection, part, f"SELECT rows FROM {_groups(part)} WHERE least <> most"),
        )


def _leaks(inspection: Inspection, part: Part, earlier: Part) -> Iterator[Finding]:
    within = f"key IN (SELECT key FROM {earlier.keys} WHERE key IS NOT NULL)"
    count, rows = inspection.engine.run(
        f"SELECT count(*), min(row, {EXAMPLES}) FROM {part.keys} WHERE {within}",
        description=f"looking for rows of {earlier.name} in {part.name}",
    )[0]
    if not count:
        return
    yield Finding(
        "leakage",
        part,
        leak_sentence(count, part.rows, part.name, earlier.name),
        count,
        part.rows,
        f"remove them from {earlier.name}, or split anew: mlops data split",
        part.text,
        _shown(inspection, part, [[int(row)] for row in rows]),
    )


def _examples(inspection: Inspection, part: Part, sql: str) -> list[tuple[list[int], str]]:
    """The first groups of equal rows: two row numbers and the input."""
    found = inspection.engine.run(f"{sql} ORDER BY rows LIMIT {EXAMPLES}")
    return _shown(inspection, part, [[int(row) for row in rows] for (rows,) in found])


def _shown(
    inspection: Inspection, part: Part, groups: list[list[int]]
) -> list[tuple[list[int], str]]:
    """What the first row of each group holds, then its labels where they differ."""
    wanted = ", ".join(str(row) for group in groups for row in group)
    value = (
        part.as_text(part.text)
        if part.text
        else "concat_ws(', ', " + ", ".join(quoted(name) for name in part.inputs) + ")"
    )
    rows = inspection.engine.run(
        f'SELECT "#row", {value}, {part.label_text} FROM {part.numbered} WHERE "#row" IN ({wanted})'
    )
    values = {row: (text, label) for row, text, label in rows}
    examples = []
    for group in groups:
        labels = list(dict.fromkeys(str(values[row][1]) for row in group))
        differing = f"{' or '.join(labels)}: " if len(labels) > 1 else ""
        examples.append((group, differing + str(values[group[0]][0])))
    return examples


def _a(word: str) -> str:
    return f"an {word}" if word == "input" else f"a {word}"
