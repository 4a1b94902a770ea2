"""Words of speech recognition are cut after sentences."""

import pytest

from merc.annotation.transcripts.sentences import Word, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I know. You know!", ["I know.", "You know!"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ("He said 'go.' She went.", ["He said 'go.'", "She went."]),
        ("No. No. No.", ["No.", "No.", "No."]),
        ("I... well, I don't know", ["I... well, I don't know"]),
        ("Ask Dr. Brown and J. Smith", ["Ask Dr. Brown and J. Smith"]),
        ("It costs 3.50 now. ok", ["It costs 3.50 now. ok"]),
        ("Wait… What", ["Wait…", "What"]),
        ("¿Qué? ¡No! Sí", ["¿Qué?", "¡No!", "Sí"]),
        ("no mark at all", ["no mark at all"]),
    ],
)
def test_sentences(text, expected):
    words = [Word(f" {word}", float(place), place + 0.5) for place, word in enumerate(text.split())]
    assert ["".join(word.text for word in part).strip() for part in sentences(words)] == expected


def test_a_mark_within_a_word_ends_nothing_but_chinese_needs_no_space():
    def joined(*texts):
        words = [Word(text, float(place), place + 0.5) for place, text in enumerate(texts)]
        return ["".join(word.text for word in part) for part in sentences(words)]

    assert joined(" example.", "com", " is", " up") == [" example.com is up"]
    assert joined("我", "知道。", "你", "呢？", "好") == ["我知道。", "你呢？", "好"]


def test_a_sentence_without_duration_stays_with_its_neighbour():
    assert sentences([Word(" No.", 1.0, 1.0), Word(" Why?", 1.0, 2.0), Word(" So.", 2.0, 2.0)]) == [
        [Word(" No.", 1.0, 1.0), Word(" Why?", 1.0, 2.0), Word(" So.", 2.0, 2.0)]
    ]
    assert sentences([]) == []
