"""What the names of tiers and of their types say: speech or something else, whose, and whether merc wrote them.

All words are [chosen], as found in public files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from merc.annotation.transcripts.words import clean

_UTTERANCES = """
    utterance utterances utt utts transcription transcriptions transcript transcripts transcribed text texts txt tx speech spch
    spoken orthography orthographic ortho orth sentence sentences phrase phrases turn turns ipu ipus verbatim asr
    äußerung äußerungen transkription transkript satz sätze énoncé énoncés transcripción enunciado enunciados frase frases
    trascrizione transcrição
"""
_WORDS = "word words wrd wd wort wörter mot mots palabra palabras parola parole token tokens wordform wordforms"
_NO_SPEECH = """
    gesture gestures gest gesticulation emotion emotions emotional emo affect affective valence arousal dominance sentiment mood
    feeling feelings stance translation translations übersetzung traduction traducción gloss glosses glosse gls
    pos lemma morph morphs morpheme morphemes phone phones phoneme phonemes phon phonetic phonetics phonemic ipa sampa
    syllable syllables syll pitch tone tones tobi intonation prosody prosodic stress accent break breaks comment comments note notes
    kommentar remark remarks gaze face facial head hand hands handshape eye eyes eyebrow eyebrows mouth posture body movement
    movements motion action actions activity laughter laugh noise noises silence silences pause pauses breath event events act acts
    topic topics code codes segnum probability confidence trust meaning function phase phases label labels
    error errors mistake mistakes quality
"""
_CODES = frozenset({"ft", "fe", "fg", "ge", "gl", "ps", "mb", "nt", "au"})  # of Toolbox; in capitals, they may be initials
NO_LABELS = frozenset(  # what an interval is called where nobody says a word
    (
        *("sil", "sp", "spn", "<sil>", "<p:>", "p:", "<p>", "#", "_", "-", "<eps>", "<s>", "</s>", "<unk>", "silence", "pause"),
        *("xxx", "xx", "yyy", "yy", "www", "noise", "{sl}", "{ns}", "{sil}", "{lg}", "<nib>"),
    )
)
ANSWERS = frozenset(  # what somebody says who listens
    (
        *("yes", "yeah", "yep", "no", "nope", "okay", "ok", "mhm", "mm", "hm", "hmm", "uh", "huh", "uh-huh", "right", "oh", "ah"),
        *("sure", "what", "why", "hi", "hello", "bye", "thanks", "ja", "nein", "doch", "oui", "non", "sí"),
    )
)
_SPEECH_NAMES, _WORD_NAMES, _OTHER_NAMES = (frozenset(names.split()) for names in (_UTTERANCES, _WORDS, _NO_SPEECH))
_LETTERS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-Z])")
_SEPARATOR = r"\s_\-@:/|.,;()\[\]"
_NO_NAMES = "|".join(sorted(_SPEECH_NAMES | _WORD_NAMES | {"default", "tier", "lt"}, key=len, reverse=True))
_SAYS_SPEECH = re.compile(rf"(?<![^{_SEPARATOR}])(?:{_NO_NAMES})(?![^{_SEPARATOR}])", re.IGNORECASE)
_OUTER = re.compile(rf"\A[{_SEPARATOR}]+|[{_SEPARATOR}]+\Z")
_MOST_CHARACTERS = 200  # of a name that is looked through
_OWN = re.compile(
    r"(?:(?P<of>.{0,1000}) )?(?P<what>words|emotion|probability|trust)(?: (?P<layer>\d{1,6}))? \(merc(?:, (?P<run>\d{1,6}))?\)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class OwnTier:
    """What the name of a tier that merc wrote says.

    Attributes:
        speaker: whose it is, or None.
        what: `words`, `emotion`, `probability` or `trust`.
        layer: from 1; what overlaps within one speaker is on several.
        run: from 1; a file that was written into again has several.
    """

    speaker: str | None
    what: str
    layer: int = 1
    run: int = 1

    def name(self) -> str:
        """The tier's name, such as `Ann emotion (merc)`, which `own_tier` reads."""
        parts = (self.speaker, self.what, str(self.layer) if self.layer > 1 else "")
        return " ".join(filter(None, (*parts, "(merc)" if self.run < 2 else f"(merc, {self.run})")))


def own_tier(name: str) -> OwnTier | None:
    """What a name such as `Ann emotion (merc)` says; None for the names of others' tiers."""
    found = _OWN.fullmatch(name)
    return None if found is None else OwnTier(found["of"], found["what"], int(found["layer"] or 1), int(found["run"] or 1))


def kind_named(*names: str) -> str:
    """What the names of a tier and of its type say that it holds: `utterances`, `words`, `other`, or `unknown`."""
    said = {word for name in names for word in _name_words(name[:_MOST_CHARACTERS])}
    if said & (_OTHER_NAMES | _CODES):
        return "other"
    return "words" if said & _WORD_NAMES else "utterances" if said & _SPEECH_NAMES else "unknown"


def speaker_named(name: str) -> str | None:
    """What a tier's name says besides that it holds speech: `K-Spch` names K, `Ann - words` Ann, `text` nobody."""
    rest = _SAYS_SPEECH.sub("", name[:_MOST_CHARACTERS])
    return clean(_OUTER.sub("", rest.strip())) or None


def _name_words(text: str) -> Iterator[str]:
    # A code of Toolbox in capitals is no code: it gets a mark that no list has.
    return (
        word.lower() if word.lower() not in _CODES or word in _CODES else f"{word}!"
        for word in _LETTERS.findall(_CAMEL.sub(" ", text))
    )
