"""Random talks, written in each layout of plain text and read back: the same words, speakers and times."""

import io

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from merc.annotation.transcripts.reading import read_transcript

NAMES = ("Mia Falk", "SPEAKER_01", "Uwe Ort", "Dr. Ina Holm", "Speaker 3")
SENTENCES = (
    "Yes.",
    "Who took the ladder?",
    "He said: no, I won't!",
    "We begin at 10:30",
    "It is 4.5 or 5, I think.",
    "Not me, and not you (or so I hope), since we were both far away that whole long day.",
    "well, you see",
    "Das weiß ich nicht…",
    "That's 100 % right.",
    "- no",
)
turn = st.tuples(st.sampled_from(NAMES), st.sampled_from(SENTENCES), st.integers(1, 400), st.integers(1, 10))
talks = st.lists(turn, min_size=1, max_size=12)


def timed(talk, step=1000):
    """(speaker, words, start, end) of each turn, in ms that are multiples of a step; a turn begins where or after the last ends."""
    reached, turns = 0, []
    for speaker, words, length, share in talk:
        start = reached + step * (11 - share)
        reached = start + step * length
        turns.append((speaker, words, start, reached))
    return turns


def clock(ms, digits=0):
    seconds = f"{ms // 1000 // 3600:02}:{ms // 1000 // 60 % 60:02}:{ms // 1000 % 60:02}"
    return seconds + (f".{ms % 1000:03}"[: digits + 1] if digits else "")


def framed(ms):
    return f"{clock(ms).replace(':', ';')};{ms % 1000 * 30 // 1000:02}"


def lines(form):
    """A layout of which each turn has its own lines: what writes a talk, by what writes a turn."""
    return lambda turns: "".join(form(*turn) for turn in turns)


def changes(form, head):
    """A layout that names the speaker only where another begins."""

    def written(turns):
        text, last = "", None
        for speaker, *rest in turns:
            text += ("" if speaker == last else head(speaker)) + form(*rest)
            last = speaker
        return text

    return written


def elan(speaker, words, start, end):
    times = (f"{clock(ms, 3)}\t{ms / 1000}\t{ms}" for ms in (start, end, end - start))
    return "\t".join((speaker, speaker, *times, words)) + "\n"


# What writes a talk -> which times are in the file (both, starts, ends, none), and the step of its times in ms.
LAYOUTS = {
    "names": (lines(lambda s, w, b, e: f"{s}: {w}\n"), "none", 1000),
    "bold names": (lines(lambda s, w, b, e: f"**{s}:** {w}\n\n"), "none", 1000),
    "times, names": (lines(lambda s, w, b, e: f"[{clock(b)}] {s}: {w}\n"), "starts", 1000),
    "names, spans": (lines(lambda s, w, b, e: f"{s} ({clock(b, 3)} - {clock(e, 3)}): {w}\n"), "both", 1),
    "bracketed times after names": (lines(lambda s, w, b, e: f"{s} [{clock(b)}] {w}\n\n"), "starts", 1000),
    "Otter": (lines(lambda s, w, b, e: f"{s}  {clock(b)}  \n{w}\n\n") , "starts", 1000),
    "Teams, blocks": (lines(lambda s, w, b, e: f"{clock(b, 3)} --> {clock(e, 3)}\n{s}\n{w}\n"), "both", 1),
    "Teams": (lines(lambda s, w, b, e: f"{s}   {clock(b)}\n{w}\n\n"), "starts", 1000),
    "Zoom": (lines(lambda s, w, b, e: f"[{s}] {clock(b)}\n{w}\n\n"), "starts", 1000),
    "Fireflies": (lines(lambda s, w, b, e: f"{s} - {clock(b)}\n{w}\n\n"), "starts", 1000),
    "Fathom": (lines(lambda s, w, b, e: f"{clock(b)} - {s}\n  {w}\n\n"), "starts", 1000),
    "Rev": (lines(lambda s, w, b, e: f"{s} ({clock(b)}):\n{w}\n\n"), "starts", 1000),
    "Premiere": (lines(lambda s, w, b, e: f"{framed(b)} - {framed(e)}\n{s}\n{w}\n\n"), "both", 500),
    "labels that hold, timed lines": (
        changes(lambda w, b, e: f"[{clock(b)}] - {w}\n", lambda s: f"\nSPEAKER_0{NAMES.index(s)}\n"),
        "starts",
        1000,
    ),
    "f4": (lines(lambda s, w, b, e: f"{s}: {w} #{clock(e)}-{e % 1000 // 100}#\n\n"), "ends", 100),
    "f4, names that hold": (changes(lambda w, b, e: f"{w} #{clock(e)}-{e % 1000 // 100}#\n\n", lambda s: f"{s}: "), "ends", 100),
    "MAXQDA": (lines(lambda s, w, b, e: f"#{clock(b)}-{b % 1000 // 100}# {s}: {w}\n"), "starts", 100),
    "ELAN": (lines(elan), "both", 1),
    "Audacity": (lines(lambda s, w, b, e: f"{b / 1000:.6f}\t{e / 1000:.6f}\t{s}: {w}\n"), "both", 1),
    "Whisper with labels": (lines(lambda s, w, b, e: f"[{clock(b, 3)} --> {clock(e, 3)}]  {s}: {w}\n"), "both", 1),
}  # fmt: skip


def expected(turns, times, layout):
    if layout.startswith("labels"):
        turns = [(f"SPEAKER_0{NAMES.index(speaker)}", *rest) for speaker, *rest in turns]
    starts = [start / 1000 for *_, start, _ in turns]
    ends = [end / 1000 for *_, end in turns]
    spans = {
        "both": zip(starts, ends, strict=True),
        "starts": zip(starts, [*starts[1:], None], strict=True),
        "ends": zip([0.0, *ends[:-1]], ends, strict=True),
        "none": [(None, None)] * len(turns),
    }[times]
    return [(speaker, words.removeprefix("- "), *span) for (speaker, words, *_), span in zip(turns, spans, strict=True)]


def found(source, name):
    turns = read_transcript(io.BytesIO(source), name).utterances
    return [(turn.speaker, turn.words.removeprefix("- "), turn.start, turn.end) for turn in turns]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30)
@given(talks)
def test_a_talk_comes_back_as_it_was_written(layout, talk):
    written, times, step = LAYOUTS[layout]
    turns = timed(talk, step)
    assert found(written(turns).encode(), "talk.txt") == expected(turns, times, layout)


@given(talks)
def test_iemocap_comes_back_with_its_ids(talk):
    turns = [(f"Ses01F_{'FM'[speaker == NAMES[0]]}", *rest) for speaker, *rest in timed(talk, 1)]
    ids = [f"Ses01F_impro02_{speaker[-1]}{number:03}" for number, (speaker, *_) in enumerate(turns)]
    text = "".join(f"{i} [{b / 1000:08.4f}-{e / 1000:08.4f}]: {w}\n" for i, (_, w, b, e) in zip(ids, turns, strict=True))
    read = read_transcript(io.BytesIO(text.encode()), "talk.txt").utterances
    assert [(turn.id, turn.speaker, turn.start, turn.end) for turn in read] == [
        (i, speaker, start / 1000, end / 1000) for i, (speaker, _, start, end) in zip(ids, turns, strict=True)
    ]


@settings(max_examples=30)
@given(talks, st.sampled_from(sorted(LAYOUTS)))
def test_a_word_document_is_read_as_its_text(talk, layout):
    written, times, step = LAYOUTS[layout]
    turns = timed(talk, step)
    document = Document()
    for line in written(turns).split("\n"):
        document.add_paragraph(line)
    file = io.BytesIO()
    document.save(file)
    assert found(file.getvalue(), "talk.docx") == expected(turns, times, layout)
