"""An annotation as one HTML file that works offline: its style and script stand in it, and it asks for nothing but the recording.

Everything from the data is escaped, and a content security policy allows no other script, style or request than its own. The script
gets numbers only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from merc.annotation.export.marks import COLOURS, PATTERNS, SHAPES, marks_of
from merc.annotation.export.timeline import Timeline, clock, timeline_of
from merc.annotation.result import Result
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten
from merc.inference.predictions import JudgedUtterance

if TYPE_CHECKING:
    from jinja2 import Environment
else:
    Environment = object

PAGE_COLOURS = {  # name -> in the light mode, in the dark one
    "page": ("#ffffff", "#14181d"),
    "raised": ("#f3f5f7", "#1e242b"),
    "now": ("#fff3c4", "#3d3416"),
    "text": ("#1a1f24", "#e7eaed"),
    "muted": ("#515b65", "#aab4be"),
    "link": ("#0b59a6", "#83bcf2"),
    "edge": ("#cbd2d9", "#3b454f"),
    "axis": ("#6b7680", "#8b97a2"),
    "bar": ("#4d6f94", "#86a9cf"),
    "track": ("#dde2e7", "#36404a"),
}
_NAME = 80  # characters of a name that are shown
_TEXT = 600  # of a warning or reason
_WORDS = 5000  # of an utterance
_TOOLTIP = 100  # of an utterance's words in the timeline
_SECOND = 0.2  # the next probable emotion is named from this probability on [chosen]
_IDS = 12  # utterances that an absence names
_NOTES = 200  # warnings and absences that are listed

# Weak marks of direction belong to right-to-left writing, and each text stands in an isolate of its own.
_MARKS_OF_DIRECTION = re.compile("([\u061c\u200e\u200f])")


def render_page(annotation: Result, medium: str | None = None) -> str:
    """The page, complete. The same annotation gives the same bytes.

    Args:
        annotation: what to show.
        medium: path of the recording from the page's folder, not quoted; None makes a page without a player.

    Raises:
        DataError: `medium` can't be a file's name.
    """
    return _environment().get_template("page.html.j2").render(_context(annotation, medium)) + "\n"


def script_data(content: object) -> Markup:
    """JSON for a `<script>` element: nothing in it ends the element or starts another."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def medium_address(medium: str) -> str:
    """A path as a relative address: whatever the name is, it stays in the page's folder or below; never a scheme or a host.

    Raises:
        DataError: empty, absolute, leading upwards, or no name of a file.
    """
    try:
        address = quote(medium.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        address = ""
    steps = medium.split("/")
    if not address or "\0" in medium or not steps[0] or ".." in steps or not steps[-1]:
        raise DataError(f"medium {shorten(printable(medium))!r}: expected a file's path from the page's folder, such as talk.mp4")
    return f"./{address}"


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a tenth of a second, and pages alone need it

    return Environment(
        loader=PackageLoader("merc.annotation.export", "."),
        autoescape=True,
        finalize=_made_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _made_harmless(value: object) -> object:
    """What the template writes: texts lose the characters that steer what is shown, but for the weak marks of direction."""
    return _shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shown(text: str) -> str:
    return "".join(part if _MARKS_OF_DIRECTION.fullmatch(part) else printable(part) for part in _MARKS_OF_DIRECTION.split(text))


def _context(annotation: Result, medium: str | None) -> dict[str, Any]:
    style, script = _style(), _asset("page.js")
    timeline = timeline_of(annotation)
    marks = marks_of(annotation.labels)
    spans = [None if span is None else [round(span[0], 3), round(span[1], 3)] for span in timeline.spans]
    return {
        "origin": annotation.origin,
        "speakers": len({(c.id, u.speaker) for c in annotation.conversations for u in c.utterances}),
        "several": len(annotation.conversations) > 1,
        "length": None if annotation.origin.duration is None else clock(annotation.origin.duration),
        "address": None if medium is None or annotation.origin.kind == "text" else medium_address(medium),
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "data": script_data({"extent": round(timeline.extent, 3), "spans": spans}),
        "labels": [(place, label, marks[label]) for place, label in enumerate(annotation.labels)],
        "used": Counter(utterance.emotion for utterance in annotation.utterances),
        "shapes": SHAPES,
        "patterns": PATTERNS,
        "timeline": timeline,
        "untimed": sum(span is None for span in timeline.spans) if timeline.timed else 0,
        "trusted": any(utterance.trust for utterance in annotation.utterances),
        "summary": _summary(annotation, timeline),
        "entries": _entries(annotation, timeline),
        "absences": _absences(annotation),
        "warnings": [_cut(warning, _TEXT) for warning in annotation.warnings],
        "most_notes": _NOTES,
        "percent": _percent,
        "name": _name,
    }


def _style() -> Markup:
    """The style sheet, with the colours of both modes."""
    light, dark = ("".join(f"--{name}:{both[mode]};" for name, both in {**PAGE_COLOURS, **COLOURS}.items()) for mode in (0, 1))
    fills = "".join(f".f-{name}{{fill:var(--{name})}}" for name in COLOURS)
    modes = f":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    printed = f"\n@media print{{:root{{color-scheme:light;{light}}}}}\n"
    return Markup(f"\n{modes}{fills}\n") + _asset("page.css") + Markup(printed)


def _asset(name: str) -> Markup:
    return Markup(resources.files("merc.annotation.export").joinpath(name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    """As a content security policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _summary(annotation: Result, timeline: Timeline) -> list[dict[str, Any]]:
    """Everybody together, then each lane's speaker: how many utterances, and the shares of emotions, the greatest first."""
    emotions: list[list[str]] = [[] for _ in timeline.lanes]
    rows = {speaker: row for row, speaker in enumerate(timeline.lanes)}
    for utterance in annotation.utterances:
        emotions[rows.get(utterance.speaker or "", len(rows) - 1)].append(utterance.emotion)
    everyone = [utterance.emotion for utterance in annotation.utterances]
    named = [(False, speaker, found) for speaker, found in zip(timeline.lanes, emotions, strict=True)]
    parts = [(True, None, everyone), *named] if len(named) > 1 else named
    return [
        {"all": whole, "speaker": who, "count": len(found), "shares": _shares(annotation, found)} for whole, who, found in parts
    ]


def _shares(annotation: Result, emotions: list[str]) -> list[dict[str, Any]]:
    """Of each emotion, the greatest first: its label's position, its count, and the place of its bar in per cent."""
    counts, found, x = Counter(emotions), list[dict[str, Any]](), 0.0
    for label in sorted(counts, key=lambda label: (-counts[label], annotation.labels.index(label))):
        width = 100 * counts[label] / len(emotions)
        found.append({"label": annotation.labels.index(label), "count": counts[label], "x": x, "width": width})
        x += width
    return found


def _entries(annotation: Result, timeline: Timeline) -> list[dict[str, Any]]:
    """Of each utterance; the first of each conversation names it, where there are several."""
    several, entries = len(annotation.conversations) > 1, list[dict[str, Any]]()
    for conversation in annotation.conversations:
        for number, utterance in enumerate(conversation.utterances):
            name = _name(conversation.id) if several and number == 0 else None
            entries.append(_entry(annotation, timeline, len(entries), utterance, name))
    return entries


def _entry(
    annotation: Result, timeline: Timeline, place: int, utterance: JudgedUtterance, conversation: str | None
) -> dict[str, Any]:
    """What the list and the timeline's tooltip say of one utterance."""
    span = timeline.spans[place]
    time = None if span is None else clock(span[0])
    speaker, words = _name(utterance.speaker or ""), utterance.words or ""
    probability = _percent(utterance.probabilities[utterance.emotion])
    second = _second(utterance)
    parts = (_isolated(speaker), time or f"utterance {place + 1}", _isolated(_name(utterance.emotion)))
    tooltip = Markup(f"{{}}, {{}}, {{}} {probability}").format(*parts)
    if words:
        tooltip += Markup(": ") + _isolated(_cut(words, _TOOLTIP))
    return {
        "conversation": conversation,
        "speaker": speaker,
        "words": _cut(words, _WORDS),
        "hidden": len(words) > _WORDS,
        "time": time,
        "label": annotation.labels.index(utterance.emotion),
        "probability": probability,
        "sure": utterance.probabilities[utterance.emotion],
        "second": second and (second, _percent(utterance.probabilities[second])),
        "trust": [(name, utterance.trust[name]) for name in utterance.present if name in utterance.trust],
        "missing": [name for name in annotation.modalities if name not in utterance.present],
        "tooltip": tooltip,
    }


def _second(utterance: JudgedUtterance) -> str | None:
    """The next probable emotion, where it is probable enough to be worth a word."""
    near = [label for label, share in utterance.probabilities.items() if label != utterance.emotion and share >= _SECOND]
    return max(near, key=lambda label: utterance.probabilities[label], default=None)


def _absences(annotation: Result) -> list[dict[str, Any]]:
    """Grouped by modality and reason; each with the positions of its utterances. Some may name one that was left out before."""
    groups: dict[tuple[str, str], set[int | str | None]] = {}
    first = 0
    for conversation in annotation.conversations:
        positions: dict[str | None, int] = {u.id: place for place, u in enumerate(conversation.utterances, start=first)}
        for absence in conversation.absences:
            place = positions.get(absence.utterance_id, absence.utterance_id)
            groups.setdefault((absence.modality, absence.reason), set()).add(place)
        first += len(conversation.utterances)
    entries: list[dict[str, Any]] = []
    for (modality, reason), found in groups.items():
        places = sorted(place for place in found if isinstance(place, int))
        more = {"all": None in found, "places": places[:_IDS], "others": max(len(places) - _IDS, 0), "count": len(found)}
        entries.append({"modality": _name(modality), "reason": _cut(reason, _TEXT), **more})
    return entries


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _name(text: str) -> str:
    return _cut(text, _NAME)


def _isolated(text: str) -> Markup:
    """Text for a place that knows no elements: what is right-to-left in it can't reorder what stands around it."""
    return Markup.escape(f"\u2068{_shown(text)}\u2069")
