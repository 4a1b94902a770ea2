"""Speech recognition models: downloaded once, if they are named, and what fails on the way is one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_server import LoopbackHub, loopback_hub
from merc.annotation.speech.recognition import RecognitionOptions, speech_recogniser
from merc.errors import FeatureError

faster_whisper = pytest.importorskip("faster_whisper")
FILES = {**dict.fromkeys(("config.json", "tokenizer.json", "vocabulary.txt"), b"0" * 100), "model.bin": b"1" * 100}
NOT_NAMED = "no model that recognises words was named; give a transcript .*--asr base downloads one of about 150 MB"


class Model:
    """Stands in for the library's, which would read the files."""

    supported_languages = ("en",)

    def __init__(self, *_: object, **__: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    monkeypatch.setattr(faster_whisper, "WhisperModel", Model)
    monkeypatch.chdir(tmp_path)
    with loopback_hub("Systran/faster-whisper-base", FILES, tmp_path / "cache", monkeypatch) as hub:
        yield hub


@pytest.mark.parametrize("fault", ["404", "403", "500", "slow", "page", "broken"])
@pytest.mark.filterwarnings("ignore:downloading")
def test_a_failed_download_is_one_line_and_leaves_no_model(hub: LoopbackHub, fault: str) -> None:
    hub.fault = fault
    message = r"^speech recognition model 'base': no such folder, and it can't be had from the Hugging Face Hub: ."
    with pytest.raises(FeatureError, match=message) as caught:
        speech_recogniser(RecognitionOptions("base"))
    assert str(caught.value).isprintable() and hub.asked
    with pytest.raises(FeatureError, match=NOT_NAMED):
        speech_recogniser(RecognitionOptions())


def test_a_model_is_downloaded_once_and_only_if_it_is_named(hub: LoopbackHub) -> None:
    with pytest.raises(FeatureError, match=NOT_NAMED):
        speech_recogniser(RecognitionOptions())
    assert hub.asked == []
    with pytest.warns(UserWarning, match=r"^downloading Systran/faster-whisper-base \(0\.0 MB\) from http"):
        speech_recogniser(RecognitionOptions("base"))
    hub.asked.clear()
    for model in ("base", None):
        assert speech_recogniser(RecognitionOptions(model)).name == "base"
    assert hub.asked == []
