"""From matplotlib to SVG that belongs to the page: text stays text, colours follow the page's mode, nothing points outside.

Figures are drawn in pixels (72 to matplotlib's inch) with stand-in colours, one for each name of the palette; the finished SVG has
CSS variables in their place. The same figure gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from merc.files.printable import printable
from merc.studies.report.palette import LIGHT

_PIXELS = 72  # to an inch, so that one unit of the SVG is one pixel
_STAND_INS = {name: f"#f0{number:02x}f1" for number, name in enumerate(LIGHT)}
_NAMES = {colour: name for name, colour in _STAND_INS.items()}
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_FRACTION = re.compile(r"-?\d+\.\d{3,}")
_TARGET_ID = re.compile(r"[a-z][0-9a-f]{10}")  # as matplotlib names what is pointed to: by a hash of its content and the salt


def colour(name: str) -> str:
    """The stand-in for a colour of the palette."""
    return _STAND_INS[name]


@contextmanager
def drawing() -> Generator[None]:
    """Within it matplotlib draws as the page needs, whatever its user's settings are; they come back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        axis = colour("axis")
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "text.parse_math": False,  # a dollar sign in a name is a dollar sign
                "font.size": 12,
                "text.color": colour("text"),
                "axes.labelcolor": colour("muted"),
                "axes.labelsize": 12,
                "axes.edgecolor": axis,
                "axes.linewidth": 1,
                "axes.facecolor": "none",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "axes.grid": True,
                "grid.color": colour("grid"),
                "grid.linewidth": 1,
                "xtick.color": axis,
                "ytick.color": axis,
                "xtick.labelcolor": colour("muted"),
                "ytick.labelcolor": colour("muted"),
                "xtick.labelsize": 11,
                "ytick.labelsize": 11,
                "figure.facecolor": "none",
                "savefig.facecolor": "none",
                "savefig.dpi": _PIXELS,
                "figure.dpi": _PIXELS,
            }
        )
        with warnings.catch_warnings():  # the browser has its own fonts: what DejaVu lacks is nobody's concern
            warnings.filterwarnings("ignore", message="Glyph .* missing from|Matplotlib currently does not support")
            yield


def new_figure(width: int, height: int) -> Figure:
    """An empty figure of a size in pixels."""
    return Figure(figsize=(width / _PIXELS, height / _PIXELS))


def add_axes(figure: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Axes at a place in pixels, counted from the upper left corner."""
    whole_width, whole_height = (_PIXELS * inches for inches in figure.get_size_inches())
    bottom = whole_height - top - height
    return figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))


def to_svg(figure: Figure, key: str, title: str = "") -> Markup:
    """The figure as an `svg` element.

    Args:
        figure: drawn within `drawing`.
        key: unique on the page; the salt of the ids inside.
        title: for those who can't see it. Without one the figure is ornament and is hidden from them.
    """
    matplotlib.rcParams["svg.hashsalt"] = key
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(stream.getvalue())
    for element in root.iter():
        _clean(element)
    root.attrib.pop("version", None)
    if title:
        root.set("role", "img")
        root.set("aria-labelledby", f"{key}-title")
        element = ElementTree.Element("title", {"id": f"{key}-title"})
        element.text = printable(title)
        root.insert(0, element)
    else:
        root.set("aria-hidden", "true")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element) -> None:
    """Takes away what a page does not need (namespaces, style sheet, metadata, ids without pointers), and follows its colours."""
    element.tag, element.tail = _local(element.tag), None
    if element.tag != "text":
        element.text = None
    for child in list(element):
        if _local(child.tag) in ("style", "metadata"):
            element.remove(child)
    if element.tag == "defs" and not len(element):
        element.tag = "g"
    kept: dict[str, str] = {}
    for name, value in ((_local(name), value) for name, value in element.attrib.items()):
        if name == "style":
            value = _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0]]})", value).replace("'DejaVu Sans'", "var(--font)")
        elif name != "href":
            value = _FRACTION.sub(lambda match: f"{float(match[0]):.2f}", value)
        if name != "id" or _TARGET_ID.fullmatch(value):
            kept[name] = value.removesuffix("pt") if name in ("width", "height") else value
    element.attrib = kept


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]
