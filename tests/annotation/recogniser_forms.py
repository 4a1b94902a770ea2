"""One conversation as every recogniser that is read would write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LETTERS, LABELS = ("A", "B"), ("SPEAKER_00", "SPEAKER_01")
FROM_0, FROM_1 = ("speaker_0", "speaker_1"), ("speaker_1", "speaker_2")
NOBODY = (None, None)


@dataclass
class Said:
    """A sentence of one of two people: its words, each with start and end in ms."""

    who: int
    words: list[tuple[str, int, int]]

    @property
    def text(self):
        return " ".join(word for word, _, _ in self.words)

    @property
    def start(self):
        return self.words[0][1]

    @property
    def end(self):
        return self.words[-1][2]


@dataclass
class Form:
    """How a recogniser writes it.

    Attributes:
        write: the content of the file.
        names: what the two people are called.
        bare: whether the words have no punctuation.
        by_channel: whether each person is a channel.
        lists_channels: whether it lists channels in which nothing is said.
        warnings: how many.
    """

    write: Callable[[list[Said]], Any]
    names: tuple[str | None, str | None] = NOBODY
    bare: bool = False
    by_channel: bool = False
    lists_channels: bool = False
    warnings: int = 0


def s(ms):
    return ms / 1000


def ticks(ms):
    return ms * 10_000


def words(talk, name="word", names=None, unit=s, start="start", end="end"):
    """All words of sentences as objects, with speakers if they have names."""
    return [
        {name: word, start: unit(first), end: unit(last)} | ({} if names is None else {"speaker": names[one.who]})
        for one in talk
        for word, first, last in one.words
    ]


def bare(word):
    return word.strip(".,").lower()


def segments(talk, names=None, unit=s, text="text", start="start", end="end", more=lambda one: {}):
    """A segment a sentence."""
    return [
        {start: unit(one.start), end: unit(one.end), text: one.text}
        | ({} if names is None else {"speaker": names[one.who]})
        | more(one)
        for one in talk
    ]


def aws_items(talk, label):
    items = []
    for one in talk:
        for word, first, last in one.words:
            said = word.rstrip(".")
            times = {"start_time": str(s(first)), "end_time": str(s(last))}
            items.append({"type": "pronunciation", "alternatives": [{"confidence": "0.9", "content": said}]} | times | label(one))
            if said != word:
                items.append({"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": "."}]} | label(one))
    return items


def aws_with_segments(talk):
    labelled = [
        {
            "start_time": str(s(one.start)),
            "end_time": str(s(one.end)),
            "speaker_label": f"spk_{one.who}",
            "items": [{"start_time": str(s(a)), "end_time": str(s(b)), "speaker_label": f"spk_{one.who}"} for _, a, b in one.words],
        }
        for one in talk
    ]
    results = {
        "transcripts": [{"transcript": " ".join(one.text for one in talk)}],
        "speaker_labels": {"speakers": 2, "segments": labelled},
        "items": aws_items(talk, lambda one: {}),
    }
    return {"jobName": "j", "accountId": "1", "status": "COMPLETED", "results": results}


def aws_channels(talk):
    channels = [
        {"channel_label": f"ch_{who}", "items": aws_items([one for one in talk if one.who == who], lambda one: {})}
        for who in (0, 1)
    ]
    return {"results": {"transcripts": [], "channel_labels": {"channels": channels, "number_of_channels": 2}}}


def aws_call(talk):
    def turn(one):
        items = []
        for word, first, last in one.words:
            items.append(
                {"Type": "pronunciation", "Content": word.rstrip("."), "BeginOffsetMillis": first, "EndOffsetMillis": last}
            )
        items.append({"Type": "punctuation", "Content": ".", "Confidence": "0.0"})
        edges = {"BeginOffsetMillis": one.start, "EndOffsetMillis": one.end}
        return edges | {"Content": one.text, "Items": items, "ParticipantRole": ("AGENT", "CUSTOMER")[one.who], "Id": "x"}

    return {"JobStatus": "COMPLETED", "Channel": "VOICE", "Participants": [], "Transcript": [turn(one) for one in talk]}


def google(talk, start, end, speaker, repeats, unit):
    def result(some, named):
        listed = [
            {start: unit(a), end: unit(b), "word": word} | ({speaker: named(one.who)} if named else {})
            for one in some
            for word, a, b in one.words
        ]
        return {"alternatives": [{"transcript": " ".join(one.text for one in some), "words": listed}], "languageCode": "en-us"}

    def tag(who):
        return str(who + 1) if speaker.endswith("Label") else who + 1

    if repeats:
        return {"results": [*(result([one], None) for one in talk), result(talk, tag)]}
    return {"results": [result([one], tag) for one in talk]}


def google_seconds(ms):
    return f"{ms // 1000}.{ms % 1000:03d}s"


def azure_batch(talk):
    def phrase(one):
        listed = [
            {"displayText": word, "offset": "PT0S", "duration": "PT0S", "offsetInTicks": ticks(a), "durationInTicks": ticks(b - a)}
            for word, a, b in one.words
        ]
        best = {"confidence": 0.9, "lexical": bare(one.text), "display": one.text, "displayWords": listed}
        edges = {"offset": "PT1S", "offsetInTicks": ticks(one.start), "durationInTicks": ticks(one.end - one.start)}
        return {"recognitionStatus": "Success", "channel": 0, "speaker": one.who + 1, "duration": "PT1S", "nBest": [best]} | edges

    return {"source": "x", "combinedRecognizedPhrases": [{"channel": 0}], "recognizedPhrases": [phrase(one) for one in talk]}


def azure_fast(talk, start="offsetMilliseconds", lasts="durationMilliseconds"):
    def phrase(one):
        listed = [{"text": word, start: a, lasts: b - a} for word, a, b in one.words]
        return {start: one.start, lasts: one.end - one.start, "text": one.text, "words": listed, "channel": one.who}

    return {"durationMilliseconds": 9, "combinedPhrases": [{"text": ""}], "phrases": [phrase(one) for one in talk]}


def azure_results(talk):
    return [
        {
            "Id": "x",
            "RecognitionStatus": 0,
            "Offset": ticks(one.start),
            "Duration": ticks(one.end - one.start),
            "DisplayText": one.text,
            "NBest": [{"Display": one.text, "Lexical": bare(one.text)}],
        }
        for one in talk
    ]


def clock(ms):
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def video_indexer(talk):
    lines = [
        {"id": i, "text": one.text, "speakerId": one.who, "instances": [{"start": clock(one.start), "end": clock(one.end)}]}
        for i, one in enumerate(talk)
    ]
    insights = {"transcript": lines, "speakers": [{"id": 0, "name": "Speaker #1"}, {"id": 1, "name": "Mia"}]}
    return {"accountId": "x", "videos": [{"insights": insights}]}


def deepgram_words(talk, names=(0, 1)):
    return [
        {"word": bare(word), "punctuated_word": word, "start": s(a), "end": s(b), "confidence": 0.9, "speaker": names[one.who]}
        for one in talk
        for word, a, b in one.words
    ]


def deepgram(talk, utterances=False, paragraphs=False, listed=True):
    alternative = {"transcript": " ".join(one.text for one in talk), "words": deepgram_words(talk) if listed else []}
    if paragraphs:
        said = [{"sentences": segments([one]), "speaker": one.who, "start": s(one.start), "end": s(one.end)} for one in talk]
        alternative["paragraphs"] = {"transcript": "", "paragraphs": said}
    results = {"channels": [{"alternatives": [alternative]}]}
    if utterances:
        results["utterances"] = segments(
            talk, (0, 1), text="transcript", more=lambda one: {"channel": 0, "words": deepgram_words([one])}
        )
    return {"metadata": {"channels": 1}, "results": results}


def deepgram_channels(talk):
    def channel(who):
        mine = [one for one in talk if one.who == who]
        listed = [{key: value for key, value in word.items() if key != "speaker"} for word in deepgram_words(mine)]
        return {"alternatives": [{"transcript": " ".join(one.text for one in mine), "words": listed}]}

    return {"metadata": {"channels": 2}, "results": {"channels": [channel(0), channel(1)]}}


def assemblyai(talk, turns):
    def ms(value):
        return value

    listed = words(talk, "text", LETTERS, ms)
    utterances = segments(talk, LETTERS, ms, more=lambda one: {"words": words([one], "text", LETTERS, ms), "confidence": 0.9})
    text = " ".join(one.text for one in talk)
    return {"id": "x", "status": "completed", "text": text, "words": listed, "utterances": utterances if turns else None}


def speechmatics(talk):
    results = []
    for one in talk:
        who = {"speaker": f"S{one.who + 1}", "confidence": 1.0, "language": "en"}
        for word, a, b in one.words:
            said = word.rstrip(".")
            results.append({"type": "word", "start_time": s(a), "end_time": s(b), "alternatives": [{"content": said} | who]})
            if said != word:
                mark = {"type": "punctuation", "attaches_to": "previous", "is_eos": True, "start_time": s(b), "end_time": s(b)}
                results.append(mark | {"alternatives": [{"content": "."} | who]})
    return {"format": "2.9", "metadata": {"language_pack_info": {"word_delimiter": " "}}, "results": results}


def rev(talk, start="ts", end="end_ts", unit=s, more=None):
    monologues = []
    for one in talk:
        elements = []
        for word, a, b in one.words:
            said = word.rstrip(".")
            elements.append({"type": "text", "value": said, start: unit(a), end: unit(b), "confidence": 0.9})
            elements.append({"type": "punct", "value": ". " if said != word else " "})
        monologues.append({"speaker": one.who, "elements": elements})
    return {"monologues": monologues} | (more or {})


def rev_clock(ms):
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def watson(talk):
    def result(one):
        stamps = [[bare(word), s(a), s(b)] for word, a, b in one.words]
        return {"final": True, "alternatives": [{"transcript": bare(one.text) + " ", "timestamps": stamps, "confidence": 0.9}]}

    labels = [
        {"from": s(a), "to": s(b), "speaker": one.who, "confidence": 0.4, "final": False} for one in talk for _, a, b in one.words
    ]
    return {"result_index": 0, "results": [result(one) for one in talk], "speaker_labels": labels}


def vosk(talk):
    return [
        {"result": [{"conf": 1.0, "word": bare(w), "start": s(a), "end": s(b)} for w, a, b in one.words], "text": bare(one.text)}
        for one in talk
    ]


def funasr(talk):
    sentences = [{"text": one.text, "start": one.start, "end": one.end, "timestamp": [], "spk": one.who} for one in talk]
    return [{"key": "a", "text": "".join(one.text for one in talk), "sentence_info": sentences}]


def funasr_pairs(talk):
    pairs = [[a, b] for one in talk for _, a, b in one.words]
    return [{"key": "a", "text": " ".join(one.text for one in talk), "timestamp": pairs}]


def elevenlabs_words(talk):
    listed = []
    for one in talk:
        for word, a, b in one.words:
            if listed:
                listed.append({"text": " ", "type": "spacing", "start": listed[-1]["end"], "end": s(a), "speaker_id": None})
            listed.append({"text": word, "type": "word", "start": s(a), "end": s(b), "speaker_id": f"speaker_{one.who}"})
    return {"language_code": "eng", "text": " ".join(one.text for one in talk), "words": listed}


def elevenlabs_channels(talk):
    transcripts = []
    for who in (0, 1):
        transcript = elevenlabs_words([one for one in talk if one.who == who])
        for word in transcript["words"]:
            word["speaker_id"] = None
        transcripts.append(transcript | {"channel_index": who})
    return {"transcripts": transcripts}


def gladia(talk):
    utterances = segments(
        talk,
        (0, 1),
        more=lambda one: {"channel": 0, "words": [word | {"word": f" {word['word']}"} for word in words([one])]},
    )
    return {
        "id": "x",
        "status": "done",
        "result": {"metadata": {}, "transcription": {"full_transcript": "", "utterances": utterances}},
    }


def gladia_1(talk):
    prediction = segments(talk, (0, 1), text="transcription", start="time_begin", end="time_end")
    return {"prediction": prediction, "prediction_raw": {}}


def rows(talk, first=lambda i: [], more=()):
    return [[*first(i), s(one.start), s(one.end), f" {one.text}", *more] for i, one in enumerate(talk)]


FORMS = {
    "whisper": Form(lambda talk: {"text": "", "segments": segments(talk, more=lambda one: {"tokens": [1], "no_speech_prob": 0.1})}),
    "whisperx": Form(lambda t: {"segments": segments(t, LABELS, more=lambda one: {"words": words([one], names=LABELS)})}, LABELS),
    "word_segments": Form(lambda talk: {"word_segments": words(talk, names=LABELS)}, LABELS),
    "under result": Form(lambda talk: {"status": "ok", "result": {"segments": segments(talk, LABELS)}}, LABELS),
    "under output": Form(lambda talk: {"id": "x", "output": {"segments": segments(talk, LABELS), "language": "en"}}, LABELS),
    "turns under data": Form(lambda talk: {"data": segments(talk, LABELS)}, LABELS),
    "whisper.cpp": Form(
        lambda talk: {"transcription": [{"offsets": {"from": one.start, "to": one.end}, "text": f" {one.text}"} for one in talk]}
    ),
    "hugging face": Form(
        lambda t: {"text": "", "chunks": [{"timestamp": [s(o.start), s(o.end)], "text": f" {o.text}"} for o in t]}
    ),
    "insanely fast": Form(
        lambda talk: {
            "chunks": [{"timestamp": [s(one.start), s(one.end)], "text": one.text} for one in talk],
            "speakers": [{"timestamp": [s(o.start), s(o.end)], "text": o.text, "speaker": LABELS[o.who]} for o in talk],
        },
        LABELS,
    ),
    "openai words": Form(
        lambda talk: {
            "task": "transcribe",
            "duration": 9.0,
            "text": " ".join(one.text for one in talk),
            "words": [word | {"word": bare(word["word"])} for word in words(talk)],
        }
    ),
    "openai diarized": Form(
        lambda t: {"text": "", "segments": segments(t, LETTERS, more=lambda one: {"type": "transcript.text.segment", "id": "s"})},
        LETTERS,
    ),
    "faster-whisper": Form(lambda talk: segments(talk, more=lambda one: {"id": 1, "avg_logprob": -0.1, "words": None})),
    "faster-whisper, rows": Form(lambda talk: rows(talk, lambda i: [i, 0], [[50364], 0.0, -0.2, 1.1, 0.01, None])),
    "faster-whisper, first rows": Form(lambda talk: rows(talk, more=[None, -0.2, 0.01])),
    "faster-whisper, word rows": Form(
        lambda talk: segments(talk, more=lambda one: {"words": [[s(a), s(b), f" {word}", 0.9] for word, a, b in one.words]})
    ),
    "faster-whisper and its notes": Form(lambda talk: [segments(talk, more=lambda one: {"words": None}), {"language": "en"}]),
    "podcast": Form(
        lambda t: {"version": "1.0.0", "segments": segments(t, LETTERS, text="body", start="startTime", end="endTime")}, LETTERS
    ),
    "funasr": Form(funasr, FROM_0),
    "funasr, pairs": Form(funasr_pairs),
    "vosk": Form(vosk, bare=True),
    "aws, segments": Form(aws_with_segments, ("spk_0", "spk_1")),
    "aws, labels": Form(
        lambda talk: {"results": {"transcripts": [], "items": aws_items(talk, lambda one: {"speaker_label": f"spk_{one.who}"})}},
        ("spk_0", "spk_1"),
    ),
    "aws, channels": Form(aws_channels, by_channel=True, lists_channels=True),
    "aws, call": Form(aws_call, ("AGENT", "CUSTOMER")),
    "google": Form(lambda talk: google(talk, "startTime", "endTime", "speakerTag", True, google_seconds), FROM_1),
    "google, version 2": Form(lambda t: google(t, "startOffset", "endOffset", "speakerLabel", False, google_seconds), FROM_1),
    "google, batch": Form(
        lambda t: {
            "results": {
                "gs://b/a.wav": {"transcript": google(t, "startOffset", "endOffset", "speakerLabel", False, google_seconds)}
            }
        },
        FROM_1,
    ),
    "google, operation": Form(
        lambda t: {"done": True, "response": google(t, "startTime", "endTime", "speakerTag", True, google_seconds)}, FROM_1
    ),
    "riva": Form(lambda talk: google(talk, "startTime", "endTime", "speakerTag", False, lambda ms: ms), FROM_1),
    "azure, batch": Form(azure_batch, FROM_1),
    "azure, fast": Form(azure_fast, by_channel=True),
    "azure, first fast": Form(lambda talk: azure_fast(talk, "offset", "duration"), by_channel=True),
    "azure, sdk": Form(azure_results),
    "video indexer": Form(video_indexer, ("Speaker #1", "Mia")),
    "deepgram, words": Form(deepgram, FROM_0),
    "deepgram, utterances": Form(lambda talk: deepgram(talk, utterances=True), FROM_0),
    "deepgram, paragraphs": Form(lambda talk: deepgram(talk, paragraphs=True, listed=False), FROM_0),
    "deepgram, channels": Form(deepgram_channels, by_channel=True, lists_channels=True),
    "assemblyai": Form(lambda talk: assemblyai(talk, True), LETTERS),
    "assemblyai, words": Form(lambda talk: assemblyai(talk, False), LETTERS),
    "speechmatics": Form(speechmatics, ("S1", "S2")),
    "rev ai": Form(rev, FROM_0),
    "rev": Form(
        lambda talk: rev(
            talk, "timestamp", "end_timestamp", rev_clock, {"speakers": [{"id": 0, "name": "Ida Roe"}, {"id": 1, "name": "Ole"}]}
        ),
        ("Ida Roe", "Ole"),
    ),
    "ibm": Form(watson, FROM_0, bare=True),
    "elevenlabs": Form(elevenlabs_words, FROM_0),
    "elevenlabs, channels": Form(elevenlabs_channels, by_channel=True, lists_channels=True),
    "gladia": Form(gladia, FROM_0),
    "gladia, version 1": Form(gladia_1, FROM_0),
    "pyannoteAI": Form(
        lambda t: {"jobId": "x", "output": {"diarization": [], "wordLevelTranscription": words(t, "text", LABELS)}}, LABELS
    ),
    "pyannoteAI, turns": Form(lambda talk: {"output": {"turnLevelTranscription": segments(talk, LABELS)}}, LABELS),
    "turns": Form(lambda talk: segments(talk, LABELS), LABELS),
    "turns with other names": Form(
        lambda talk: [
            {"start_time": s(one.start), "end_time": s(one.end), "text": one.text, "speaker_id": LABELS[one.who]} for one in talk
        ],
        LABELS,
    ),
    "turns that name milliseconds": Form(
        lambda t: [{"startMs": one.start, "endMs": one.end, "text": one.text, "speaker": LETTERS[one.who]} for one in t], LETTERS
    ),
    "turns in milliseconds": Form(lambda talk: segments(talk, LETTERS, lambda ms: ms), LETTERS, warnings=1),
    "turns that last": Form(
        lambda t: [{"text": one.text, "start": s(one.start), "duration": s(one.end) - s(one.start)} for one in t],
    ),
    "words": Form(lambda talk: words(talk, names=LABELS), LABELS),
    "words in milliseconds": Form(lambda talk: words(talk, names=LABELS, unit=lambda ms: ms), LABELS, warnings=1),
}
