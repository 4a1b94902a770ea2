"""JSON transcripts: the shape of the whole tells which recogniser wrote it, be it at the top or within another object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from merc.annotation.transcripts.cues import CueList
from merc.annotation.transcripts.recognisers import (
    assemblyai,
    aws,
    azure,
    deepgram,
    elevenlabs,
    funasr,
    gladia,
    google,
    hugging_face,
    rev,
    speechmatics,
    vosk,
    watson,
    whisper,
)
from merc.annotation.transcripts.recognisers.fields import Record, RepeatedKeys, found, has_shape, keys, parsed, record, records
from merc.annotation.transcripts.recognisers.turns import read_turns, read_words
from merc.errors import DataError

ALLOWED = (
    "{'segments': [...]} of Whisper, {'transcription': [...]} of whisper.cpp, a list of {'start', 'end', 'speaker', 'text'},"
    " or what AssemblyAI, AWS, Azure, Deepgram, ElevenLabs, FunASR, Gladia, Google, Hugging Face, IBM, OpenAI, pyannoteAI, Rev,"
    " Speechmatics or Vosk give"
)
_BLANKS = re.compile(r"\s*")
_DEEPEST = 4  # objects around what a recogniser wrote
# Under what API servers put a recogniser's object.
_AROUND = ("result", "results", "output", "transcription", "transcript", "data", "response", "body", "payload", "value")


@dataclass(frozen=True, slots=True)
class _Form:
    """A form: whether an object has it, and how it is read."""

    fits: Callable[[dict[str, Any]], bool]
    read: Callable[[Record], CueList]


@dataclass(frozen=True, slots=True)
class _ListForm:
    """The same of a list."""

    fits: Callable[[list[Any]], bool]
    read: Callable[[list[Record]], CueList]


def _pyannote_words(content: dict[str, Any]) -> bool:
    words = content.get("wordLevelTranscription")
    return bool(words) and has_shape(words, [{"text": str, "start": float}])


_FORMS = (
    _Form(whisper.is_segments, whisper.read_segments),
    _Form(whisper.is_whisper_cpp, whisper.read_whisper_cpp),
    _Form(hugging_face.is_chunks, hugging_face.read_chunks),
    _Form(aws.is_job, aws.read_job),
    _Form(aws.is_call, aws.read_call),
    _Form(deepgram.is_deepgram, deepgram.read_deepgram),
    _Form(speechmatics.is_speechmatics, speechmatics.read_speechmatics),
    _Form(watson.is_watson, watson.read_watson),
    _Form(google.is_google, google.read_google),
    _Form(azure.is_batch, azure.read_batch),
    _Form(azure.is_fast, azure.read_fast),
    _Form(azure.is_indexed, azure.read_indexed),
    _Form(assemblyai.is_assemblyai, assemblyai.read_assemblyai),
    _Form(rev.is_rev, rev.read_rev),
    _Form(funasr.is_funasr, funasr.read_funasr),
    _Form(vosk.is_vosk, lambda content: vosk.read_vosk([content])),
    _Form(_pyannote_words, lambda content: read_words(content.records("wordLevelTranscription", "word"))),
    _Form(elevenlabs.is_elevenlabs, elevenlabs.read_elevenlabs),
    _Form(gladia.is_utterances, gladia.read_utterances),
    _Form(gladia.is_prediction, gladia.read_prediction),
    _Form(whisper.is_words, whisper.read_only_words),
)
_LIST_FORMS = (
    _ListForm(azure.is_spoken, azure.read_spoken),
    _ListForm(funasr.is_funasr_list, funasr.read_funasr_list),
    _ListForm(vosk.is_vosk_list, vosk.read_vosk),
    _ListForm(watson.is_watson_list, watson.read_watson_list),
)


def read_json(text: str, name: str) -> CueList:
    """The cues of a `.json` file.

    Raises:
        DataError: not valid JSON, none of the forms that are read, or a value of the wrong kind; the message names its place.
    """
    try:
        content: object = json.loads(text, object_pairs_hook=parsed, parse_int=float)
    except RecursionError as error:
        raise DataError(f"{name}: JSON nested too deep; expected {ALLOWED}") from error
    except ValueError as error:
        content = _one_after_another(text)
        if content is None:
            raise DataError(f"{name}: not valid JSON: {error}") from error
    cues = _read(content, name, _DEEPEST)
    if cues is None:
        if isinstance(content, RepeatedKeys):
            record(content, name)
        shown = f"an object with {keys(cast('dict[str, Any]', content))}" if isinstance(content, dict) else found(content)
        raise DataError(f"{name}: expected {ALLOWED}; found {shown}")
    return cues


def _one_after_another(text: str) -> list[object] | None:
    """The objects that a text holds one after another, as programs write them while they hear; None if it holds anything else."""
    decoder = json.JSONDecoder(object_pairs_hook=parsed, parse_int=float)
    objects: list[object] = []
    place, end = 0, len(text)
    try:
        while (place := _after_blanks(text, place)) < end:
            if text[place] != "{":
                return None
            one, place = decoder.raw_decode(text, place)
            objects.append(one)
    except (ValueError, RecursionError):
        return None
    return objects if len(objects) > 1 else None


def _after_blanks(text: str, place: int) -> int:
    match = _BLANKS.match(text, place)
    return place if match is None else match.end()


def _read(content: object, place: str, deepest: int) -> CueList | None:
    """The cues of what has a known form, itself or something within it; None where nothing has."""
    if isinstance(content, list):
        return _read_list(cast("list[object]", content), place, deepest)
    if not isinstance(content, dict):
        return None
    fields = cast("dict[str, Any]", content)
    form = next((form for form in _FORMS if form.fits(fields)), None)
    if form is not None:
        return form.read(record(cast("object", content), place))
    if deepest:
        for key, value in _within(fields):
            if isinstance(value, dict) or has_shape(value, [dict]):
                inside = _read(value, f"{place}: {key}", deepest - 1)
                if inside is not None:
                    return inside
    return None


def _read_list(listed: list[object], place: str, deepest: int) -> CueList | None:
    form = next((form for form in _LIST_FORMS if form.fits(listed)), None)
    if form is not None:
        return form.read(records(listed, place, "result"))
    if len(listed) in (1, 2) and deepest and _is_object_of_one_form(listed[0]):
        return _read(listed[0], place, deepest - 1)  # the only result, or faster-whisper's segments and what it says of them
    if whisper.is_rows(listed):
        return whisper.read_rows(cast("list[Any]", listed), place)
    return read_turns(records(listed, place, "turn"))


def _is_object_of_one_form(value: object) -> bool:
    if isinstance(value, dict):
        return any(form.fits(cast("dict[str, Any]", value)) for form in _FORMS)
    return bool(value) and (has_shape(value, [{"text": str}]) or whisper.is_rows(value))


def _within(fields: dict[str, Any]) -> Sequence[tuple[str, Any]]:
    """What may hold a recogniser's object, by its key; Google's batch has the recording's address for one."""
    return [(key, fields[key]) for key in _AROUND if key in fields] + [(k, v) for k, v in fields.items() if "://" in k]
