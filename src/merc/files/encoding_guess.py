"""Which encoding a text without a mark has that is not UTF-8: by the letters that its languages use, else by charset-normalizer.

charset-normalizer alone errs on short files of captions: of a sentence or two, with times around, it takes Chinese for Korean,
Russian for Japanese and French for Romanian. So every encoding that people's files have is tried, and the one wins whose text is
most of all written as one of its languages is. What remains open is left to charset-normalizer.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_SAMPLE = 20_000  # bytes of lines that hold more than ASCII [chosen]
_LEAST_SCORE = 0.8  # of a text that is written as a language is [chosen]
_MIXED = 0.85  # of the weight of a text in one language has one in several [chosen]
_NEAR = 0.05  # of the best score: another encoding that might be meant, too [chosen]
_FEW = 12  # bytes beyond ASCII of which no detector can tell [chosen]
_COMMONER = 0.25  # Windows-1252 may score so much less, where there are no more: it is the most common [chosen]
_LEAST_RUNS = 3  # of bytes beyond ASCII, of which all are even where two bytes are a character [chosen]
_IN_PAIRS = 0.1  # less of the score of an encoding of single bytes then [chosen]
_LEAST_PAIRS = 6  # characters of two bytes, of which some end below 128 in Big5 [chosen]

# Letters beyond ASCII, language by language; in small letters.
_ALPHABETS: dict[str, tuple[str, ...]] = {
    "cp1252": (
        "éèàùâêîôûçëïüœæ",
        "äöüß",
        "áéíóúñüºª",
        "ãõáéíóúâêôàçü",
        "àèéìòùî",
        "åäöéü",
        "æøåéòôâ",
        "áéíóúýþæöð",
        "ëéïóüèö",
        "áéíóú",
        "äöåõšžü",
        "àçéèíïóòúü",
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "iso8859_2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1251": (
        "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
        "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
        "абвгдђежзијклљмнњопрстћуфхцчџшѓќѕ",
    ),
    "koi8_r": ("абвгдежзийклмнопрстуфхцчшщъыьэюяё",),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",),
    "cp1254": ("çğıöşüâîi̇",),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "cp1256": ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ،؟؛",),
    "cp874": ("".join(map(chr, range(0x0E01, 0x0E5C))),),
    "mac_roman": ("éèàùâêîôûçëïüœæ", "äöüß", "áéíóúñü", "ãõáéíóúâêôàçü", "àèéìòùî", "åäöéü", "æøåéòôâ"),
}
_EAST = ("gb18030", "cp932", "euc_jp", "big5", "cp949")
_ENCODINGS = (
    "cp1252", "cp1250", "cp1251", *_EAST, "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "mac_roman", "iso8859_2",
)  # fmt: skip
_NO_GUESSES = ("utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le")  # which were ruled out before
_NAMES = {
    "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251", "cp1253": "Windows-1253",
    "cp1254": "Windows-1254", "cp1255": "Windows-1255", "cp1256": "Windows-1256",
    "cp874": "Windows-874", "cp932": "Shift-JIS", "cp949": "EUC-KR (cp949)",
    "gb18030": "GB18030 (GB2312)", "big5": "Big5", "euc_jp": "EUC-JP", "koi8_r": "KOI8-R", "mac_roman": "MacRoman",
    "iso8859_2": "ISO-8859-2",
}  # fmt: skip
# What every language's texts hold, such as quotes; within words it is no letter.
_COMMON = frozenset("‘’‚“”„«»‹›–—…•·°€£§©®™´¡¿ ½¼¾×♪№")
_IN_WORD = re.compile(r"[A-Za-z][^\x00-\x7f’‘·­][A-Za-z]")
_LATIN = frozenset({"cp1252", "cp1250", "cp1254", "mac_roman", "iso8859_2"})
_SYMBOL_AFTER_LETTER = re.compile(r"[^\W\d_][§£©®™´¡¿½¼¾×¤¦]")
_AFTER_LATIN = re.compile(r"[A-Za-z]([^\x00-\x7f])")
_TWO_LETTERS = re.compile(r"([^\W\d_])([^\W\d_])")
_THAI_ALONE = re.compile(r"(?:^|[^\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|[\u0e40-\u0e44](?![\u0e01-\u0e2e])")
_VOWELS, _LEAST_VOWELS = frozenset("аеиоуыэюяёіїєαεηιουωάέήίόύώ"), 0.3  # of letters: Hebrew read as Cyrillic or Greek has fewer
_GREEK_ACCENTS = frozenset("άέήίόύώ")
_CASE = re.compile(r"[a-zß-öø-ÿ][^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding that Python knows, what people call it, and how sure it is.

    Attributes:
        encoding: for `bytes.decode`.
        shown: for people.
        others: what people call those that might be meant as well.
    """

    encoding: str
    shown: str
    others: tuple[str, ...] = ()


def guessed_encoding(data: bytes) -> Guess | None:
    """The encoding that a text without a mark has which is not UTF-8; None where nothing speaks for one."""
    sample = _sample(data)
    texts: dict[str, str] = {}
    scores: dict[str, float] = {}
    runs = re.findall(rb"[\x80-\xff]+", sample)
    few = sum(map(len, runs)) < _FEW
    in_pairs = len(runs) >= _LEAST_RUNS and all(len(run) % 2 == 0 for run in runs)
    for encoding in _ENCODINGS:
        try:
            text = texts[encoding] = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding in _EAST:
            scores[encoding] = _east(text, encoding)
        else:
            scores[encoding] = _west(text, encoding, not few) - _IN_PAIRS * (in_pairs and encoding not in _LATIN)
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    if best in _LATIN and few and scores.get("cp1252", 0.0) >= scores[best] - _COMMONER:
        best = "cp1252"
    elif best is None or scores[best] < _LEAST_SCORE:
        best = None if few else _by_detector(sample) or best
    if best is None:
        return None
    others = [e for e, score in scores.items() if score >= scores.get(best, 1.0) - _NEAR and texts[e] != texts.get(best)]
    return Guess(best, _NAMES.get(best, best), tuple(_NAMES[e] for e in others) if few else ())


def _sample(data: bytes) -> bytes:
    """The lines that hold more than ASCII, as far as they are wanted."""
    found: list[bytes] = []
    size = 0
    for line in re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*", data[: 50 * _SAMPLE]):
        found.append(line)
        size += len(line)
        if size >= _SAMPLE:
            break
    return b"\n".join(found)


def _west(text: str, encoding: str, mixed: bool) -> float:
    """The share of the characters beyond ASCII that a language of the encoding uses, where it would.

    A text of Windows-1252 may mix several languages, as names in English do, where `mixed` allows it.
    """
    counts = Counter(c for c in text if c > "\x7f")
    total = counts.total()
    common = sum(count for c, count in counts.items() if c in _COMMON)
    covered = max(
        sum(count for c, count in counts.items() if c.lower() in alphabet and c not in _COMMON) for alphabet in _ALPHABETS[encoding]
    )
    if mixed and encoding == "cp1252":
        together = "".join(_ALPHABETS[encoding])
        covered = max(covered, _MIXED * sum(count for c, count in counts.items() if c.lower() in together and c not in _COMMON))
    wrong = sum(found[0][1] in _COMMON or not found[0][1].isalpha() for found in _IN_WORD.finditer(text))
    wrong += sum(found[0][1].isupper() for found in _CASE.finditer(text))
    if encoding in _LATIN:
        wrong += sum(1 for _ in _SYMBOL_AFTER_LETTER.finditer(text))
    else:  # no word mixes another script with Latin letters
        wrong += sum(found[1].isalpha() for found in _AFTER_LATIN.finditer(text))
        wrong += sum(found[1].islower() and found[2].isupper() for found in _TWO_LETTERS.finditer(text))
    if encoding == "cp874":
        wrong += sum(1 for _ in _THAI_ALONE.finditer(text))
    vowels = sum(count for c, count in counts.items() if c.lower() in _VOWELS)
    if encoding in ("cp1251", "koi8_r", "cp1253") and vowels < _LEAST_VOWELS * covered:
        wrong += total // 5 + 1
    if encoding == "koi8_r" and text.isupper():  # which Hebrew is, read so, and hardly a talk
        wrong += total // 10 + 1
    if encoding == "cp1253" and text.islower() and not _GREEK_ACCENTS & counts.keys():  # likewise
        wrong += total // 10 + 1
    return (covered + common - 2 * wrong) / total if total else 0.0


def _east(text: str, encoding: str) -> float:
    """The share of the characters beyond ASCII that are common ones of the encoding's language."""
    beyond = [c for c in text if c > "\x7f"]
    pairs = Counter(c.encode(encoding)[0] for c in beyond if len(c.encode(encoding)) == 2)
    kana = sum("\u3040" <= c <= "\u30ff" for c in beyond)
    hangul = sum("\uac00" <= c <= "\ud7a3" for c in beyond)
    marks = sum("\u3000" <= c <= "\u303f" or "\uff01" <= c <= "\uff5e" or c in _COMMON for c in beyond)
    if not beyond:
        return 0.0
    swallowed = (found[1].encode(encoding)[-1] for found in _AFTER_LATIN.finditer(text))
    if any(0x41 <= byte <= 0x7A for byte in swallowed):  # a letter of a word that is none of this language
        return 0.0
    if encoding == "gb18030":
        common = sum(count for lead, count in pairs.items() if 0xB0 <= lead <= 0xD7)
        return (common + marks) / len(beyond) - (_korean(pairs) and not marks)
    if encoding == "big5":
        one_sided = len(beyond) >= _LEAST_PAIRS and all(c.encode(encoding)[-1] >= 0x80 for c in beyond)  # as in EUC
        return (sum(count for lead, count in pairs.items() if 0xA4 <= lead <= 0xC6) + marks) / len(beyond) - 0.01 - 0.5 * one_sided
    if encoding == "cp949":
        return (sum(count for lead, count in pairs.items() if 0xB0 <= lead <= 0xC8 and hangul) + marks) / len(beyond) - 0.02
    ideographs = sum("\u4e00" <= c <= "\u9fff" for c in beyond)
    return (kana + marks + ideographs) / len(beyond) if kana >= 0.25 * len(beyond) else 0.0


def _korean(pairs: Counter[int]) -> bool:
    """Whether no character lies where Chinese has many and Korean has none."""
    return all(lead <= 0xC8 for lead in pairs if lead >= 0xB0)


def _by_detector(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_exclusion=list(_NO_GUESSES)).best()
    return None if best is None else best.encoding
