"""The page as text: escaped, closed off by its policy, marked by more than colour, the same each time."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from annotation.invented import HOSTILE, SEVEN, TALK, annotation, hostile, with_utterances
from merc.annotation.export.marks import COLOURS, KNOWN, PATTERNS, SHAPES, marks_of
from merc.annotation.export.page import PAGE_COLOURS, medium_address, script_data
from merc.annotation.export.timeline import MOST_LANES, clock, timeline_of
from merc.data.schema import Absence
from merc.errors import DataError

IEMOCAP = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
VOID = {"meta", "input", "img", "br", "hr", "link"}
ADDRESSES = ("src", "href", "action", "formaction", "data", "poster", "srcset", "style")


class Page(HTMLParser):
    """Elements with their attributes, texts by element, and what is left open."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def contrast(one, other):
    """WCAG 2.2."""

    def light(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# What comes from the data


@pytest.mark.parametrize("make", [annotation, hostile, lambda: annotation(timed=False)])
def test_the_page_parses_and_closes_what_it_opens(make):
    page = Page(make().to_html())
    assert page.open == []
    assert len([one for tag, one in page.elements if tag == "li" and one.get("class") == "u"]) == len(make().utterances)


def test_no_text_of_the_data_becomes_an_element_or_attribute():
    page, honest = Page(hostile().to_html("talk.wav")), Page(annotation().to_html("talk.wav"))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in honest.elements}
    assert len(page.all("script")) == 2 and len(page.all("style")) == 1 and len(page.all("meta")) == 4
    names = {name for _, attributes in page.elements for name in attributes}
    assert not any(name.startswith("on") for name in names)
    assert "style" not in names
    addresses = [attributes[name] for _, attributes in page.elements for name in ADDRESSES if name in attributes]
    assert {address[:2] for address in addresses} == {"#g", "#u", "./"}


def test_every_text_can_be_read_on_the_page():
    shown = " ".join(text for texts in Page(hostile().to_html()).texts.values() for text in texts)
    for text in (*HOSTILE[:6], "é 𝄞 שלום سلام 感情", r"turned \u202egnp.tab\u2066", r"\x1b[2J\x07 \x00 \u2028 \ufffe \ud800 end"):
        assert text.strip() in shown


def test_what_steers_the_display_is_shown_and_right_to_left_text_is_isolated():
    text = hostile().to_html()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066\u2067\ud800-\udfff\ufffe]", text)
    words = re.findall(r'<p class="words" dir="auto">(.*?)</p>', text, re.DOTALL)
    assert len(words) == len(HOSTILE)
    assert "\u200f" in words[7]
    page = annotation().to_html()
    assert page.count("<bdi>שירה</bdi>") == 3  # summary, and twice in the list
    assert page.count("\u2068") == page.count("\u2069") > 0


def test_a_line_of_a_megabyte_is_cut_and_the_page_says_so():
    talk = [("Ann", "joy", "<b>" + "a" * 1_000_000), ("x" * 1_000_000, "joy", "y")]
    text = annotation(talk=talk).to_html()
    assert len(text) < 60_000
    assert "This utterance is longer; the JSON holds the whole." in text
    assert Page(text).open == []


def test_the_data_for_the_script_can_not_end_it():
    text = str(script_data({"a": "</script><!--&\u2028\u2029"}))
    assert not any(character in text for character in "<>&\u2028\u2029")
    assert json.loads(text) == {"a": "</script><!--&\u2028\u2029"}


def test_the_script_gets_numbers_only():
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', hostile().to_html())
    assert re.fullmatch(r'[\d.,\[\]{}:]*("extent"|"spans"|[\d.,\[\]{}:]|null)*', data)
    assert json.loads(data)["spans"][:2] == [[0.0, 0.9], [1.0, 1.9]]


# What the page is closed off by


def policy(page):
    (content,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    return {rule.split()[0]: rule.split()[1:] for rule in content.split(";")}


def test_the_policy_allows_the_own_script_and_style_and_no_request_but_for_media():
    text = annotation().to_html("talk.wav")
    rules = policy(Page(text))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["media-src"] == ["'self'", "file:"]
    assert rules["img-src"] == ["data:"]
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert rules[rule] == [f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"]
    assert set(rules) == {"default-src", "base-uri", "form-action", "media-src", "img-src", "script-src", "style-src"}


def test_without_a_recording_the_policy_lets_no_media_in():
    assert "media-src" not in policy(Page(annotation().to_html()))


def test_the_policy_stands_before_anything_that_it_governs():
    text = annotation().to_html("talk.wav")
    assert text.index("Content-Security-Policy") < min(
        text.index(f"<{tag}") for tag in ("style", "script", "audio", "body", "title")
    )


@pytest.mark.parametrize(
    ("medium", "address"),
    [
        ("talk.mp4", "./talk.mp4"),
        ('a b #1?%41&".wav', "./a%20b%20%231%3F%2541%26%22.wav"),
        ("clips/é.wav", "./clips/%C3%A9.wav"),
        ("javascript:void(1)", "./javascript%3Avoid%281%29"),
        ("http:evil.example", "./http%3Aevil.example"),
        ("\udcff.wav", "./%FF.wav"),
    ],
)
def test_whatever_a_recording_is_called_its_address_is_relative(medium, address):
    assert medium_address(medium) == address


@pytest.mark.parametrize(
    "medium", ["", "/etc/passwd", "//evil.example/a", "http://evil.example/", "../a.wav", "a/../../b", "\0", "\ud800", "a/"]
)
def test_what_is_no_name_beside_the_page_is_refused(medium):
    with pytest.raises(DataError, match="expected a file's path from the page's folder"):
        annotation().to_html(medium)


def test_sound_is_played_as_sound_and_pictures_as_video_and_text_not_at_all():
    assert '<audio id="player" controls preload="metadata" src="./talk.wav">' in annotation().to_html("talk.wav")
    assert 'src="./talk.mp4"></video>' in annotation(kind="video").to_html("talk.mp4")
    for silent in (annotation().to_html(), annotation(kind="text").to_html("talk.srt")):
        assert not {"audio", "video"} & {tag for tag, _ in Page(silent).elements}


# What it shows


def test_the_same_annotation_gives_the_same_bytes():
    assert annotation().to_html("talk.wav") == annotation().to_html("talk.wav")


def test_the_page_says_that_labels_are_guesses_and_what_was_missing():
    text = annotation().to_html()
    assert "These are guesses." in text
    assert "It is no reading of what anybody felt" in text
    assert "<strong>No <bdi>visual</bdi></strong> in 4 utterances: <bdi>no face was found</bdi>" in text
    assert '<a href="#u3">4</a>, <a href="#u10">11</a>' in text
    assert "talk.srt: 2 subtitles overlap; both were kept" in text
    for fact in ("audio, 1:23", "25 utterances, 4 speakers", "cmath-meld", "beef" * 16, "c0ffee" * 10):
        assert fact in text


def test_an_utterance_has_words_mark_probability_and_trust():
    text = annotation().to_html()
    (entry,) = re.findall(r'<li class="u" id="u3".*?</li>', text, re.DOTALL)
    first = annotation().utterances[3]
    assert f'<use href="#g{SEVEN.index("surprise")}"/>' in entry
    probability = f"{100 * first.probabilities['surprise']:.0f}"
    bar = f'<svg class="bar" aria-hidden="true"><rect class="f-cyan" width="{probability}%" height="100%"/></svg>'
    assert f"<bdi>surprise</bdi> {bar} {probability}\u00a0%" in entry
    assert f'<rect width="{100 * first.trust["audio"]:.0f}%"' in entry
    assert "no <bdi>visual</bdi>" in entry
    assert TALK[3][2] in entry


def test_the_next_probable_emotion_is_named_where_it_is_near():
    whole = annotation(talk=[("Ann", "joy", "x")])
    for share, named in ((0.3, True), (0.1, False)):
        probabilities = {**dict.fromkeys(SEVEN, 0.0), "joy": 1 - share, "anger": share}
        text = with_utterances(whole, (replace(whole.utterances[0], probabilities=probabilities),)).to_html()
        assert (f"or <bdi>anger</bdi> {100 * share:.0f}\u00a0%" in text) is named


def test_a_block_is_filled_as_high_as_its_emotion_is_probable():
    whole = annotation(talk=[("Ann", "joy", "x")] * 3)
    shares = (0.9, 0.22, 0.01)
    others = [(1 - share) / 6 for share in shares]
    rows = [{**dict.fromkeys(SEVEN, other), "joy": share} for share, other in zip(shares, others, strict=True)]
    judged = [replace(u, probabilities=row) for u, row in zip(whole.utterances, rows, strict=True)]
    text = with_utterances(whole, judged).to_html()
    filled = [(float(y), float(high)) for y, high in re.findall(r'class="sure" y="([\d.]+)" width="100%" height="([\d.]+)"', text)]
    assert filled == [(2.8, 25.2), (21.8, 6.2), (25.0, 3.0)]  # px of 28; the least that can be seen is 3
    assert re.findall(r'<rect class="f-amber" width="(\d+)%"', text) == ["90", "22", "1"]


def test_shares_of_a_speaker_add_up():
    text = annotation().to_html()
    bars = re.findall(r'<svg class="shares".*?</svg>', text, re.DOTALL)
    assert len(bars) == 5  # everybody and four speakers
    for bar in bars:
        assert sum(float(width) for width in re.findall(r'<rect x="[\d.]+%" width="([\d.]+)%"', bar)) == pytest.approx(100, abs=0.1)


def test_a_conversation_without_times_is_shown_in_order_without_a_player():
    text = annotation(kind="text", name="talk.txt", timed=False).to_html()
    assert ">In order</h2>" in text and ">Timeline</h2>" not in text
    assert text.count('role="button"') == len(TALK)
    assert "go to" not in text
    assert {"audio", "video"} & {tag for tag, _ in Page(text).elements} == set()


def test_a_model_without_trust_shows_none():
    whole = annotation()
    whole = with_utterances(whole, (replace(one, trust={}) for one in whole.utterances))
    assert "trust" not in whole.to_html() and "then how much of the trust" in annotation().to_html()
    assert 'class="t"><bdi>text' not in whole.to_html() and 'class="t"><bdi>text' in annotation().to_html()


def test_what_was_left_out_before_judging_is_counted_among_the_absences():
    absences = (Absence("left-out", "audio", "cut off"), Absence("4", "audio", "cut off"))
    text = annotation(absences=absences).to_html()
    assert "<strong>No <bdi>audio</bdi></strong> in 2 utterances: <bdi>cut off</bdi>" in text
    assert '(number <a href="#u4">5</a>)' in text


def test_one_utterance_makes_a_page():
    assert "1 utterance," in annotation(talk=TALK[:1]).to_html()


def test_two_thousand_utterances_make_less_than_three_megabytes():
    text = annotation(talk=[line for _ in range(80) for line in TALK]).to_html("talk.wav")
    assert text.count('<li class="u"') == 2000
    assert len(text.encode()) < 3_000_000


# Marks


@pytest.mark.parametrize(
    "labels", [SEVEN, IEMOCAP, ("negative", "positive"), tuple(f"class {n}" for n in range(20)), ("joy", "happy", "Joy")]
)
def test_no_two_labels_share_a_shape(labels):
    marks = marks_of(labels)
    assert list(marks) == list(labels)
    assert len({mark.shape for mark in marks.values()}) == len(labels)


@pytest.mark.parametrize("labels", [SEVEN, IEMOCAP])
def test_the_usual_emotions_have_fixed_marks_that_differ_in_colour_too(labels):
    marks = marks_of(labels)
    assert marks == {label: KNOWN[label] for label in labels}
    assert len({mark.colour for mark in marks.values()}) == len(labels)


def test_hundreds_of_labels_look_different():
    marks = marks_of(("neutral", *map(str, range(600))))
    assert len(set(marks.values())) == 601


def test_a_label_set_without_end_has_marks_still():
    assert len(marks_of([str(number) for number in range(3000)])) == 3000


def test_case_and_blanks_do_not_matter_to_known_labels():
    assert marks_of((" Joy", "ANGER")) == {" Joy": KNOWN["joy"], "ANGER": KNOWN["anger"]}


def test_marks_name_what_there_is():
    for mark in marks_of((*KNOWN, *map(str, range(300)))).values():
        assert mark.colour in COLOURS and mark.shape in SHAPES and mark.pattern in PATTERNS


@pytest.mark.parametrize("mode", [0, 1])
def test_colours_stand_out(mode):
    colours = {name: both[mode] for name, both in PAGE_COLOURS.items()}
    for text in ("text", "muted", "link"):
        for behind in ("page", "raised"):
            assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for text in ("text", "link"):
        assert contrast(colours[text], colours["now"]) >= 4.5
    assert contrast(colours["bar"], colours["track"]) >= 3
    for name, both in COLOURS.items():
        assert contrast(both[mode], colours["page"]) >= 3, name
        assert contrast(both[mode], colours["now"]) >= 3, name
        assert contrast(both[mode], colours["track"]) >= 3, name
    assert contrast(colours["axis"], colours["page"]) >= 3


# The timeline


def test_blocks_stand_where_the_times_say():
    whole = annotation()
    timeline = timeline_of(whole)
    assert timeline.lanes == ("Ann", "Ben", "Waiter", "שירה")
    assert timeline.extent == whole.origin.duration
    for block in timeline.blocks:
        one = whole.utterances[block.utterance]
        assert block.x * timeline.extent / 100 == pytest.approx(one.start)
        assert (block.x + block.width) * timeline.extent / 100 == pytest.approx(one.end)
        assert timeline.lanes[block.lane] == one.speaker


def test_without_times_blocks_stand_in_order_and_are_equally_wide():
    timeline = timeline_of(annotation(timed=False))
    assert not timeline.timed
    assert [block.utterance for block in timeline.blocks] == list(range(25))
    assert {round(block.width, 6) for block in timeline.blocks} == {4.0}
    assert timeline.spans == (None,) * 25
    assert [tick.label for tick in timeline.ticks] == ["1", "6", "11", "16", "21"]


def at(*times):
    """An annotation with these starts and ends, of no known length."""
    whole = annotation(talk=[("Ann", "joy", "x")] * len(times))
    found = tuple(replace(u, start=start, end=end) for u, (start, end) in zip(whole.utterances, times, strict=True))
    return with_utterances(replace(whole, origin=replace(whole.origin, duration=None)), found)


def test_an_utterance_without_an_end_lasts_until_the_next_but_not_long():
    assert timeline_of(at((0.0, None), (1.5, None), (9.0, 8.0))).spans == ((0.0, 1.5), (1.5, 3.5), (9.0, 11.0))


def test_utterances_without_a_time_are_left_out_and_counted():
    whole = at((0.0, 1.0), (None, None), (-3.0, 2.0))
    assert [block.utterance for block in timeline_of(whole).blocks] == [0, 2]
    assert timeline_of(whole).spans[2] == (0.0, 2.0)
    assert "Without a time, so not in the timeline: 1 utterance." in whole.to_html()


@pytest.mark.parametrize("extent", [0.02, 3.0, 700.0, 86_400.0, 1e9])
def test_every_length_gets_a_few_ticks_that_do_not_touch(extent):
    timeline = timeline_of(at(*[(extent * place / 50, extent * (place + 1) / 50) for place in range(50)]))
    pixels = [tick.x * timeline.width / 100 for tick in timeline.ticks]
    assert pixels[0] == 0
    assert len(pixels) >= 2 or extent < 1
    assert all(after - before >= 75 for before, after in pairwise(pixels))
    assert pixels[-1] <= timeline.width
    step = pixels[1] - pixels[0] if len(pixels) > 1 else timeline.width
    assert timeline.width - pixels[-1] <= step * 1.001  # the last one is there
    left = {"start": 0, "middle": 22, "end": 44}  # px of a label before its tick
    boxes = [(x - left[tick.anchor], x - left[tick.anchor] + 44) for x, tick in zip(pixels, timeline.ticks, strict=True)]
    assert boxes[0][0] == 0 and boxes[-1][1] <= max(timeline.width, 44)
    assert all(before[1] <= after[0] for before, after in pairwise(boxes))


def test_one_word_in_an_hour_makes_no_wide_page():
    assert timeline_of(replace(at((5.0, 5.5)), origin=replace(annotation().origin, duration=3600.0))).width <= 100


def test_a_crowd_shares_the_last_lane():
    talk = [(f"speaker {place % 60}", "joy", "x") for place in range(100)]
    timeline = timeline_of(annotation(talk=talk))
    assert len(timeline.lanes) == MOST_LANES + 1
    assert timeline.lanes[-1] is None
    assert len(timeline.blocks) == 100
    assert {block.lane for block in timeline.blocks} == set(range(MOST_LANES + 1))
    text = annotation(talk=talk).to_html()
    assert "all others" in text and "60 speakers" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1.0, "0:00"), (9.9, "0:09"), (61.0, "1:01"), (3599.0, "59:59"), (3661.0, "1:01:01")]
)
def test_times_are_written_as_a_clock_shows_them(seconds, text):
    assert clock(seconds) == text
