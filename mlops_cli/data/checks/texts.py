"""Checks of the texts: lengths, broken encodings, invisible characters, scripts, HTML."""

import math
from collections.abc import Iterator

from mlops_cli.data.checks import Finding, Inspection, Part, sample
from mlops_cli.data.engine_files import literal
from mlops_cli.wording import counted

_SECOND_BYTE = r"\x{80}-\x{BF}" + bytes(
    code for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
).decode("cp1252")
"""The second byte of a UTF-8 character, read as Latin-1 or as Windows-1252."""

_TAGS = "a|abbr|b|blockquote|br|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|script|span|strong|"
_TAGS += "style|sub|sup|table|td|th|tr|u|ul"

_PATTERNS = {
    "mojibake": rf"[ÃÂ][{_SECOND_BYTE}]|â€[{_SECOND_BYTE}]|ðŸ[{_SECOND_BYTE}]|ï»¿|ï¿½",
    "replacement_characters": r"\x{FFFD}",
    # Control characters but tab and line ends; marks of direction, and spaces of no width.
    "control_characters": (
        r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}"
        r"\x{200B}\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]"
    ),
    "mixed_scripts": (r"\p{Latin}[\p{Greek}\p{Cyrillic}]|[\p{Greek}\p{Cyrillic}]\p{Latin}"),
    "html": (
        rf"(?i)</?({_TAGS})(\s[^<>]*)?/?>"
        r"|&(amp|lt|gt|quot|nbsp|apos|#[0-9]{1,7}|#x[0-9a-f]{1,6});"
    ),
}
_WORDING = {
    "mojibake": (
        "with UTF-8 read as another encoding",
        "read the source as UTF-8; or repair the texts: pip install ftfy",
    ),
    "replacement_characters": (
        "with characters that were lost in decoding (�)",
        "export the source again as UTF-8, or name its encoding: data.encoding=cp1252",
    ),
    "control_characters": (
        "with invisible control characters",
        "remove them from the source",
    ),
    "mixed_scripts": (
        "with a word that mixes Latin with Greek or Cyrillic letters",
        "look for letters that only look alike, and replace them",
    ),
    "html": (
        "with remnants of HTML",
        "strip tags and decode entities, here and where the model is asked",
    ),
}
_SCRIPTS = (
    "Latin", "Cyrillic", "Greek", "Hangul", "Han", "Hiragana", "Arabic", "Hebrew", "Devanagari",
    "Bengali", "Tamil", "Thai", "Georgian", "Armenian",
)  # fmt: skip

NAMES: tuple[str, ...] = (*_PATTERNS, "foreign_script", "text_length")

_SAMPLE = 10_000
_FENCE = 3.0
_LEAST_SPREAD = 0.1
"""The outer fence of Tukey, Exploratory Data Analysis (1977), on the logarithm of the length; and
the least distance of the quartiles that it is computed with."""


def find(inspection: Inspection) -> Iterator[Finding]:
    """Looks at the texts of every part; a table without text has none."""
    for part in inspection.parts:
        if part.text and part.rows:
            yield from _patterns(inspection, part)
            if inspection.wants("text_length"):
                yield from _lengths(inspection, part)


def _patterns(inspection: Inspection, part: Part) -> Iterator[Finding]:
    column = part.text or ""
    text = part.as_text(column)
    wording = dict(_WORDING)
    conditions = {
        name: f"regexp_matches({text}, {literal(pattern)})"
        for name, pattern in _PATTERNS.items()
        if inspection.wants(name)
    }
    if inspection.wants("foreign_script") and (script := _script(inspection, part)):
        # Hiragana stands for Japanese, which is as often in Katakana or Han.
        own = r"[\p{Hiragana}\p{Katakana}\p{Han}]" if script == "Hiragana" else rf"\p{{{script}}}"
        conditions["foreign_script"] = (
            rf"regexp_matches({text}, '\p{{L}}') AND NOT regexp_matches({text}, '{own}')"
        )
        wording["foreign_script"] = (
            f"without a letter of the script that most have ({script})",
            "a mistake, or another language? look at the examples",
        )
    if not conditions:
        return
    counts = inspection.engine.run(
        "SELECT "
        + ", ".join(f"count(*) FILTER ({condition})" for condition in conditions.values())
        + f" FROM {part.relation.raw}",
        description=f"looking at the characters of {part.name}",
    )[0]
    for (name, condition), count in zip(conditions.items(), counts, strict=True):
        if count:
            message, fix = wording[name]
            examples = sample(inspection, part, condition, text)
            message = f"{counted(count, 'text')} {message}"
            yield Finding(name, part, message, count, part.rows, fix, column, examples)


def _script(inspection: Inspection, part: Part) -> str | None:
    """The script that most of the first texts have letters of."""
    text = part.as_text(part.text or "")
    counts = inspection.engine.run(
        "SELECT "
        + ", ".join(
            rf"count(*) FILTER (regexp_matches({text}, '\p{{{script}}}'))" for script in _SCRIPTS
        )
        + f" FROM (SELECT * FROM {part.relation.raw} LIMIT {_SAMPLE})"
    )[0]
    most = max(counts)
    return _SCRIPTS[counts.index(most)] if most else None


def _lengths(inspection: Inspection, part: Part) -> Iterator[Finding]:
    """Texts beyond the outer fences of the lengths."""
    column = part.text or ""
    length = f"length({part.as_text(column)})"
    low, high = inspection.engine.run(
        f"SELECT approx_quantile(ln({length}), 0.25), approx_quantile(ln({length}), 0.75) "
        f"FROM {part.relation.raw} WHERE {length} > 0",
        description=f"looking at the lengths of {part.name}",
    )[0]
    if low is None:
        return
    spread = max(high - low, _LEAST_SPREAD)
    least = math.exp(low - _FENCE * spread)
    most = math.exp(high + _FENCE * spread)
    condition = f"{length} > 0 AND ({length} < {least} OR {length} > {most})"
    count, shortest, longest = inspection.engine.run(
        f"SELECT count(*), min({length}), max({length}) FROM {part.relation.raw} WHERE {condition}"
    )[0]
    if not count:
        return
    yield Finding(
        "text_length",
        part,
        f"{counted(count, 'text')} far shorter or longer than the others "
        f"({shortest:,} to {longest:,} characters; the middle half has "
        f"{math.exp(low):,.0f} to {math.exp(high):,.0f})",
        count,
        part.rows,
        "look whether they are whole, and whether model.max_length cuts them",
        column,
        sample(inspection, part, condition, part.as_text(column)),
    )
