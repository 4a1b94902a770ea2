"""Utterances as tests write them: words first, ids counted from 1."""

from merc.annotation.transcripts.transcript import numbered
from merc.data.schema import Utterance


def spoken(words, speaker=None, start=None, end=None, channel=None):
    return Utterance("1", speaker, words, start, end, channel)


def turns_of(*utterances):
    return numbered(utterances)
