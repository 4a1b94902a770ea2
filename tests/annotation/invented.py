"""Invented annotations for tests: every number is made up, every text may be an attack."""

import math
import wave
from dataclasses import replace

from merc.annotation.annotation import Annotation
from merc.annotation.result import Origin
from merc.data.schema import Absence
from merc.inference.predictions import JudgedConversation, JudgedUtterance

SEVEN = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
MODALITIES = ("text", "audio", "visual")
TALK = (
    ("Ann", "neutral", "Hi. Sorry I'm late, the bus didn't come."),
    ("Ben", "neutral", "Don't worry. I've only just sat down myself."),
    ("Ann", "joy", "So. I got the job!"),
    ("Ben", "surprise", "What? Already? You only had the interview on Tuesday!"),
    ("Ann", "joy", "They rang me this morning. I was still in my pyjamas."),
    ("Ben", "joy", "That's brilliant. Really, I'm so glad for you."),
    ("Ann", "fear", "I'm a bit scared, to be honest. It's a whole new city, and I don't know a soul there."),
    ("Ben", "sadness", "So you're leaving."),
    ("Ann", "sadness", "In March. I wanted to tell you before anybody else did."),
    ("Ben", "neutral", "Right."),
    ("Ann", "sadness", "Say something."),
    ("Ben", "anger", "What do you want me to say? We signed the lease on the flat four weeks ago!"),
    ("Ann", "anger", "And I told you then that I had applied. You never listen!"),
    ("Ben", "disgust", "Oh, please. You mentioned it once, over that horrible soup."),
    ("Ann", "joy", "It really was horrible soup."),
    ("Ben", "joy", "It was grey, Ann. Grey."),
    ("Waiter", "neutral", "Good evening. Have you decided?"),
    ("Ben", "neutral", "Two coffees, please."),
    ("Waiter", "surprise", "Only coffee? On a Friday?"),
    ("Ann", "neutral", "And one of the little cakes. With two forks."),
    ("שירה", "joy", "שלום! מה שלומכם? (Hello!)"),
    ("Ben", "surprise", "Shira! What are you doing here?"),
    ("שירה", "neutral", "אני עובדת ממול."),
    ("Ann", "joy", "Sit down, sit down. We are celebrating. I think."),
    ("Ben", "joy", ""),
)
HOSTILE = (
    "</script><script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">\'',
    "<svg/onload=window.ran=1> onmouseover=window.ran=1 </title></textarea></style><style>*{display:none}</style>",
    '=HYPERLINK("http://other.example/";"click")',
    "  +1+SUM(A1)",
    "\u200b@SUM(A1)",
    "{{ 7 * 7 }}{% raw %}${7*7} {\\an8}{\\i1} <b>bold</b> \\N 1\n\n2\n00:00:00,000 --> 00:01:00,000",
    "turned \u202egnp.tab\u2066 \u200f \x1b[2J\x07 \x00 \u2028 \ufffe \ud800 end <!-- ]]>",
    "é 𝄞 שלום سلام 感情",
)


def utterance(place, speaker, words, emotion, start=None, end=None, labels=SEVEN, modalities=MODALITIES, missing=()):
    """One judged utterance with made-up numbers that hang on its place alone."""
    raw = [math.exp(math.sin(12.9898 * (place + 1) * (number + 1))) for number in range(len(labels))]
    raw[labels.index(emotion)] = 6.0 + 5.0 * math.sin(place)
    raw[labels.index(emotion)] = max(raw)
    present = tuple(name for name in modalities if name not in missing)
    weights = [2.0 + math.cos(7.0 * place + 3.0 * number) for number in range(len(present))]
    return JudgedUtterance(
        id=str(place),
        speaker=speaker,
        words=words,
        start=start,
        end=end,
        emotion=emotion,
        probabilities={label: value / sum(raw) for label, value in zip(labels, raw, strict=True)},
        trust={name: value / sum(weights) for name, value in zip(present, weights, strict=True)},
        uncertainty=0.5 + 0.25 * math.sin(place),
        present=present,
    )


def annotated(utterances, origin=None, modalities=MODALITIES, absences=(), warnings=()):
    """An annotation of one conversation."""
    conversation = JudgedConversation("talk.wav", tuple(utterances), modalities, tuple(absences))
    return Annotation(origin or annotation().origin, (conversation,), warnings)


def with_utterances(whole, utterances):
    """The annotation with others in its only conversation."""
    return replace(whole, conversations=(replace(whole.conversations[0], utterances=tuple(utterances)),))


def annotation(talk=TALK, kind="audio", name="talk.wav", labels=SEVEN, timed=True, **changes):
    """A talk as an annotation; about every seventh utterance lacks a picture."""
    found, time = [], 0.4
    for place, (speaker, emotion, words) in enumerate(talk):
        length = 0.8 + 0.06 * min(len(words), 80)
        times = (round(time, 2), round(time + length, 2)) if timed else (None, None)
        found.append(
            utterance(place, speaker, words, emotion, *times, labels=labels, missing=("visual",) if place % 7 == 3 else ())
        )
        time += length + 0.3 * (place % 3)
    given = {
        "origin": Origin(
            name=name,
            sha256="c0ffee" * 10 + "cafe",
            kind=kind,
            duration=round(time + 1.0, 2) if timed else None,
            transcript="talk.srt",
            model={"name": "cmath-meld", "sha256": "beef" * 16, "merc": "0.1.0", "text": "minilm-l6 1", "audio": "praat 2"},
        ),
        "utterances": found,
        "absences": tuple(Absence(u.id, "visual", "no face was found") for u in found if "visual" not in u.present),
        "warnings": ("talk.srt: 2 subtitles overlap; both were kept",),
    }
    return annotated(**{**given, **changes})


def hostile():
    """Every text is an attack."""
    labels = ("neutral", *HOSTILE[:4])
    found = tuple(
        utterance(place, HOSTILE[-1 - place], text, labels[place % 5], 1.0 * place, place + 0.9, labels, ("text", HOSTILE[1]))
        for place, text in enumerate(HOSTILE)
    )
    return annotated(
        found,
        origin=Origin(HOSTILE[1], HOSTILE[0], "audio", 10.0, HOSTILE[0], {"name": HOSTILE[0], HOSTILE[1]: HOSTILE[2]}, HOSTILE[2]),
        modalities=("text", HOSTILE[1]),
        absences=(Absence(None, HOSTILE[1], HOSTILE[0]), Absence("1", HOSTILE[0], HOSTILE[7])),
        warnings=HOSTILE,
    )


def write_wav(path, seconds):
    """A quiet tone, mono, 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (round(3000 * math.sin(0.3 * place)) for place in range(int(8000 * seconds)))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
