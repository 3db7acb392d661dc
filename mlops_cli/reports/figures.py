"""Figures of matplotlib, drawn without a display and written as PNG or SVG."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_WIDE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "NanumGothic",
    "Malgun Gothic",
    "Microsoft YaHei",
    "Apple SD Gothic Neo",
    "Hiragino Sans",
    "Arial Unicode MS",
)
"""Fonts for labels that matplotlib's own can't write; those that are installed are used."""


@contextmanager
def drawing(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure that is written to `path` at the end. Labels are drawn as they are, `$` included.

    Args:
        path: Where it goes; `.svg` makes a drawing, everything else a PNG picture.
        width: Inches.
        height: Inches.
    """
    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in _WIDE_FONTS if font in installed)]
    # The same figure gives the same file: no random names in an SVG, and no date below.
    with mpl.rc_context({"text.parse_math": False, "font.family": fonts, "svg.hashsalt": "mlops"}):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        kind = "svg" if path.suffix.lower() == ".svg" else "png"
        with warnings.catch_warnings():
            # A script without an installed font is drawn as boxes; the tables have the names.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            drawn.savefig(
                path, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None
            )
