"""The page: whole in itself, safe with any text, and readable without its pictures."""

import re
from html.parser import HTMLParser

import pytest

from mlops_cli.data import difference, statistics
from mlops_cli.data.parts import Part
from mlops_cli.data.tables import open_table
from mlops_cli.reporting import SilentReporter
from mlops_cli.reports import data_page

EVIL = "<script>alert('x')</script> & \"more\""


class Outline(HTMLParser):
    """What a page is made of; fails on tags that don't match."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def parts(tmp_path):
    lines = {
        "train": [
            f'"{EVIL.replace(chr(34), chr(34) * 2)} {n}",a{n % 3},{n / 7},2024-01-{n % 28 + 1:02}'
            for n in range(80)
        ],
        "test": [f"text {n},a{n % 2},{n},2024-02-{n % 28 + 1:02}" for n in range(40)],
    }
    found = []
    for name, rows in lines.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("text,<b>kind,x,day\n" + "\n".join(rows) + "\n")
        found.append(Part(name, str(path), open_table(path)))
    return found


def outline(path):
    page = path.read_text("utf-8")
    found = Outline()
    found.feed(page)
    assert found.open == []
    return page, found


def test_the_page_is_whole_and_safe(parts, tmp_path):
    result = statistics.run(parts, "<b>kind", SilentReporter())
    data_page.write_statistics(result, tmp_path / "page.html")
    page, found = outline(tmp_path / "page.html")
    tags = [tag for tag, _ in found.tags]
    assert "script" not in tags
    assert "b" not in tags
    assert all(link.startswith("#") for link in found.links)
    assert not re.search(r"https?://|url\(|@import", page)
    assert "prefers-color-scheme: dark" in page
    # Every picture has a name and its figures as a table; every table a caption.
    pictures = [names for tag, names in found.tags if tag == "svg"]
    assert len(pictures) >= 5
    assert all(names["role"] == "img" and names["aria-label"] for names in pictures)
    assert tags.count("figure") == len(pictures) == page.count("as a table")
    assert tags.count("caption") == tags.count("table")
    targets = {names.get("id") for _, names in found.tags}
    assert all(link[1:] in targets for link in found.links)


def test_bars_are_as_tall_as_their_shares(parts, tmp_path):
    data_page.write_statistics(statistics.run(parts, None, SilentReporter()), tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text("utf-8")
    kinds = page[page.index("&lt;b&gt;kind<span") :]
    bars = re.findall(
        r'class="c(\d)"[^>]*width="([\d.]+)"[^>]*><title>(a\d), (\w+): ([\d.]+)%', kinds
    )
    widths = {(name, part): (float(width), float(share)) for _, width, name, part, share in bars}
    assert widths["a0", "test"][1] == 50
    ratio = widths["a0", "test"][0] / widths["a0", "train"][0]
    assert ratio == pytest.approx(50 / 33.75, rel=0.01)


def test_the_page_of_a_difference(parts, tmp_path):
    result = difference.run(*parts, [], None, SilentReporter())
    data_page.write_difference(result, tmp_path / "page.html")
    page, found = outline(tmp_path / "page.html")
    assert "40 added, 80 removed" in page
    assert "script" not in [tag for tag, _ in found.tags]
