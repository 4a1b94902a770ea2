"""Words in languages that a model was not trained on: told by share, silent on English dialogue, bounded in what is looked at."""

import pytest

from merc.data.schema import Conversation, Utterance
from merc.encoders.text import languages
from merc.encoders.text.languages import foreign_words, language_name, languages_of, warns_of_language
from merc.errors import DataError

ENGLISH = (
    "I can't believe you did that again, after all we said.",
    "Oh, come on, it was only a joke! Nobody was hurt.",
    "No-no-no-no! Wait! Wait! Oh my God!",
    "Whoa, whoa, whoa. Hey, Chandler, Ross, Phoebe, you guys!",
    "Well, umm, yeah, I'm fine, I guess.",
    "They want me to start on Monday, and I have nothing to wear.",
)
OTHERS = {
    "Spanish": ("¡Estoy harto de ti! ¡Lárgate de mi casa ahora mismo!", "No me lo puedo creer, ¡hemos ganado!"),
    "German": ("Ich habe dir tausendmal gesagt, dass du anrufen sollst!", "Igitt, das riecht ja furchtbar, mach das Fenster auf."),
    "French": ("Je n'en peux plus, tu ne m'écoutes jamais !", "J'ai peur, il y a quelqu'un dehors."),
    "Turkish": ("Senden bıktım, evimden defol, bir daha da gelme!", "Neden bana hiçbir şey söylemedin?"),
    "Russian": ("Ты мне надоел, убирайся из моего дома!", "Почему ты мне вчера ничего не сказал?"),
    "Chinese": ("我受够你了，马上离开我家！", "我父亲昨天晚上去世了。", "你为什么什么都没告诉我？"),
    "Japanese": ("もううんざりだ、出て行け！", "父が昨日の夜亡くなりました。"),
    "Arabic": ("لقد سئمت منك، اخرج من بيتي الآن!", "لماذا لم تقل لي شيئا من قبل؟"),
}


def chat(*words, speaker="Ann"):
    return Conversation("chat", tuple(Utterance(str(place), speaker, text) for place, text in enumerate(words)))


def share(sentences):
    (sentence,) = sentences
    return int(sentence.split(" % ")[0].removeprefix("about "))


def test_english_dialogue_is_no_other_language():
    assert foreign_words([chat(*ENGLISH)], ["en"]) == ()
    assert languages_of([chat(*ENGLISH)], {}, "talks") == ("en",)


@pytest.mark.parametrize("name", OTHERS)
def test_another_language_is_named(name):
    assert foreign_words([chat(*OTHERS[name])], ["en"]) == (
        f"about 100 % of the words seem to be {name}; the model was trained on English, and its labels of other words mean little",
    )
    (sentence,) = foreign_words([chat(*OTHERS[name])], ["en"])
    assert warns_of_language(sentence) and not warns_of_language("no turn names its speaker")


def test_who_was_trained_on_a_language_is_not_warned_of_it():
    assert foreign_words([chat(*OTHERS["German"])], ["de"]) == ()
    assert foreign_words([chat(*OTHERS["German"], *ENGLISH)], ["en", "de"]) == ()
    assert "seem to be English; the model was trained on German" in foreign_words([chat(*ENGLISH)], ["de"])[0]


def test_a_mixed_conversation_is_told_by_share():
    assert 20 <= share(foreign_words([chat(*ENGLISH, *OTHERS["Spanish"])], ["en"])) <= 35
    two = foreign_words([chat(*ENGLISH[:2]), chat(*OTHERS["Spanish"]), chat(*OTHERS["German"])], ["en"])
    assert 50 <= share(two) <= 75
    assert "German and Spanish" in two[0]


def test_speakers_are_told_apart():
    """Each says one word at a time, so neither language could be told from a stretch of both."""
    pairs = zip(OTHERS["Spanish"][0].split(), ENGLISH[0].split(), strict=False)
    turns = [turn for spanish, english in pairs for turn in (("Ana", spanish), ("Bea", english))]
    whole = Conversation("c", tuple(Utterance(str(place), who, words) for place, (who, words) in enumerate(turns)))
    assert 40 <= share(foreign_words([whole], ["en"])) <= 60


def test_too_few_words_say_nothing():
    assert foreign_words([chat("Sí, claro.", "Bueno.")], ["en"]) == ()
    assert foreign_words([chat("¿Qué te pasa?", "No me escuchas.")], ["en"]) != ()  # joined, they are enough
    assert foreign_words([chat("123 456 789 10 11 12 13", "♪ ♪ ♪ ♪ ♪ ♪ ♪ ♪")], ["en"]) == ()


@pytest.mark.parametrize(
    "turns",
    [
        ("Bye! Bye bye! Bye bye bye!", "See you tomorrow, and take good care of yourself."),
        ("hahaha hahaha haha omg hahaha haha haha", "Did you see his face when he fell down?"),
        ("Yes! Yes yes yes yes yes!", "Go go go go go go!", "lol lmao haha hahaha", "Mama mama mama mama mama mama!"),
    ],
)
def test_repetition_and_laughter_are_no_other_language(turns):
    assert foreign_words([chat(*turns)], ["en"]) == ()


def test_short_turns_in_other_letters_are_told():
    assert share(foreign_words([chat("Ты врёшь.", "Прости меня.")], ["en"])) == 100


def test_no_room_for_the_detectors_model_costs_no_result(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(languages, "_identifier", full)
    assert foreign_words([chat(*ENGLISH)], ["en"]) == ()  # plainly English, so no detector is asked
    (sentence,) = foreign_words([chat(*ENGLISH)], ["de"])
    assert sentence.startswith("which language the words are in could not be told: ") and sentence.endswith(
        "No space left on device"
    )
    assert not warns_of_language(sentence)
    assert languages_of([chat(*ENGLISH)], {}, "c") == ()


@pytest.mark.parametrize("known", [(), ("tok",)])
def test_without_languages_that_the_detector_knows_nothing_is_said(known):
    assert foreign_words([chat(*OTHERS["Spanish"])], known) == ()


def test_without_words_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(languages, "_identifier", None)
    assert foreign_words([chat(None, "")], ["en"]) == ()
    assert languages_of([chat(None)], {}, "talks") == ()


class Counted:
    """In place of the detector: all is English, and every text is kept."""

    labels = ("en",)

    def __init__(self):
        self.texts = []

    def rank(self, text):
        self.texts.append(text)
        return [("en", 1.0), ("zxx", 0.0)]


def test_what_is_looked_at_is_bounded(monkeypatch):
    counted = Counted()
    monkeypatch.setattr(languages, "_identifier", lambda: counted)
    monkeypatch.setattr(languages, "MOST_TURNS", 10)
    numbered = [f"turn {place} of this long talk between us" for place in range(1000)]
    assert foreign_words([chat(*numbered)], ["de", "en"]) == () and not counted.texts
    monkeypatch.setattr(languages, "is_plainly_english", lambda words: False)
    assert foreign_words([chat(*numbered)], ["en"]) == ()
    assert len(counted.texts) == 10 and set(counted.texts) < set(numbered)
    places = [int(text.split()[1]) for text in counted.texts]
    assert places == sorted(places) and places[0] < 400 and places[-1] > 600  # from all of it
    counted.texts.clear()
    assert foreign_words([chat(" ".join(f"word{n}" for n in range(20_000)), *["a" * 100_000] * 5)], ["en"]) == ()
    assert max(map(len, counted.texts)) <= 2000


def test_what_a_corpus_says_of_its_languages_holds():
    spanish = [chat(*OTHERS["Spanish"])]
    assert languages_of(spanish, {}, "talks") == ("es",)
    assert languages_of(spanish, {"languages": ["gl", "en"]}, "talks") == ("gl", "en")


@pytest.mark.parametrize("note", ["en", ["English"], [1], {"en": 1}])
def test_a_note_that_lists_no_codes_is_refused(note):
    with pytest.raises(DataError, match=r"^corpus 'talks': note 'languages' is .*; expected a list of ISO 639 codes such as \['de"):
        languages_of([chat(*ENGLISH)], {"languages": note}, "talks")


def test_names():
    assert (language_name("es"), language_name("wuu")) == ("Spanish", "'wuu'")
