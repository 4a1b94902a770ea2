"""What stands before and after a dialogue in a file: titles, fields such as `Date: ...`, who was there, what wrote the file.

It is no speech. It is told by its place, before the first turn or after the last, and by its shape; a warning counts it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.plain.lines import Line
from merc.files.printable import printable
from merc.files.validation import shorten

_MOST_OF_A_TITLE = 100  # characters [chosen]
_SHOWN = 3  # lines that a warning shows
_SENTENCE_ENDS = frozenset('.!?…"”»。！？')
# Fields of a head. [chosen]
_FIELDS = """
    abstract agenda attendees audio created date datum dauer description device duration end ended event file filename folder format
    id invited keywords language länge length link location media meeting ort pages participants place platform present project
    recorded recording recordings sampling session source speakers sprache start started subject summary tags teilnehmer thema time
    timestamp timezone titel title topic topics transcribed transcriber transcript transcription transkribiert transkription type
    uploaded url version video words
"""
_FIELD_NAMES = frozenset(_FIELDS.split())
_FIELD_ENDS = frozenset({"by", "date", "duration", "file", "id", "language", "length", "name", "number", "time", "title", "type"})
_FIELD_WORDS = 4
_FIELD = re.compile(r"([^:：\n]{1,40})[:：](?:\s|$)")
_TRANSCRIPT = re.compile(
    r"[^\w\n]{0,4}(?:(?:full |complete |meeting |call |audio )?transcript(?:ion)?|transkript(?:ion)?)[:.]?"
    r"|.{1,200} [-–—\\]{1,2} transcript",
    re.IGNORECASE,
)
_FOOT = re.compile(
    r"""(?:
    (?:transcribed|transkribiert|generated|exported|recorded|powered)\s(?:by|with|using|via|from|on|mit|von)\s.{1,200}
    | (?:this\s)?(?:editable\s|automatic\s)?(?:transcript|transcription)s?\s(?:was|is|has\sbeen|may|might|provided|generated|created
        |produced|powered|by)\s.{1,250}
    | people\scan\salso\schange\sthe\stext\safter\sit\swas\screated\.?
    | you\sshould\sreview\sgemini.{1,100} | how\sis\sthe\squality\sof\sthese.{1,100} | please\sprovide\sfeedback.{1,150}
    | (?:meeting|transcription|transcript|recording|call|interview|aufnahme)\s(?:ended|stopped|ends|endet|finished)\b.{0,60}
    | .{1,60}\s(?:started|stopped)\s(?:the\s)?(?:transcription|recording)\.?
    | .{1,60}\s(?:hat\sdie\s(?:transkription|aufzeichnung)\s(?:gestartet|beendet)
        |a\s(?:démarré|arrêté)\s(?:la\stranscription|l[’']enregistrement)|(?:inició|detuvo|ha\siniciado|ha\sdetenido)\sla\s(?:transcripción|grabación)
        |ha\s(?:avviato|interrotto)\sla\s(?:trascrizione|registrazione)|(?:iniciou|parou|interrompeu)\sa\s(?:transcrição|gravação)
        |heeft\sde\s(?:transcriptie|opname)\s(?:gestart|gestopt|beëindigd))\.?
    | to\sorder\svideotapes\s.{1,380}
    | sonix\s(?:is\sthe\sworld|has\smany\sfeatures).{1,390} | automatically\sconvert\syour\s.{1,390}
    | [\[(*]?(?:end|ende)\s(?:of|der|des|vom)\s(?:the\s|this\s)?
        (?:audio|transcript|transcription|recording|interview|meeting|call|conversation
        |aufnahme|transkripts?|interviews|gesprächs)\.?[\])*]?
    | end | ende | fin
    | https?://\S{1,300} | (?:www\.)?[a-z0-9-]{2,40}(?:\.[a-z0-9-]{2,30}){0,2}\.[a-z]{2,24}
    | (?:©|\(c\)|copyright\b).{1,200}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(r"https?://|\A\S+\.\S+\Z")
# What Fathom puts amid a dialogue: a summary with a link to the place, which nobody said.
_INSERTED = re.compile(r"[A-Z][A-Z ]{3,30}: .{1,500} - WATCH: .{0,5}https?://\S{1,300}")
_LINK = re.compile(r"VIEW RECORDING\b.{0,300}", re.IGNORECASE)


def without_foot(lines: Sequence[Line]) -> tuple[list[Line], list[str]]:
    """The lines up to the last that may be said, and those after it; what programs insert amid a dialogue goes with these."""
    last = len(lines)
    while last > 0 and is_foot(lines[last - 1].text):
        last -= 1
    kept = list(lines[:last])
    dropped = [line.text for line in lines[last:]]
    if any(" - WATCH: " in line.text for line in kept):
        dropped += [line.text for line in kept if _INSERTED.fullmatch(line.text)]
        kept = [line for line in kept if not _INSERTED.fullmatch(line.text)]
    return kept, dropped


def is_foot(text: str) -> bool:
    """Whether a line is one that programs write after a dialogue; such a line does not begin as the middle of a sentence does."""
    return len(text) <= 400 and (not text[0].islower() or _ADDRESS.search(text) is not None) and _FOOT.fullmatch(text) is not None


def is_field(text: str) -> bool:
    """Whether a line is `Date: ...` or the like."""
    match = _FIELD.match(text)
    words = match[1].casefold().split() if match is not None else []
    if not 0 < len(words) <= _FIELD_WORDS:
        return False
    return words[0].strip("*#(-") in _FIELD_NAMES or (len(words) > 1 and words[-1].strip("*)-") in _FIELD_ENDS)


def is_title(line: Line) -> bool:
    """Whether a line that stands before the first turn is no sentence that somebody says."""
    text = line.text
    return (
        line.heading
        or is_field(text)
        or is_foot(text)
        or _LINK.fullmatch(text) is not None
        or (len(text) <= _MOST_OF_A_TITLE and text[-1] not in _SENTENCE_ENDS)
    )


def is_caption(line: Line) -> bool:
    """Whether a line amid the dialogue is the heading of a part of it, and no sentence."""
    return line.heading and line.text[-1] not in _SENTENCE_ENDS


def paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that no blank line parts, together."""
    found: list[list[Line]] = []
    for line in lines:
        if line.apart or not found:
            found.append([])
        found[-1].append(line)
    return found


def begins_transcript(text: str) -> bool:
    """Whether a line says that the transcript comes next."""
    return len(text) <= 250 and _TRANSCRIPT.fullmatch(text) is not None


def left_out_warning(left_out: Sequence[str]) -> tuple[str, ...]:
    """A warning that counts the lines that are no speech and shows the first."""
    if not left_out:
        return ()
    shown = ", ".join(shorten(repr(printable(text))) for text in left_out[:_SHOWN]) + (", …" if len(left_out) > _SHOWN else "")
    count = counted(len(left_out), "line around the dialogue is", "lines around the dialogue are")
    return (f"{count} no speech, and left out: {shown}",)
