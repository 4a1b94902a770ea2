"""What a caller gets wrong is one clear line of `MercError`, or has its obvious meaning.

The type checks of a test run would come first, so the public functions are called without them.
"""

import inspect
import io
import math
from pathlib import Path

import numpy as np
import pytest

import merc
from merc.annotation import annotator
from merc.annotation import model as annotation_model
from merc.annotation.media import sources
from merc.annotation.speech.recognition import RecognitionOptions
from merc.errors import DataError, FeatureError, MercError, RecipeError, RunError
from merc.runs.training import Hooks
from merc.training import recipe

WORDS = merc.Utterance("1", "Ann", "I got the job!")
CHAT = merc.Conversation("chat", (WORDS,))
LABELS = merc.LabelSet(names=("calm", "cross"))
RECIPE = merc.Recipe(name="x", model={"name": "majority"}, training={"epochs": 1})
ZEROS = np.zeros(10, np.float32)
HALF = "a \ud800 b"


def bare(called):
    """A function, or what makes a record of a class, without the checks of a test run."""
    if not isinstance(called, type):
        return inspect.unwrap(called)

    def make(*given, **named):
        made = object.__new__(called)
        inspect.unwrap(called.__init__)(made, *given, **named)
        return made

    return make


def annotate(*given, **named):
    return bare(merc.annotate)(*given, **named)


def utterance(**changes):
    return bare(merc.Utterance)(**{"id": "1", **changes})


def judged(**changes):
    return bare(merc.JudgedUtterance)(**{"id": "1", "emotion": "calm", "probabilities": {"calm": 1.0}, **changes})


def corpus(**changes):
    whole = {"name": "mine", "label_set": LABELS, "feature_schema": (), "conversations": (CHAT,), **changes}
    return bare(merc.Corpus)(**whole)


RECORDS = {
    "a value of several lines": (
        lambda: merc.FeatureSpec(modality="text", name="x", dimension=np.zeros((3, 3))),
        MercError,
        r"dimension: .*\(found: array",
    ),
    "an emotion": (lambda: judged(emotion=5), DataError, "emotion: expected a str, found 5"),
    "probabilities": (lambda: judged(probabilities=[0.5]), DataError, "probabilities: expected a dict of name -> number"),
    "an array of channels": (
        lambda: bare(merc.Options)(channels=np.array([1.0, 2.0])),
        RunError,
        "channels: expected one of mixed, speakers, found array",
    ),
    "words of a wrong type": (
        lambda: utterance(words=5),
        DataError,
        r"utterance '1' \(str\), words: expected a str or None, found 5",
    ),
    "an id": (lambda: utterance(id=5), DataError, "id: expected a str, found 5"),
    "a speaker": (lambda: utterance(speaker=5), DataError, "speaker: expected a str or None, found 5"),
    "a start": (lambda: utterance(start="1"), DataError, r"start: expected finite seconds or None, found '1' \(str\)"),
    "a start that is no number": (
        lambda: utterance(start=math.nan),
        DataError,
        r"start: expected finite seconds or None, found nan",
    ),
    "an end": (lambda: utterance(end="1"), DataError, "end: expected finite seconds or None"),
    "a channel": (lambda: utterance(channel=0.5), DataError, "channel: expected a whole number or None"),
    "a label": (lambda: utterance(label=5), DataError, "label: expected a str or None"),
    "an utterance as utterances": (lambda: bare(merc.Conversation)("c", WORDS), DataError, "expected a tuple of merc.Utterance"),
    "words as utterances": (
        lambda: bare(merc.Conversation)("c", ("Hi",)),
        DataError,
        "expected a tuple of merc.Utterance, found 'Hi'",
    ),
    "a conversation's id": (
        lambda: bare(merc.Conversation)(5, (WORDS,)),
        DataError,
        "id of a conversation: expected a str, found 5",
    ),
    "features as a list": (lambda: bare(merc.Conversation)("c", (WORDS,), [1]), DataError, "features: expected a mapping of names"),
    "ragged features": (
        lambda: bare(merc.Conversation)("c", (WORDS,), {"text/x": [[1.0], [1.0, 2.0]]}),
        DataError,
        "feature text/x: expected an array, found rows of different lengths",
    ),
    "a list of labels": (lambda: corpus(label_set=["a", "b"]), DataError, "label_set: expected a merc.LabelSet, found"),
    "one conversation": (lambda: corpus(conversations=CHAT), DataError, "conversations: expected a tuple of merc.Conversation"),
    "a feature's name": (
        lambda: corpus(feature_schema=("text/x",)),
        DataError,
        "expected a tuple of merc.FeatureSpec, found 'text/x'",
    ),
    "splits as a list": (lambda: corpus(splits=[]), DataError, "splits: expected a mapping of names to merc.Split"),
    "parts as a list": (lambda: bare(merc.Split)("s", ["a"]), DataError, "parts: expected a mapping of parts to ids"),
    "a part as a str": (lambda: bare(merc.Split)("s", {"train": "abc"}), DataError, "expected a tuple of ids of conversations"),
    "an unknown part": (lambda: bare(merc.Corpus.part)(corpus(), "official", "dev"), DataError, "has no split 'official'"),
    "one label": (lambda: merc.LabelSet(names=("a",)), DataError, "LabelSet, names: label set .* two or more different"),
    "labels as a str": (lambda: merc.LabelSet(names="ab"), DataError, r"LabelSet, names: .*tuple \(found: 'ab'\)"),
    "a feature": (lambda: merc.FeatureSpec(modality="Text", name="x", dimension=3), DataError, "FeatureSpec, modality: .*'Text'"),
    "sound as a list": (lambda: bare(merc.Sound)([0.0], 16_000), DataError, "sound, samples: expected a numpy array"),
    "a rate as a str": (lambda: bare(merc.Sound)(ZEROS, "16000"), DataError, "sound, rate: expected a number of samples a second"),
    "a transcript of a str": (
        lambda: bare(merc.Transcript)("Hi"),
        DataError,
        "transcript: expected a tuple of merc.Utterance, found 'Hi'",
    ),
    "speech as a str": (lambda: bare(merc.Options)(speech="base"), RunError, "speech: expected RecognitionOptions, found 'base'"),
    "a cache": (lambda: bare(merc.Options)(cache=5), RunError, "cache: expected a folder or None, found 5"),
    "an encoding": (lambda: bare(merc.Options)(encoding=5), RunError, "encoding: expected a name such as"),
    "no such clock": (lambda: bare(merc.Options)(clock="wall"), RunError, "clock: found 'wall' .*; allowed are auto, film, sound"),
    "no such encoding": (lambda: merc.Options(encoding="klingon"), RunError, "options, encoding 'klingon' is not known; allowed"),
    "a device": (lambda: bare(merc.Options)(device=5), RunError, "device: expected a name such as"),
    "a beam": (
        lambda: bare(RecognitionOptions)(beam_size="1"),
        FeatureError,
        "beam_size: expected a whole number from 1, found '1'",
    ),
    "conditions": (lambda: merc.Conditions(without=5), RecipeError, r"Conditions, without: .*\(found: 5\)"),
    "a recipe's key": (lambda: merc.Recipe(name="x", nonsense=1), RecipeError, "Recipe, nonsense: Extra inputs are not permitted"),
    "a recipe's device": (lambda: merc.Recipe(name="x", training={"device": "gpu"}), RecipeError, "training.device: .*'gpu'"),
}
CALLS = {
    "a text for a path": (lambda model: merc.annotate("so he said " * 99), DataError, "no file has so long a name"),
    "no path": (lambda model: merc.load_recipe("a\0b"), RecipeError, "which is no path: it holds a zero character"),
    "a long name to load": (lambda model: merc.load("x" * 300), RunError, "no file has so long a name"),
    "options None": (lambda model: bare(merc.load_recipe)("x.yaml", None), RecipeError, "options: expected a list such as"),
    "specs None": (
        lambda model: bare(type(model).predict)(model, [], None),
        FeatureError,
        "specs: expected a list of merc.FeatureSpec",
    ),
    "specs of a text": (
        lambda model: bare(type(model).predict)(model, [], "x"),
        FeatureError,
        "specs: expected a list of merc.FeatureSpec",
    ),
    "nothing to judge": (lambda model: bare(type(model).judge)(model, None), DataError, "conversations: expected"),
    "no recipe": (lambda model: merc.load_recipe("nothing.yaml"), RecipeError, "nothing.yaml: no such recipe"),
    "a folder": (lambda model: merc.load_recipe("."), RecipeError, "a folder; a recipe is a YAML file"),
    "nothing": (
        lambda model: bare(merc.load_recipe)(None),
        RecipeError,
        "recipe: expected a YAML file, as a str or a Path, found None",
    ),
    "an option": (
        lambda model: bare(merc.load_recipe)("x.yaml", "training.seed=1"),
        RecipeError,
        "options: expected a list such as",
    ),
    "a number to load": (
        lambda model: bare(merc.load)(5),
        RunError,
        r"model: expected the name or the folder of a model.* found 5",
    ),
    "nothing to annotate": (lambda model: annotate(None, model=model), DataError, "expected a path, a file .* found None"),
    "an ellipsis": (
        lambda model: annotate([...], model=model),
        DataError,
        "transcript: expected a tuple of merc.Utterance, found Ellipsis",
    ),
    "an array": (lambda model: annotate(ZEROS, model=model), DataError, "is to be annotated: expected a path, .* found array"),
    "bytes": (lambda model: annotate(b"Hi", model=model), DataError, "is to be annotated: expected a path, .* found b'Hi'"),
    "sound as transcript": (
        lambda model: annotate(merc.Sound(ZEROS, 16_000), merc.Sound(ZEROS, 16_000), model=model),
        DataError,
        "the transcript: expected words, found sound",
    ),
    "a csv without a name": (
        lambda model: annotate(io.BytesIO(b"speaker,words\nAnn,Hi there\n"), model=model),
        DataError,
        r"An open transcript is known by its name, such as name='chat\.csv'",
    ),
    "a name": (lambda model: annotate([WORDS], model=model, name=5), DataError, "name: expected a str or None, found 5"),
    "options as a dict": (
        lambda model: annotate([WORDS], model=model, options={}),
        RunError,
        r"options: expected merc.Options, found {}",
    ),
    "a hook": (
        lambda model: annotate([WORDS], model=model, hook=5),
        RunError,
        "hook: expected a function of stage, done and total",
    ),
    "half a character": (
        lambda model: annotate([merc.Utterance("1", "Ann", HALF)], model=model),
        DataError,
        "utterance '1', words: half a surrogate pair",
    ),
    "half a character to predict": (
        lambda model: bare(type(model).predict)(model, [merc.Conversation("c", (merc.Utterance("1", HALF, "Hi"),))]),
        DataError,
        "conversation 'c', utterance '1', speaker: half a surrogate pair",
    ),
    "no such device": (lambda model: model.to("cuda:99"), RunError, "device 'cuda:99' can't be used; here are: cpu"),
    "a device of no numbers": (lambda model: model.to("meta"), RunError, "device 'meta' can't be used; here are: cpu"),
    "no device": (
        lambda model: annotate([WORDS], model=model, options=merc.Options(device="nonsense")),
        RunError,
        "device 'nonsense' can't be used; here are: cpu",
    ),
    "a path to predict": (lambda model: bare(type(model).predict)(model, Path("a.csv")), DataError, "a file is for model.annotate"),
    "a name to predict": (
        lambda model: bare(type(model).predict)(model, "a.csv"),
        DataError,
        "conversations: expected .* found 'a.csv'",
    ),
    "words to predict": (
        lambda model: bare(type(model).predict)(model, ["Hi"]),
        DataError,
        "conversations: expected .* found 'Hi'",
    ),
    "a level": (
        lambda model: model.embed([], "nonsense"),
        FeatureError,
        "no embedding of level 'nonsense'; there are: coarse, fine/",
    ),
    "a part": (lambda model: bare(merc.evaluate)(model, part="dev"), DataError, "part 'dev'; allowed: train, validation, test"),
    "nothing to evaluate": (
        lambda model: bare(merc.evaluate)(None),
        RunError,
        "run: expected a run's folder or a model.* found None",
    ),
    "conditions as a dict": (
        lambda model: bare(merc.evaluate)(model, conditions={}),
        RecipeError,
        "conditions: expected merc.Conditions",
    ),
    "a recipe's path": (
        lambda model: bare(merc.train)("x.yaml", "run"),
        RecipeError,
        r"recipe: expected a merc.Recipe .* found 'x.yaml'",
    ),
    "a store's path": (lambda model: bare(merc.train)(RECIPE, "run", corpus="store"), DataError, "corpus: expected a merc.Corpus"),
    "hooks": (lambda model: bare(merc.train)(RECIPE, "run", hooks=print), RunError, "hooks: expected merc.runs.training.Hooks"),
    "an out": (lambda model: bare(merc.train)(RECIPE, 5), RunError, "out: expected the run's folder, as a str or a Path, found 5"),
    "a store": (lambda model: bare(merc.open_store)(None), DataError, "store: expected a folder, as a str or a Path, found None"),
    "saved and place": (lambda model: bare(merc.save_store)("store", CHAT), DataError, "what is saved: expected a merc.Corpus"),
    "no text": (
        lambda model: bare(merc.Annotation.from_json.__func__)(merc.Annotation, 5),
        DataError,
        "annotation: expected the JSON",
    ),
}


@pytest.fixture(scope="module")
def model():
    return merc.load()


@pytest.fixture
def inner_unchecked(monkeypatch):
    """What the public functions pass their arguments on to, as it is outside a test run."""
    for module, names in (
        (annotator, ["given"]),
        (sources, ["_located", "_name", "transcripts_beside"]),
        (recipe, ["recipe_values"]),
        (annotation_model, ["load_model"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, inspect.unwrap(getattr(module, name)))
    monkeypatch.setattr(merc.Transcript, "__init__", inspect.unwrap(merc.Transcript.__init__))


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_of_wrong_values(case):
    make, kind, message = RECORDS[case]
    with pytest.raises(kind, match=message) as refused:
        make()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.usefixtures("inner_unchecked")
def test_a_call_with_wrong_arguments(case, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, kind, message = CALLS[case]
    with pytest.raises(kind, match=message) as refused:
        call(model)
    assert "\n" not in str(refused.value) and not list(tmp_path.iterdir())


def test_what_is_meant_is_done(model):
    one = model.predict(CHAT)
    assert one == model.predict([CHAT]) and one[0].id == "chat"
    np.testing.assert_array_equal(model.embed(CHAT)[0], model.embed([CHAT])[0])
    assert model.annotate(CHAT).conversations[0].utterances == model.annotate([WORDS]).conversations[0].utterances
    assert merc.Conditions(without="audio") == merc.Conditions(without=("audio",))
    assert merc.Conditions.parse(("text", "audio"), only="audio").without == ("text",)
    assert bare(merc.Conversation)("c", [WORDS]).utterances == (WORDS,)
    timed = bare(merc.Utterance)("1", start=np.float32(0.5), end=np.float64(1), channel=np.int64(0))
    assert (timed.start, timed.end, timed.channel) == (0.5, 1, 0)


def test_hooks_of_all_work_are_called_alike(model, tiny_recipe, tiny_corpus, tmp_path):
    calls = []
    model.annotate([WORDS], hook=lambda *call: calls.append(call))
    merc.train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=lambda *call: calls.append(call), hooks=Hooks())
    assert {(type(stage), type(done), type(total)) for stage, done, total in calls} == {(str, float, float)}
