"""Which languages words seem to be in, by py3langid, offline: whether a model judges words in a language that it never saw.

A turn is often too short to tell its language by, so a speaker's turns are joined until they have `LEAST_WORDS`. Each word counts
once, and laughter not at all, since repetition looks like some rare language. docs/annotation.md has the measurements behind the
numbers here, and what the detection can't do.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from merc.data.schema import Conversation
from merc.encoders.text.plain_english import ENGLISH, is_plainly_english
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

LEAST_WORDS = 6  # different ones that a language is told by [chosen, as are all numbers here]
LEAST_IN_OTHER_LETTERS = 2  # where no letter is Latin
LEAST_OF_A_RARE_ONE = 15  # before a language that has no name here is believed
CONFIDENT = 0.6  # that the likeliest three languages have together, where words count as foreign
UNLIKELY = 0.1  # that the model's languages have at most, where words count as foreign
NOTICED = 0.1  # of the words; below that there is no warning
MOST_TURNS = 10_000  # that are looked at, drawn evenly from all: two seconds
_LIKELY = 0.5  # that a language has, where words count as a corpus's
_MOST_CHARACTERS = 2000  # of a turn
_NEARLY = 3  # languages that words are shared out among: Serbian may be Croatian or Bosnian as well
_NAMED = 0.25  # of the foreign words; rarer languages are not named
_NO_LANGUAGE = "zxx"  # py3langid's class of numbers, markup and the like
_CODE = re.compile("[a-z]{2,3}")
# Thai, Lao, Burmese, Khmer, kana, Chinese characters: written without spaces.
_SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile("[A-Za-z]")
_LAUGHTER = re.compile("(?:[bmw]?u?[aeiou]*(?:[hjx]+[aeiou]+){2,}[hjx]*|(?:l+o+)+l+z*|l+m+f*a+o+|rofl|o+m+f?g+|x+d+|h+m+|m+h+m+)")
_AROUND_WORDS = ".,;:!?¡¿…'\"‘’“”«»()[]-–—*_~"
_SEEM = " % of the words seem to be "
_NAMES = {
    **{"af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech"},
    **{"cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian"},
    **{"eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew"},
    **{"hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian"},
    **{"ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian"},
    **{"pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovene", "sq": "Albanian"},
    **{"sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog"},
    **{"tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "yue": "Cantonese", "zh": "Chinese"},
}


def language_name(code: str) -> str:
    """`Spanish` of `es`; a rare language's code as it is."""
    return _NAMES.get(code, f"'{code}'")


def foreign_words(conversations: Sequence[Conversation], known: Sequence[str]) -> tuple[str, ...]:
    """A sentence if a tenth or more of the words seem to be in other languages than the known ones; else nothing.

    Args:
        conversations: with words.
        known: ISO 639 codes of the languages that a model was trained on. Without one, or with one that py3langid does not know,
            nothing can be said.
    """
    if not known or not any(u.words for c in conversations for u in c.utterances):
        return ()
    try:
        return _foreign_words(conversations, known)
    except OSError as error:  # py3langid unpacks its model into a temporary file
        where = f"{tempfile.gettempdir()}: " if tempfile.tempdir else ""
        return (f"which language the words are in could not be told: {where}{error.strerror or error}",)


def _foreign_words(conversations: Sequence[Conversation], known: Sequence[str]) -> tuple[str, ...]:
    stretches = _stretches(conversations)
    total, foreign = sum(each.count for each in stretches), Counter[str]()
    if ENGLISH in known:
        doubtful = sum(each.count for each in stretches if not is_plainly_english(each.words))
        if doubtful < NOTICED * total or not total:
            return ()
    if not set(known) <= set(_identifier().labels):
        return ()
    for count, probabilities in _judged(stretches):
        likely = sorted(probabilities, key=lambda code: -probabilities[code])[:_NEARLY]
        others = [code for code in likely if code not in known and code != _NO_LANGUAGE]
        sure = sum(probabilities[code] for code in others) >= CONFIDENT
        believed = others and (others[0] in _NAMES or count >= LEAST_OF_A_RARE_ONE)
        if believed and sure and sum(probabilities[code] for code in known) < UNLIKELY:
            foreign[others[0]] += count
    share = foreign.total() / max(total, 1)
    if share < NOTICED:
        return ()
    named = [language_name(code) for code, count in foreign.most_common() if count >= _NAMED * foreign.total()]
    seen = " and ".join(named) or "in other languages"
    trained = " and ".join(map(language_name, known))
    return (f"about {100 * share:.0f}{_SEEM}{seen}; the model was trained on {trained}, and its labels of other words mean little",)


def warns_of_language(sentence: str) -> bool:
    """Whether it is a sentence of `foreign_words`."""
    return _SEEM in sentence


def languages_of(conversations: Sequence[Conversation], notes: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The languages of a corpus: what its note `languages` says, else those that a tenth or more of its words seem to be in.

    Args:
        conversations: that speak for the corpus, such as its training part.
        notes, name: the corpus's.

    Returns:
        ISO 639 codes, the commonest first; none where there are no words.

    Raises:
        DataError: the note is no list of codes.
    """
    noted = notes.get("languages")
    if noted is not None:
        codes = noted if isinstance(noted, list | tuple) else [None]
        if not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
            shown = shorten(printable(repr(noted)))
            raise DataError(f"corpus {name!r}: note 'languages' is {shown}; expected a list of ISO 639 codes such as ['de', 'en']")
        return tuple(map(str, codes))
    found, total = Counter[str](), 0
    with suppress(OSError):  # of the temporary file that py3langid unpacks its model into
        for count, probabilities in _judged(_stretches(conversations)):
            likeliest = max(probabilities, key=lambda code: probabilities[code])
            if probabilities[likeliest] >= _LIKELY:
                found[likeliest] += count
                total += count
    return tuple(code for code, count in found.most_common() if count >= NOTICED * total and code != _NO_LANGUAGE)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One speaker's words that are enough to tell a language by.

    Attributes:
        text: the different ones, as they were written.
        words: the same in lower case, bare of marks.
        count: how many.
    """

    text: str
    words: Collection[str]
    count: int


def _judged(stretches: Sequence[_Stretch]) -> Iterator[tuple[int, dict[str, float]]]:
    """Of each stretch: how many different words, and each language's probability."""
    for each in stretches:
        yield each.count, dict(_identifier().rank(each.text))


def _stretches(conversations: Sequence[Conversation]) -> list[_Stretch]:
    turns = [(place, u.speaker, u.words) for place, c in enumerate(conversations) for u in c.utterances if u.words]
    if len(turns) > MOST_TURNS:
        drawn = random.Random(0).sample(range(len(turns)), MOST_TURNS)
        turns = [turns[place] for place in sorted(drawn)]
    joined: dict[tuple[int, str | None], dict[str, str]] = {}
    found: list[_Stretch] = []
    for place, speaker, words in turns:
        different = joined.pop((place, speaker), {})
        for token in words[:_MOST_CHARACTERS].split():
            bare = token.strip(_AROUND_WORDS).casefold()
            if not _LAUGHTER.fullmatch(bare):
                different.setdefault(bare, token)
        text = " ".join(different.values())
        count = _word_count(text)
        if count >= (LEAST_WORDS if _LATIN.search(text) else LEAST_IN_OTHER_LETTERS):
            found.append(_Stretch(text, different.keys(), count))
        elif len(text) < _MOST_CHARACTERS:  # else it holds no words to speak of
            joined[place, speaker] = different
    return found


def _word_count(text: str) -> int:
    """Of scripts without spaces two characters count as a word."""
    spaced, spaceless = _SPACELESS.subn(" ", text)
    return (spaceless + 1) // 2 + sum(any(map(str.isalpha, token)) for token in spaced.split())


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # its model takes half a second and 100 MB

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
