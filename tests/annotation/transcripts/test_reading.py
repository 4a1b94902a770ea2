"""Any transcript: what is opened and refused, and the rules that hold for every kind of file."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotation.turns import spoken, turns_of
from merc.annotation.transcripts import reading
from merc.annotation.transcripts.cues import LinkedMedium
from merc.annotation.transcripts.formats import SUFFIXES
from merc.annotation.transcripts.reading import read_transcript, read_transcripts
from merc.annotation.transcripts.transcript import Transcript, in_recording
from merc.annotation.transcripts.words import holds_words
from merc.errors import DataError, MercError
from steps import in_proportion

TIMES = "00:00:01,000 --> 00:00:02,500"
TTML = '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2.5s">'
# One turn of the given words, in every kind of file.
SAMPLES = {
    ".srt": f"1\n{TIMES}\n%s\n",
    ".vtt": "WEBVTT\n\n00:01.000 --> 00:02.500\n%s\n",
    ".ass": "[Script Info]\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,%s\n",
    ".ssa": "[Script Info]\n[Events]\nDialogue: Marked=0,0:00:01.00,0:00:02.50,Default,,0,0,0,,%s\n",
    ".ttml": f"{TTML}%s</p></div></body></tt>",
    ".dfxp": f"{TTML}%s</p></div></body></tt>",
    ".xml": f"<?xml version='1.0'?>{TTML}%s</p></div></body></tt>",
    ".sub": "{1}{1}10.000\n{10}{25}%s\n",
    ".sbv": "0:00:01.000,0:00:02.500\n%s\n",
    ".lrc": "[00:01.00]%s\n[00:02.50]\n",
    ".json": '[{"start": 1, "end": 2.5, "text": "%s"}]',
    ".csv": "start,end,text\n1,2.5,%s\n",
    ".tsv": "start\tend\ttext\n1\t2.5\t%s\n",
    ".txt": "[00:01 --> 00:02.5] %s\n",
    ".md": "[00:01 --> 00:02.5] %s\n",
    ".eaf": """<?xml version="1.0"?>
<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2500"/></TIME_ORDER>
<TIER TIER_ID="text" LINGUISTIC_TYPE_REF="l"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1"
TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>%s</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="l"/></ANNOTATION_DOCUMENT>
""",
    ".textgrid": """File type = "ooTextFile"
Object class = "TextGrid"

0 3 <exists> 1
"IntervalTier" "text" 0 3 1
1 2.5 "%s"
""",
    ".cha": "@UTF8\n@Begin\n@Participants:\tANN Adult\n*ANN:\t%s \x151000_2500\x15\n@End\n",
    ".exb": """<?xml version="1.0"?>
<basic-transcription><basic-body><common-timeline><tli id="T0" time="1"/><tli id="T1" time="2.5"/></common-timeline>
<tier id="TIE0" category="v" type="t"><event start="T0" end="T1">%s</event></tier></basic-body></basic-transcription>
""",
}
TEXTS = tuple(SAMPLES)  # a Word document is none, and CTM holds single words: both have tests of their own
ALWAYS_NAMED = {".cha": "Adult"}


def read(content, name):
    return read_transcript(io.BytesIO(content.encode() if isinstance(content, str) else content), name)


def refusal(content, name):
    with pytest.raises(DataError) as error:
        read(content, name)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def listed(*records):
    """The turns of a .json file that lists these."""
    return read(json.dumps(records), "talk.json")


def test_every_suffix_has_a_sample():
    assert {*TEXTS, ".docx", ".ctm"} == set(SUFFIXES)


@pytest.mark.parametrize("suffix", TEXTS)
def test_the_same_talk_is_read_from_every_kind_of_file(suffix, tmp_path):
    path = tmp_path / f"Talk{suffix.upper()}"
    path.write_text(SAMPLES[suffix] % "Well done.")
    assert read_transcript(path) == Transcript(turns_of(spoken("Well done.", ALWAYS_NAMED.get(suffix), 1.0, 2.5)))


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_do_not_matter(suffix, encoding, end):
    content = (SAMPLES[suffix] % "Déjà vu – “non”?").replace("\n", end).encode(encoding) if suffix != ".json" else None
    if content is None:
        content = (SAMPLES[suffix] % "Déjà vu – “non”?").encode(encoding)
    (turn,) = read(content, f"talk{suffix}").utterances
    assert turn == spoken("Déjà vu – “non”?", ALWAYS_NAMED.get(suffix), 1.0, 2.5)


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b" \r\n\t", b"\xff\xfe", b"\xfe\xff\x00\n"])
def test_an_empty_file_is_told(suffix, content):
    assert refusal(content, f"talk{suffix}").startswith(f"talk{suffix} is empty: expected ")


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_file_without_words_is_told(suffix):
    message = refusal(SAMPLES[suffix] % "[door slams]", f"talk{suffix}")
    assert message.endswith("found 1 stretch without any")
    assert message.startswith(f"talk{suffix}: expected words that somebody says")


def test_lists_of_nothing_hold_no_words():
    assert refusal("[]", "talk.json").endswith("in JSON, found none")
    assert refusal("text\n", "talk.csv").endswith("found none")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (SAMPLES[".vtt"], "talk.srt", "talk.srt: expected SubRip subtitles, found WebVTT subtitles; rename it to .vtt"),
        (SAMPLES[".srt"], "talk.vtt", "talk.vtt: expected WebVTT subtitles, found SubRip subtitles; rename it to .srt"),
        (SAMPLES[".srt"], "talk.txt", "talk.txt: expected plain text, found SubRip subtitles; rename it to .srt"),
        (
            SAMPLES[".ass"],
            "talk.srt",
            "talk.srt: expected SubRip subtitles, found SubStation Alpha subtitles; rename it to .ass or .ssa",
        ),
        (SAMPLES[".json"], "talk.csv", "talk.csv: expected a table with a header, found JSON; rename it to .json"),
        (
            SAMPLES[".ttml"],
            "talk.srt",
            "talk.srt: expected SubRip subtitles, found TTML subtitles; rename it to .ttml or .dfxp or .xml",
        ),
        (SAMPLES[".srt"], "talk.json", "talk.json: expected JSON, found SubRip subtitles; rename it to .srt"),
        ("Ann: Hi", "talk.srt", f"talk.srt: expected SubRip subtitles, found no line such as {TIMES}"),
        ("Ann: Hi", "talk.vtt", "talk.vtt: expected WebVTT, which begins with WEBVTT"),
        ("Ann: Hi", "talk.ass", "talk.ass: expected SubStation Alpha subtitles, found no line that begins with 'Dialogue:'"),
        ("Ann: Hi", "talk.rtf", f"talk.rtf: .rtf suffix; transcripts are read from {', '.join(SUFFIXES)}"),
        ("Ann: Hi", "talk", f"talk: no suffix; transcripts are read from {', '.join(SUFFIXES)}"),
        ("a\0b", "talk.txt", "talk.txt: expected text in UTF-8, UTF-16 or Windows-1252, found broken UTF-16"),
    ],
)
def test_content_that_is_not_what_the_suffix_says_is_told(content, name, message):
    assert refusal(content, name) == message


def test_an_encoding_can_be_named():
    said = SAMPLES[".srt"] % "Колесо крутится."
    assert read_transcript(io.BytesIO(said.encode("cp866")), "a.srt", encoding="cp866").utterances[0].words == "Колесо крутится."
    with pytest.raises(DataError, match=r"^a\.srt, line 3: not a text in utf-8, as which it was to be read$"):
        read_transcript(io.BytesIO(said.encode("cp866")), "a.srt", encoding="utf-8")


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"a\.srt: expected a transcript, found nothing$"):
        read_transcript(tmp_path / "a.srt")
    (tmp_path / "b.srt").mkdir()
    with pytest.raises(DataError, match=r"b\.srt: expected a transcript, found a folder$"):
        read_transcript(tmp_path / "b.srt")


def test_a_name_can_not_steer_a_terminal():
    assert refusal("Ann: Hi", "a\x1b[2J\n.srt").startswith("a\\x1b[2J .srt: ")


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    assert reading.MOST_BYTES == 64 * 2**20
    monkeypatch.setattr(reading, "MOST_BYTES", 2**20)
    refused = b"x" * (2**20 + 1)
    assert refusal(refused, "talk.txt") == "talk.txt: more than 1 MB; a transcript is smaller"
    assert len(read(refused[1:], "talk.txt").utterances[0].words) == 2**20


def test_an_open_file_is_read_whole_by_its_own_name_and_stands_where_it_stood(tmp_path):
    path = tmp_path / "talk.txt"
    path.write_text("Ann: Hi\nBob: Ho\n")
    with path.open("rb") as file:
        file.seek(5)
        assert [turn.speaker for turn in read_transcript(file).utterances] == ["Ann", "Bob"]
        assert file.tell() == 5
        with pytest.raises(DataError, match=r"^other\.csv, row 1: no column for the words"):
            read_transcript(file, "other.csv")


def test_an_open_file_needs_a_name_and_bytes(tmp_path):
    with pytest.raises(DataError, match=r"^an open file without a name"):
        read_transcript(io.BytesIO(b"Ann: Hi"))
    path = tmp_path / "talk.txt"
    path.write_text("Ann: Hi")
    with path.open() as file, pytest.raises(DataError, match=r"talk\.txt: expected a file that is open as bytes"):
        read_transcript(file)
    closed = io.BytesIO(b"Ann: Hi")
    closed.close()
    with pytest.raises(DataError, match=r"^talk\.txt: expected a file that is open as bytes"):
        read_transcript(closed, "talk.txt")


@pytest.mark.parametrize("suffix", TEXTS)
def test_reading_needs_no_extra(suffix, monkeypatch):
    for package in ("pysubs2", "webvtt", "lxml"):
        monkeypatch.setitem(sys.modules, package, None)
    assert read(SAMPLES[suffix] % "Hi.", f"talk{suffix}").utterances


def test_turns_are_sorted_by_start_and_overlaps_kept():
    transcript = listed(
        {"text": "c", "start": 5, "end": 6}, {"text": "a", "start": 1, "end": 9}, {"text": "b", "start": 1, "end": 2}
    )
    assert [(turn.words, turn.start, turn.end) for turn in transcript.utterances] == [
        ("a", 1.0, 9.0),
        ("b", 1.0, 2.0),
        ("c", 5.0, 6.0),
    ]
    assert transcript.warnings == ("the turns do not stand in order of time: they are sorted by their starts",)


def test_turns_stay_as_they_stand_where_one_has_no_start():
    transcript = listed({"text": "c", "start": 5}, {"text": "x"}, {"text": "a", "start": 1, "end": 2})
    assert [turn.words for turn in transcript.utterances] == ["c", "x", "a"]
    assert transcript.warnings == ("the turns do not stand in order of time, and stay as they stand, since some have no start",)


def test_turns_in_order_give_no_warning():
    assert listed({"text": "a", "start": 1, "end": 2}, {"text": "b", "start": 1, "end": 2}, {"text": "c"}).warnings == ()


def test_an_end_before_its_start_is_unknown():
    transcript = listed({"text": "a", "start": 3, "end": 2}, {"text": "b", "start": 4, "end": 4})
    assert [(turn.start, turn.end) for turn in transcript.utterances] == [(3.0, None), (4.0, 4.0)]
    assert transcript.warnings == ("1 turn ends before the start: such ends are taken as unknown",)


def test_negative_times_are_unknown():
    transcript = listed({"text": "a", "start": -1, "end": 2}, {"text": "b", "start": -0.5, "end": -0.1})
    assert [(turn.start, turn.end) for turn in transcript.utterances] == [(None, 2.0), (None, None)]
    assert transcript.warnings == ("3 times are negative or not finite, and so taken as unknown",)


def test_without_any_end_a_turn_ends_where_the_next_begins():
    transcript = read("start,text\n1,a\n3,b\n3,c\n7,d\n", "talk.csv")
    assert [(turn.start, turn.end) for turn in transcript.utterances] == [(1.0, 3.0), (3.0, 7.0), (3.0, 7.0), (7.0, None)]
    assert transcript.warnings == ("the file gives no ends: each turn is taken to end where the next begins",)


def test_one_end_is_enough_for_no_end_to_be_made_up():
    transcript = read("start,end,text\n1,,a\n3,4,b\n", "talk.csv")
    assert [turn.end for turn in transcript.utterances] == [None, 4.0]
    assert transcript.warnings == ()


def test_turns_without_words_are_left_out_and_counted():
    transcript = listed({"text": "[sighs]"}, {"text": "a"}, {"text": " ♪ la ♪ "}, {"text": "..."}, {"text": "?!"})
    assert [turn.words for turn in transcript.utterances] == ["a", "?!"]
    assert transcript.warnings == ("3 turns without words are left out",)


NASTY = (
    "<",
    "<a",
    "{",
    "{}",
    "{\\p1",
    "[",
    "(",
    ". (",
    " ",
    "\\n",
    "♪",
    "♪ a",
    "&#1",
    "&a",
    "a:",
    "Ann: ",
    "-",
    "- \n",
    "1",
    "1:",
    "x\n1 ",
)
NASTY += (
    "00:00:01,000 ",
    "\u202e",
    "\u2066\u202a",
    "\u2069",
    "(a)",
    "<v ",
    "--5",
    "a,",
    "\r",
    "( \n",
    "<00:",
    "\n",
    "a\n-b\n",
    "[00:01] ",
)


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("piece", NASTY)
def test_much_of_one_thing_takes_steps_in_proportion(suffix, piece):
    def read_many(count):
        words = piece * count + "x"
        content = json.dumps([{"text": words}]) if suffix == ".json" else SAMPLES[suffix] % words
        try:
            read(content, f"talk{suffix}")
        except DataError as error:
            assert len(str(error)) < 400

    assert in_proportion(read_many, 12, "merc.", "pysubs2", "webvtt")


PIECES = (
    *NASTY,
    TIMES,
    "WEBVTT",
    "[Events]",
    "Dialogue: ",
    "Format: Start, End, Text",
    "Ann: Hi",
    "- ",
    "\n\n",
    '{"text":',
    "[{",
    "}]",
    ",",
    '"',
)
PIECES += (
    "start,end,speaker,text,channel",
    "NaN",
    "1e999",
    '"segments"',
    '"start"',
    "null",
    "-1",
    "\ufeff",
    "\0",
    "\ud800",
    "00:01.000 --> 00:02.000",
    "é",
)


@given(st.sampled_from(TEXTS), st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example(".json", '[{"text": "a", "start": ' + "9" * 400 + "}]")
@example(".json", '[{"text": "\\ud800 a"}]')
@example(".srt", "1\n00:00:01,000 --> 00:00:0:,000\n")
@example(".ass", "Dialogue: 0,x,y,,,,,,,z")
@example(".csv", 'text\n"a')
def test_whatever_bytes_are_given_a_transcript_comes_or_one_line_of_error(suffix, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogatepass")
    try:
        transcript = read(data, f"talk{suffix}")
    except MercError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 400
        return
    assert transcript.utterances
    for turn in transcript.utterances:
        assert holds_words(turn.words)
        assert turn.words == " ".join(turn.words.split())
        turn.words.encode("utf-8")
        assert turn.speaker is None or turn.speaker == " ".join(turn.speaker.split()) != ""
        assert turn.start is None or 0 <= turn.start < float("inf")
        assert turn.end is None or (turn.start or 0) <= turn.end < float("inf")


@given(st.sampled_from(TEXTS), st.integers(0, 200), st.integers(0, 255))
def test_one_changed_byte_gives_a_transcript_or_one_line_of_error(suffix, place, byte):
    data = bytearray((SAMPLES[suffix] % "Ann: Well – done.").encode())
    data[place % len(data)] = byte
    try:
        assert read(bytes(data), f"talk{suffix}").utterances
    except MercError as error:
        assert "\n" not in str(error)


def test_times_of_a_file_with_an_offset_are_those_of_the_recording():
    media = (LinkedMedium("talk.mp4", "talk.mp4", 1.5), LinkedMedium("cut.wav", "cut.wav", 0.0))
    transcript = Transcript((spoken("Well.", "Ann", 1.0, 2.0), spoken("Then?")), media=media)
    moved = in_recording(transcript, "talk.mp4")
    assert [(u.start, u.end) for u in moved.utterances] == [(2.5, 3.5), (None, None)]
    assert moved.warnings == ("the transcript's time 0 is 1.5 s after the start of the recording, as its file says",)
    assert in_recording(transcript, "cut.wav") is transcript
    assert in_recording(transcript, "else.wav") is transcript  # which of the two offsets it has, nobody knows


def test_tiers_are_named_only_where_there_are_some(tmp_path):
    path = tmp_path / "talk.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHi.\n")
    with pytest.raises(DataError, match=r"tiers were named, and SubRip subtitles has none; \.eaf, \.textgrid, \.exb have"):
        read_transcripts(path, tiers=["words"])
