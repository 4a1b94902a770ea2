"""Conversations with the same words, whatever their case, ids and speakers."""

from merc.data.duplicates import same_words


def test_groups_come_in_order_and_short_or_wordless_conversations_are_in_none():
    said = {
        "a": ("Hello", "Yes ", "No"),
        "b": ("one", "two", "three"),
        "c": ("hello", "yes", "no"),
        "d": ("hi", "bye"),
        "e": ("hi", "bye"),
        "f": (None, None, None),
        "g": (None, None, None),
        "h": (None, "x", "y"),
        "i": ("", "x", "y"),
    }
    assert same_words(said.items()) == [["a", "c"], ["h", "i"]]
