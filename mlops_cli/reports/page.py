"""One HTML page that needs nothing from elsewhere: its frame, its style, its tables."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mlops_cli.files import write_text
from mlops_cli.reports.svg import COLOURS

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --card: #f6f7f9; --text: #1d2329; --dim: #5b6570;
  --line: #d5dae0; --c0: #2f6fb7; --c1: #d0701a; --c2: #2e8b65; --c3: #9355b0 }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --card: #1d232a; --text: #e6eaee;
  --dim: #9aa6b2; --line: #37414b; --c0: #6aa6ea; --c1: #f0a04f; --c2: #5cc79a; --c3: #c490df } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 82rem; padding: 1.5rem 1rem 4rem; background: var(--ground);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere } p { margin: .25rem 0 .75rem }
.dim, figcaption, caption, summary { color: var(--dim) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .9rem 1rem; margin: .8rem 0 }
.kind { border: 1px solid var(--line); border-radius: 1rem; color: var(--dim); font-size: .8rem;
  font-weight: normal; margin-left: .4rem; padding: .05rem .55rem }
.plots { display: grid; gap: .5rem 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)) }
figure { margin: .5rem 0; max-width: 40rem } figcaption { font-size: .85rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .3rem 0 }
caption { text-align: left; font-size: .85rem }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .7rem .2rem 0; text-align: right;
  vertical-align: top } th { color: var(--dim); font-weight: 500 }
th.word, th:first-child, td.word { text-align: left; max-width: 40rem }
th[scope=row] { min-width: 3.2rem } th[scope=col] { white-space: nowrap }
td.word { overflow-wrap: anywhere }
svg { display: block; height: auto; width: 100% } svg line { stroke: var(--line) }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif }
.c0 { fill: var(--c0); color: var(--c0) } .c1 { fill: var(--c1); color: var(--c1) }
.c2 { fill: var(--c2); color: var(--c2) } .c3 { fill: var(--c3); color: var(--c3) }
nav a { display: inline-block; margin-right: .8rem } a { color: var(--c0) }
blockquote { border-left: 3px solid var(--line); margin: .3rem 0; overflow-wrap: anywhere;
  padding-left: .7rem; white-space: pre-line }
"""


def write(path: Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page.

    Args:
        path: The file; an older one is replaced.
        title: Its heading, as text.
        parts: What follows it, as HTML.

    Raises:
        PlaceError: The file can't be written there.
    """
    body = "\n".join(parts)
    whole = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )
    write_text(path, whole)


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1
) -> str:
    """A table with a heading for each row.

    Args:
        caption: What it shows.
        headings: Of its columns.
        rows: Their cells, as text.
        words: How many columns, from the left, hold words; the others hold figures.
    """
    head = "".join(
        f'<th scope="col"{" class=word" if place <= words else ""}>{escape(heading)}</th>'
        for place, heading in enumerate(headings, 1)
    )
    lines = []
    for first, *rest in rows:
        cells = "".join(
            f'<td class="word">{escape(cell)}</td>' if place < words else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(rest, 1)
        )
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def figure(caption: str, svg: str, alternative: str) -> str:
    """A picture with its figures as a table below it, folded away."""
    return (
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption>"
        f"<details><summary>as a table</summary>{alternative}</details></figure>"
    )


def legend(parts: Sequence[tuple[int, str]]) -> str:
    """Which part, by its number, has which colour; nothing for a single one."""
    marks = " ".join(
        f'<span class="c{number % COLOURS}">■</span> {escape(name)} ' for number, name in parts
    )
    return f'<p class="dim">{marks}</p>' if len(parts) > 1 else ""


def card(heading: str, kind: str, anchor: str, parts: Iterable[str]) -> str:
    """A section with a heading and what kind of thing it is about."""
    badge = f'<span class="kind">{escape(kind)}</span>' if kind else ""
    inside = "".join(parts)
    return (
        f'<section class="card" id="{anchor}"><h3>{escape(heading)}{badge}</h3>{inside}</section>'
    )
