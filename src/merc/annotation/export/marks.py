"""How emotions look on the page: each has a colour, a shape and a pattern, so that nobody needs colour to distinguish them.

Well-known emotions look the same in every label set; all other labels get what is still free. Colours stand out from the page by a
contrast of 3 to 1 or more, in light and in dark (WCAG 2.2 for graphics). [chosen]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COLOURS = {  # name -> on the light page, on the dark one
    "grey": ("#66717c", "#a3aeb9"),
    "amber": ("#a36b00", "#f2bd42"),
    "blue": ("#1f66b8", "#6db3f7"),
    "red": ("#c0342b", "#ff8278"),
    "purple": ("#7a4fc0", "#b99cf5"),
    "green": ("#2f7a2b", "#7ccb70"),
    "cyan": ("#007c96", "#4ecbe0"),
    "orange": ("#c2500a", "#ff9d57"),
    "pink": ("#b5397f", "#f592c8"),
    "teal": ("#00796a", "#42c9b0"),
    "brown": ("#87583a", "#cfa283"),
    "olive": ("#6b7300", "#c3cb4c"),
    "indigo": ("#4a55b5", "#98a4f7"),
}

SHAPES = {  # SVG paths about the origin, within 6 units of it
    "dash": "M-5.5-1.6h11v3.2h-11z",
    "star": "M0-6l1.8 4 4.2.4-3.2 2.9 1 4.4L0 3.4l-3.8 2.3 1-4.4L-6-1.6l4.2-.4z",
    "drop": "M0-6C1.8-3 4 0 4 2a4 4 0 0 1-8 0c0-2 2.2-5 4-8z",
    "bolt": "M2-6l-6.5 7H-1L-2.5 6 4.5-1.8H.8z",
    "diamond": "M0-6L5 0 0 6-5 0zM0-2.4L-2 0 0 2.4 2 0z",
    "wave": "M-6 1l3-5 3 4 3-4 3 5v3.5l-3-5-3 4-3-4-3 5z",
    "bang": "M-1.7-6h3.4L1.1 1.8h-2.2zM-1.6 3h3.2v3h-3.2z",
    "sun": "M0-6l1.4 2.7 2.9-1-1 2.9L6 0 3.3 1.4l1 2.9-2.9-1L0 6l-1.4-2.7-2.9 1 1-2.9L-6 0l2.7-1.4-1-2.9 2.9 1z",
    "cross": "M-5-3l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z",
    "plus": "M-1.7-5.5h3.4v3.8h3.8v3.4H1.7v3.8h-3.4V1.7h-3.8v-3.4h3.8z",
    "disc": "M-5 0a5 5 0 1 1 10 0a5 5 0 1 1-10 0z",
    "square": "M-4.5-4.5h9v9h-9z",
    "up": "M0-5.5L5.5 4.5h-11z",
    "down": "M0 5.5L-5.5-4.5h11z",
    "ring": "M-5.5 0a5.5 5.5 0 1 1 11 0a5.5 5.5 0 1 1-11 0zM-2.7 0a2.7 2.7 0 1 0 5.4 0a2.7 2.7 0 1 0-5.4 0z",
    "frame": "M-5-5H5V5H-5zM-2.4-2.4v4.8h4.8v-4.8z",
    "left": "M-5.5 0L4.5-5.5v11z",
    "right": "M5.5 0L-4.5-5.5v11z",
    "glass": "M-5-5.5H5L1.2 0 5 5.5H-5L-1.2 0z",
    "bars": "M-5-5h3V5h-3zM2-5h3V5H2z",
    "arch": "M-5.5 5V0a5.5 5.5 0 0 1 11 0v5h-3.2V0a2.3 2.3 0 0 0-4.6 0v5z",
    "moon": "M2-5.6A5.8 5.8 0 1 0 2 5.6 5.8 5.8 0 0 1 2-5.6z",
}

PATTERNS = {  # what is stroked over the colour, in a tile of 8 by 8 units
    "plain": "",
    "dots": "M2 2h.01M6 6h.01",
    "rising": "M-1 1l2-2M0 8l8-8M7 9l2-2",
    "falling": "M-1 7l2 2M0 0l8 8M7-1l2 2",
    "level": "M0 2h8M0 6h8",
    "upright": "M2 0v8M6 0v8",
    "grid": "M0 4h8M4 0v8",
    "net": "M0 8l8-8M0 0l8 8",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How one label looks: names from `COLOURS`, `SHAPES` and `PATTERNS`."""

    colour: str
    shape: str
    pattern: str


_JOY, _SADNESS, _ANGER = Mark("amber", "star", "dots"), Mark("blue", "drop", "falling"), Mark("red", "bolt", "rising")
KNOWN = {
    "neutral": Mark("grey", "dash", "plain"),
    "joy": _JOY,
    "happy": _JOY,
    "happiness": _JOY,
    "sadness": _SADNESS,
    "sad": _SADNESS,
    "anger": _ANGER,
    "angry": _ANGER,
    "fear": Mark("purple", "diamond", "net"),
    "disgust": Mark("green", "wave", "level"),
    "surprise": Mark("cyan", "bang", "upright"),
    "excited": Mark("orange", "sun", "grid"),
    "frustrated": Mark("pink", "cross", "upright"),
    "positive": Mark("teal", "plus", "dots"),
    "negative": Mark("brown", "down", "rising"),
}


def marks_of(labels: Sequence[str]) -> dict[str, Mark]:
    """A mark for each label; case and blanks around a label do not matter to the known ones.

    No two of up to 2,288 labels look the same, and up to 22 each have a shape of their own.
    """
    found: dict[str, Mark] = {}
    for label in labels:
        known = KNOWN.get(label.strip().lower())
        if known is not None and known not in found.values():
            found[label] = known
    free = _free(tuple(found.values()))
    return {label: found[label] if label in found else next(free) for label in labels}


def _free(taken: tuple[Mark, ...]) -> Iterator[Mark]:
    """Marks that differ from those taken, unused parts first; they repeat only after all have been given."""
    colours, shapes, patterns = (
        sorted(names, key={getattr(mark, part) for mark in taken}.__contains__)
        for names, part in ((COLOURS, "colour"), (SHAPES, "shape"), (PATTERNS, "pattern"))
    )
    seen, pairs = set(taken), len(colours) * len(shapes)
    while True:
        # A step aside after all pairs of a colour and a shape gives each another pattern.
        for place in range(pairs * len(patterns)):
            pattern = patterns[(place + place // pairs) % len(patterns)]
            mark = Mark(colours[place % len(colours)], shapes[place % len(shapes)], pattern)
            if mark not in seen:
                yield mark
        seen.clear()
