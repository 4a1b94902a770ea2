"""Conversations with the same words throughout: one conversation under two ids, which no check of ids can find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LENGTH = 3  # utterances: shorter conversations may well be alike


def same_words(conversations: Iterable[tuple[str, Sequence[str | None]]]) -> list[list[str]]:
    """Groups of ids, two or more each, in the order of the conversations.

    Args:
        conversations: id, and the words of each utterance or None. Those of fewer than three utterances, or without words, are in
            no group; case and blanks at the ends do not count.
    """
    by_words: dict[tuple[str, ...], list[str]] = {}
    for conversation_id, said in conversations:
        words = tuple((each or "").casefold().strip() for each in said)
        if len(words) >= _LENGTH and any(words):
            by_words.setdefault(words, []).append(conversation_id)
    return [ids for ids in by_words.values() if len(set(ids)) > 1]
