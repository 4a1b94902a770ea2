"""Speech recognition: the sound of a recording -> what was said when, by a Whisper model in faster-whisper. Not who said it.

The sound is streamed. It is gathered to windows of 5 minutes, which are cut where it is quiet, so memory does not grow with the
recording. Each window stands alone, at temperature 0: the same sound gives the same words. A model folder is read without any
network; a model that is named is downloaded once, which a warning says, then taken from the cache of the Hugging Face Hub. Nothing
else goes over the network.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from merc.annotation.transcripts.sentences import Word, sentences
from merc.annotation.transcripts.transcript import Transcript, numbered
from merc.data.schema import Utterance
from merc.encoders.interface import RATE, Clip
from merc.errors import DataError, FeatureError, MissingExtraError
from merc.files.arguments import checked
from merc.files.hub import HubError, hub_folder
from merc.files.printable import first_line, printable
from merc.files.validation import shorten

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
else:
    WhisperModel = Any  # an optional extra: annotations must hold without it

WINDOW = 300.0  # s, the longest that is transcribed at once; 19 MB of samples [chosen]
SEARCH = 30.0  # s at the end of a window, among which the quietest place is cut; half of the window if that is less [chosen]
FRAME = 0.01  # s, the step in which loudness is measured [chosen]
PAUSE = 0.3  # s that must be quiet together: longer than the closure of a stop within a word [chosen]
NO_SPEECH, LOG_PROBABILITY = 0.6, -1.0  # above the one and below the other nothing was said [faster-whisper's defaults]
LANGUAGE_PARTS = 4  # of 30 s that may vote on a window's language while none is sure [chosen]

DEFAULT = "base"  # taken without being named if it is in the cache

_NEEDED = ("model.bin", "config.json", "tokenizer.json")  # without the last, faster-whisper would fetch another one
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """How speech is recognised.

    Attributes:
        model: a name that faster-whisper knows (`tiny`, `base`, `small`, `medium`, `large-v3`, each but the last also with
            `.en`), a Hugging Face Hub id of a model for CTranslate2, or a folder that holds one. None takes `base` if it was
            downloaded before, and downloads nothing.
        language: a code such as `en`; None lets the model judge, each window anew.
        beam_size: how many wordings are followed side by side, from 1.
        vad: whether Silero's voice detection first leaves out what is no speech.

    Raises:
        FeatureError: a beam of less than 1.
    """

    model: str | None = None
    language: str | None = None
    beam_size: int = 5
    vad: bool = True

    def __post_init__(self) -> None:
        checked(self.model, (str, type(None)), "speech recognition, model", "a name or a folder, as a str, or None", FeatureError)
        checked(self.language, (str, type(None)), "speech recognition, language", "a code such as 'en', or None", FeatureError)
        checked(self.beam_size, int, "speech recognition, beam_size", "a whole number from 1", FeatureError)
        if self.beam_size < 1:
            raise FeatureError(f"speech recognition: a beam size of {self.beam_size}; allowed are whole numbers from 1")


@runtime_checkable
class Recognition(Protocol):
    """Sound -> utterances without speakers."""

    @property
    def name(self) -> str:
        """The model's, for people."""
        ...

    def transcribe(self, samples: Clip, offset: float = 0.0, channel: int | None = None) -> tuple[Utterance, ...]:
        """What is said, in order of time.

        Args:
            samples: (N,), mono at 16 kHz.
            offset: s, where they lie in the recording; times count from its start.
            channel: what each utterance carries as its channel.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class WhisperRecognition:
    """A Whisper model that runs in CTranslate2. Made by `speech_recogniser`."""

    name: str
    model: WhisperModel
    options: RecognitionOptions

    def transcribe(self, samples: Clip, offset: float = 0.0, channel: int | None = None) -> tuple[Utterance, ...]:
        """One utterance a sentence: Whisper's segments, cut at sentence ends and never joined; see `Recognition`."""
        if len(samples) == 0:
            return ()
        segments, _ = self.model.transcribe(
            samples,
            language=self.options.language,
            beam_size=self.options.beam_size,
            temperature=0.0,
            no_speech_threshold=NO_SPEECH,
            log_prob_threshold=LOG_PROBABILITY,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=self.options.vad,
            language_detection_segments=LANGUAGE_PARTS,
        )
        found: list[Utterance] = []
        for segment in segments:
            words = [Word(word.word, float(word.start), float(word.end)) for word in segment.words or ()]
            for sentence in sentences(words or [Word(segment.text, float(segment.start), float(segment.end))]):
                if text := "".join(word.text for word in sentence).strip():
                    # Word alignment may put times past the sound's end, or in the wrong order.
                    start = min(max(sentence[0].start, 0.0), len(samples) / RATE)
                    end = min(max(sentence[-1].end, start), len(samples) / RATE)
                    times = round(offset + start, 3), round(offset + end, 3)
                    found.append(Utterance(str(len(found) + 1), None, text, *times, channel))
        return tuple(found)


def speech_recogniser(options: RecognitionOptions, device: str = "cpu") -> Recognition:
    """Loads a speech recognition model; downloads it where `options.model` names one that was not downloaded before.

    Args:
        options: of recognition.
        device: `cpu`, `cuda` or `cuda:1`; on any other, which CTranslate2 does not know, the model runs on the CPU.

    Raises:
        MissingExtraError: faster-whisper is not installed.
        FeatureError: no such model, none that is named or in the cache, a folder that lacks a file, a download that failed, or a
            language that it does not know.
    """
    if importlib.util.find_spec("faster_whisper") is None:
        raise MissingExtraError("asr", "recognising speech")
    # Voice detection runs in ONNX Runtime, which from 1.29 on would otherwise report its use over the network.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    name = options.model or DEFAULT
    path = Path(name).expanduser()
    named = f"speech recognition model {printable(name)!r}"
    folder = path if options.model and path.is_dir() else _found(options.model, named)
    if missing := _missing(folder):
        raise FeatureError(f"{named}: {' and '.join(missing)} not found in it; it must be a Whisper model for CTranslate2")
    from faster_whisper import WhisperModel

    kind, _, index = device.partition(":")
    try:
        model = WhisperModel(
            str(folder),
            device="cuda" if kind == "cuda" else "cpu",
            device_index=int(index) if kind == "cuda" and index else 0,
            # Named, since CTranslate2 warns of what it must convert. [chosen: what faster-whisper advises for each]
            compute_type="float16" if kind == "cuda" else "int8",
            local_files_only=True,
        )
    except Exception as error:  # an arbitrary folder in the hands of third-party loaders, which raise anything
        raise FeatureError(f"{named} can't be loaded: {first_line(error)}") from error
    known = model.supported_languages
    if options.language is not None and options.language not in known:
        raise FeatureError(f"{named}: no language {shorten(repr(options.language))}; it knows {', '.join(known)}")
    return WhisperRecognition(path.resolve().name if folder == path else name, model, options)


def recognise(
    blocks: Iterable[np.ndarray],
    recogniser: Recognition,
    channel: int | None = None,
    progress: Callable[[float], None] | None = None,
    window: float = WINDOW,
) -> Transcript:
    """Transcribes streamed sound.

    Args:
        blocks: consecutive pieces of any length, (n,) float32, mono at 16 kHz; the first begins at 0 s.
        recogniser, channel: see `Recognition`.
        progress: called after every window with the seconds that are done.
        window: s, the longest that is transcribed at once.

    Returns:
        Utterances in order of time. There is a warning if the sound could not be read to its end, if samples that are not finite
        were taken as silence, and if there are no words.

    Raises:
        DataError: the sound can't be read from its beginning.
    """
    found: list[Utterance] = []
    warnings: list[str] = []
    unfinite = 0
    for start, samples in windows(_until_failure(blocks, warnings), round(window * RATE)):
        finite = np.isfinite(samples)
        unfinite += len(samples) - int(finite.sum())
        found += recogniser.transcribe(np.where(finite, samples, np.float32(0)), start / RATE, channel)
        if progress is not None:
            progress((start + len(samples)) / RATE)
    where = "" if channel is None else f" on channel {channel}"
    if unfinite:
        warnings.append(f"{unfinite} samples{where} are not finite numbers and were taken as silence")
    if not found:
        warnings.append(f"speech recognition by {printable(recogniser.name)} found no words{where}")
    return Transcript(numbered(found), tuple(warnings))


def windows(blocks: Iterable[np.ndarray], longest: int) -> Iterator[tuple[int, Clip]]:
    """Gathers blocks to windows, each cut from the next at a quiet place; together they are the sound.

    Args:
        blocks: (n,) each.
        longest: samples that a window has at most.

    Yields:
        A window's first sample, counted from the start of the sound, and its samples, (n,), never none.
    """
    first, gathered = 0, np.empty(0, dtype=np.float32)
    for block in blocks:
        gathered = np.concatenate([gathered, block], dtype=np.float32)
        while len(gathered) > longest:
            cut = quiet_place(gathered[:longest])
            yield first, gathered[:cut]
            first, gathered = first + cut, gathered[cut:]
    if len(gathered):
        yield first, gathered


def quiet_place(samples: Clip) -> int:
    """Where to cut: the middle of the quietest `PAUSE` in the last `SEARCH`; the last of several equally quiet ones.

    Args:
        samples: (N,); what is not finite counts as loud.

    Returns:
        How many samples lie before the cut, 1 to N.
    """
    searched = min(round(SEARCH * RATE), len(samples) // 2)
    step, frames = round(FRAME * RATE), round(PAUSE / FRAME)
    count = searched // step
    if count < frames:
        return len(samples)
    with np.errstate(all="ignore"):
        loudness = np.square(samples[len(samples) - count * step :].astype(np.float64)).reshape(count, step).sum(axis=1)
    loudness = np.where(np.isfinite(loudness), loudness, 1e30)
    pauses = np.lib.stride_tricks.sliding_window_view(loudness, frames).sum(axis=1)
    quietest = len(pauses) - 1 - int(np.argmin(pauses[::-1]))
    return len(samples) - (count - quietest) * step + frames * step // 2


def _until_failure(blocks: Iterable[np.ndarray], warnings: list[str]) -> Iterator[np.ndarray]:
    """The blocks before one that can't be read, and the failure as a warning; raised where there is no sound before it."""
    reached = 0
    try:
        for block in blocks:
            yield block
            reached += len(block)
    except DataError as error:
        if reached == 0:
            raise
        warnings.append(f"speech was recognised up to {reached / RATE:.1f} s only: {error}")


def _missing(folder: Path) -> list[str]:
    """What a model folder lacks."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    return missing if any((folder / name).is_file() for name in _VOCABULARIES) else [*missing, " or ".join(_VOCABULARIES)]


def _found(model: str | None, named: str) -> Path:
    """The folder of a model that the cache of the Hub has whole, or of one downloaded now. Without a name nothing is downloaded."""
    from faster_whisper.utils import _MODELS as ids  # pyright: ignore[reportPrivateUsage]  # name -> Hub id; there is no public access

    repo = ids.get(model or DEFAULT, model or DEFAULT)
    if "/" not in repo:
        raise FeatureError(f"{named}: no such folder; allowed are one, a Hub id, or a name: {', '.join(ids)}")
    with suppress(HubError):
        folder = hub_folder(repo, _FILES, local_files_only=True)
        if not _missing(folder):
            return folder
    if model is None:
        raise FeatureError(
            "there is no transcript, and no model that recognises words was named; give a transcript (--transcript FILE), "
            f"or a model (--asr {DEFAULT} downloads one of about 150 MB from the Hugging Face Hub, once; or a folder)"
        )
    try:
        return hub_folder(repo, _FILES)
    except HubError as error:
        raise FeatureError(f"{named}: no such folder, and it can't be had from the Hugging Face Hub: {error}") from error
