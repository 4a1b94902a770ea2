"""Every recipe that ships loads, and trains and is judged, shortened, on an invented corpus with the features that it names."""

from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STUDIES = tuple(sorted((ROOT / "recipes").glob("study-*.yaml")))
RECIPES = (*sorted(set((ROOT / "recipes").glob("*.yaml")) - set(STUDIES)), ROOT / "src/merc/assets/demo.yaml")
SHORT = ("training.epochs=1", "training.device=cpu", "model.width=8")
ONE_FEATURE = "sole"  # what a modality offers where the recipe takes whatever there is


def labels_of(recipe):
    """The classes of the corpus that a recipe is for."""
    from merc.data.corpora import mosi
    from merc.data.formats.known_corpora import IEMOCAP, MELD

    known = {
        IEMOCAP.name: IEMOCAP.labels,
        MELD.name: MELD.labels,
        "mosi": mosi.LABELS.names,
        "demo": IEMOCAP.labels,
        "shipped": MELD.labels,
        "cmath": MELD.labels,
    }
    return known[recipe.name.split("-")[0]]


def corpus_for(recipe):
    """A synthetic corpus under the names that the recipe uses for features and split."""
    from merc.data.schema import Split
    from merc.synthetic.conversations import SyntheticConfig, synthesise
    from merc.synthetic.planting import Stream

    names = {modality: name or ONE_FEATURE for modality, name in recipe.data.features.items()}
    if recipe.text_tuning is not None:
        return corpus_of_words(recipe)
    names = names or dict.fromkeys(("text", "audio", "visual"), ONE_FEATURE)
    streams = tuple(Stream(modality=modality, dimension=5, quality=2.0, absent=0.1) for modality in names)
    sizes = {"train": 6, "validation": 2, "test": 2, "length": (3, 6)}
    made = synthesise(SyntheticConfig(**sizes, classes=labels_of(recipe), streams=streams))
    specs = {spec.key: spec.model_copy(update={"name": names[spec.modality]}) for spec in made.feature_schema}
    return replace(
        made,
        feature_schema=tuple(specs.values()),
        conversations=tuple(
            replace(c, features={specs[key].key: array for key, array in c.features.items()}) for c in made.conversations
        ),
        splits={recipe.data.split: Split(recipe.data.split, made.splits["official"].parts)},
        notes={"synthetic": True},
    )


def corpus_of_words(recipe):
    """A corpus with words and Praat's numbers, for a recipe that tunes its own text encoder."""
    import numpy as np

    from merc.data.schema import Conversation, Corpus, LabelSet, Split, Utterance
    from merc.encoders.derivation import PRAAT
    from tiny_text_model import WORDS

    random = np.random.default_rng(0)
    labels = labels_of(recipe)
    conversations = []
    for number in range(10):
        turns = [
            Utterance(str(i), "ab"[i % 2], words=" ".join(random.choice(WORDS, 4)), label=str(random.choice(labels)))
            for i in range(3 + number % 3)
        ]
        sound = random.standard_normal((len(turns), 8)).astype(np.float32)
        conversations.append(Conversation(f"c{number}", tuple(turns), {PRAAT.key: sound}))
    ids = [c.id for c in conversations]
    split = Split(recipe.data.split, {"train": tuple(ids[:6]), "validation": tuple(ids[6:8]), "test": tuple(ids[8:])})
    return Corpus("words", LabelSet(names=labels), (PRAAT,), tuple(conversations), {split.name: split})


def small_tuning(folder):
    """Options that tune a tiny text model in place of MiniLM."""
    from tiny_text_model import build_plain

    values = {"base": build_plain(folder / "tiny"), "encoder": folder / "encoder", "epochs": 1, "folds": 2, "rank": 2}
    return [f"text_tuning.{key}={value}" for key, value in values.items()]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_trains_and_is_judged(path, tmp_path):
    from merc.data.store.store import save_store
    from merc.runs.evaluation import evaluate
    from merc.runs.training import train
    from merc.training.recipe import load_recipe

    whole = load_recipe(path)
    assert whole.name == path.stem and whole.about
    save_store(corpus_for(whole), tmp_path / "store")
    heads = "model.heads=2" if whole.model.name == "sdt" else "model.attention.heads=2"
    tuning = [] if whole.text_tuning is None else small_tuning(tmp_path)
    recipe = load_recipe(path, [*SHORT, *tuning, heads, f"data.store={tmp_path / 'store'}"])
    run = train(recipe, tmp_path / "run")
    assert run.outcome.finished and run.outcome.epochs == 1
    if whole.data.features:
        assert run.recogniser.modalities == tuple(whole.data.features)
    report = evaluate(tmp_path / "run").report
    assert report.model == whole.name and report.split == whole.data.split
    assert report.coarse.conversations == 2 and 0 <= report.coarse.weighted_f1 <= 1


def test_there_are_recipes():
    assert {"meld", "meld-text", "iemocap", "mosi", "demo"} <= {path.stem for path in RECIPES}
