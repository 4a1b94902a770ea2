"""The same cues written in every format of captions: by renderers of our own, by pysubs2, and by webvtt-py."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape, quoteattr

import pysubs2
import webvtt

from merc.annotation.transcripts.reading import read_transcript


def read(text, name="a.vtt"):
    return read_transcript(io.BytesIO(text.encode()), name)


def turns(transcript):
    return [(turn.start, turn.end, turn.speaker, turn.words) for turn in transcript.utterances]


def words_of(transcript):
    return " ".join(turn.words for turn in transcript.utterances)


def clock(ms, mark=".", hours=2):
    return f"{ms // 3_600_000:0{hours}d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{mark}{ms % 1000:03d}"


# Each takes (start in ms, end in ms, text) and gives a file; times are whole hundredths of seconds.


def subrip(cues):
    return "".join(f"{i}\n{clock(a, ',')} --> {clock(b, ',')}\n{text}\n\n" for i, (a, b, text) in enumerate(cues, 1))


def web(cues):
    return "WEBVTT\nKind: captions\n\n" + "".join(f"{clock(a)} --> {clock(b)} line:90%\n{escape(text)}\n\n" for a, b, text in cues)


def web_with_identifiers(cues):
    written = (f"{i}-a\n{clock(a)} --> {clock(b)}\n\n{escape(text)}\n\n" for i, (a, b, text) in enumerate(cues))
    return "WEBVTT\n\nNOTE\nabout nothing\n\n" + "".join(written)


def web_in_seconds(cues):
    """Without hours and, in the first minute, without minutes."""

    def short(ms):
        return f"{ms // 60_000}:{ms // 1000 % 60:02d}.{ms % 1000:03d}" if ms >= 60_000 else f"{ms // 1000}.{ms % 1000:03d}"

    return "WEBVTT\n\n" + "".join(f"{short(a)} --> {short(b)}\n{escape(text)}\n\n" for a, b, text in cues)


def substation(cues):
    lines = (f"Dialogue: 0,{clock(a, '.', 1)[:-1]},{clock(b, '.', 1)[:-1]},D,,0,0,0,," + t.replace("\n", "\\N") for a, b, t in cues)
    return "[Script Info]\nScriptType: v4.00+\n[Events]\n" + "\n".join(lines) + "\n"


def layered(cues):
    """Every line on two layers, the second of them with overrides."""
    lines = []
    for layer, look in ((0, "{\\blur3}"), (1, "{\\pos(1,2)}")):
        lines += [
            f"Dialogue: {layer},{clock(a, '.', 1)[:-1]},{clock(b, '.', 1)[:-1]},D,,0,0,0,,{look}" + text.replace("\n", "\\N")
            for a, b, text in cues
        ]
    return "[Events]\n" + "\n".join(lines) + "\n"


def sbv(cues):
    return "".join(f"{clock(a, '.', 1)},{clock(b, '.', 1)}\n{text}\n\n" for a, b, text in cues)


def subviewer(cues):
    body = "".join(f"{clock(a)[:-1]},{clock(b)[:-1]}\n{text.replace(chr(10), '[br]')}\n\n" for a, b, text in cues)
    return f"[INFORMATION]\n[TITLE]A talk\n[END INFORMATION]\n[SUBTITLE]\n{body}"


def microdvd(cues):
    """A hundred frames a second, so that no time is rounded."""
    return "{1}{1}100\n" + "".join(f"{{{a // 10}}}{{{b // 10}}}" + text.replace("\n", "|") + "\n" for a, b, text in cues)


def ttml(cues, time=clock, root=""):
    body = "".join(f'<p begin="{time(a)}" end="{time(b)}">{escape(t).replace(chr(10), "<br/>")}</p>' for a, b, t in cues)
    spaces = 'xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"'
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<tt {spaces} {root}>\n<body><div>{body}</div></body></tt>"


def ttml_in_ticks(cues):
    return ttml(cues, lambda ms: f"{ms * 10_000}t", 'ttp:tickRate="10000000"')


def ttml_in_frames(cues):
    return ttml(cues, lambda ms: f"{clock(ms)[:8]}:{ms % 1000 // 10:02d}", 'ttp:frameRate="100"')


def ttml_from_division(cues):
    """Times of paragraphs that count from the beginning of their division."""
    first = cues[0][0]
    shift = ttml([(a - first, b - first, text) for a, b, text in cues], lambda ms: f"{ms}ms")
    return shift.replace("<div>", f"<div begin={quoteattr(f'{first / 1000:.3f}s')}>")


def by_pysubs2(kind):
    def write(cues):
        subtitles = pysubs2.SSAFile()
        subtitles.events = [pysubs2.SSAEvent(a, b, text.replace("\n", "\\N")) for a, b, text in cues]
        return subtitles.to_string(kind, **({"fps": 100} if kind == "microdvd" else {}))

    return write


def by_webvtt(cues):
    written = webvtt.WebVTT()
    written.captions.extend(webvtt.Caption(clock(a), clock(b), text.split("\n")) for a, b, text in cues)
    return written.content


CONTAINERS = {
    "subrip": (".srt", subrip),
    "web": (".vtt", web),
    "web with identifiers": (".vtt", web_with_identifiers),
    "web in seconds": (".vtt", web_in_seconds),
    "substation": (".ass", substation),
    "layered": (".ass", layered),
    "sbv": (".sbv", sbv),
    "subviewer": (".sub", subviewer),
    "microdvd": (".sub", microdvd),
    "ttml": (".ttml", ttml),
    "ttml in ticks": (".dfxp", ttml_in_ticks),
    "ttml in frames": (".xml", ttml_in_frames),
    "ttml from division": (".ttml", ttml_from_division),
    "pysubs2, srt": (".srt", by_pysubs2("srt")),
    "pysubs2, ass": (".ass", by_pysubs2("ass")),
    "pysubs2, ssa": (".ssa", by_pysubs2("ssa")),
    "pysubs2, vtt": (".vtt", by_pysubs2("vtt")),
    "pysubs2, ttml": (".ttml", by_pysubs2("ttml")),
    "webvtt-py": (".vtt", by_webvtt),
}
