"""What the shipped model says of the project's own sample, kept beside this file as golden results.

    python tests/shipped_golden.py          # writes them anew, after another model was shipped; look at the difference

Words alone need nothing but the package. The raw recording is the sample as espeak-ng speaks it, two voices in two channels, muxed
with a plain picture; its sound hangs on espeak-ng's version, so its results are compared less closely.
"""

import json
import tempfile
import wave
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("shipped_golden.json")


def as_film(recording, film):
    """The wav as the sound of a film of plain pictures, losslessly."""
    from annotation.recordings import encoded

    with wave.open(str(recording)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
    sound = (samples / 2**15).astype(np.float32)
    film.write_bytes(encoded(sound, rate, "matroska", codec="flac", layout="stereo", picture=True))
    return sound, rate


def raw_recording(folder):
    """Makes talk.mkv and talk.srt in a folder, and gives the sound and its rate."""
    from merc.annotation.sample import make_sample

    made = make_sample(folder / "sample").path
    (folder / "talk.srt").write_bytes(made.with_suffix(".srt").read_bytes())
    return as_film(made, folder / "talk.mkv")


def summary(annotation):
    """What is kept of an annotation: of each utterance the probabilities."""
    return [{name: round(p, 5) for name, p in u.probabilities.items()} for u in annotation.utterances]


def main():
    from merc.annotation.model import load
    from merc.annotation.sample import LINES

    annotator = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw_recording(folder)
        found = {
            "words": summary(annotator.annotate(LINES)),
            "recording": summary(annotator.annotate(folder / "talk.mkv")),
        }
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
