"""The corpus as a recipe takes it: its store opened, its labels mapped, its own features made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from merc.data.labels import apply_mapping, find_mapping
from merc.data.schema import Conversation, Corpus
from merc.data.store.store import open_store
from merc.encoders.derivation import LOOKING_AHEAD, corpus_with_derived, source_of
from merc.encoders.text.adapter import Adapter
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import FeatureError, RecipeError
from merc.inference.recogniser import Recogniser
from merc.settings import Progress, no_progress
from merc.training.loop import device_for
from merc.training.recipe import Recipe
from merc.training.text.cross_fitting import TUNED, cross_fitted


def open_recipe_store(recipe: Recipe, store: str | Path | None = None) -> Corpus:
    """The corpus that a recipe names, or the one that is given in its place.

    Raises:
        RecipeError: the recipe names none.
    """
    path = store or recipe.data.store
    if not path:
        raise RecipeError(f"recipe {recipe.name!r} names no store; give one with --set data.store=FOLDER")
    return open_store(Path(path))


def mapped(corpus: Corpus, recipe: Recipe) -> Corpus:
    """The corpus with its labels mapped by the recipe, or as it is.

    Raises:
        RecipeError, DataError: no such mapping, or a label that it does not list.
    """
    return corpus if recipe.data.labels is None else apply_mapping(corpus, find_mapping(recipe.data.labels))


def prepared(corpus: Corpus, recipe: Recipe, progress: Progress = no_progress) -> tuple[Corpus, tuple[Adapter, ...]]:
    """The corpus with all features that a recipe takes, derived and tuned ones too, and the adapters of its own text encoder.

    Args:
        corpus: labels mapped.
        recipe: with a section `text_tuning`, its text encoder is tuned on the training part, or taken up from its folder, on the
            recipe's `training.device`.
        progress: of the tuning.

    Raises:
        RecipeError: see `check_causal`; a section `text_tuning` without the text feature `tuned`, or the feature without the
            section and in no store; or the device is not there.
        RunError, DataError, MissingExtraError: see `cross_fitted`.
    """
    for modality, name in recipe.data.features.items():
        corpus = corpus_with_derived(corpus, modality, name)
    check_causal(corpus, recipe)
    config = recipe.text_tuning
    held = config is None and any(spec.key == f"text/{TUNED}" for spec in corpus.feature_schema)
    if not held and (config is not None) != (recipe.data.features.get("text") == TUNED):
        raise RecipeError(
            f"recipe {recipe.name!r}: text_tuning and data.features.text: {TUNED} need one another; "
            f"found {'no ' if config is None else ''}text_tuning with {recipe.data.features.get('text')!r}"
        )
    if config is None:
        return corpus, ()
    device = device_for(recipe.training.device)
    tuned = cross_fitted(corpus.part(recipe.data.split, "train"), corpus.label_set, config, progress, device)
    others = [c for c in corpus.conversations if c.id not in tuned.train]
    encoded = zip(others, DialogueEncoder(tuned.adapters, device).encode(others), strict=True)
    rows = {**tuned.train, **{c.id: array for c, array in encoded}}
    schema = (*(known for known in corpus.feature_schema if known.key != tuned.spec.key), tuned.spec)
    conversations = tuple(c.with_features({tuned.spec.key: rows[c.id]}) for c in corpus.conversations)
    return replace(corpus, feature_schema=schema, conversations=conversations), tuned.adapters


def check_causal(corpus: Corpus, recipe: Recipe) -> None:
    """Refuses a causal network on a feature that depends on later utterances, with which its outputs would depend on them too.

    Raises:
        RecipeError: naming the feature, and the one to take instead.
    """
    picks = recipe.data.features
    for spec in corpus.feature_schema if recipe.model.is_causal else ():
        if spec.encoder in LOOKING_AHEAD and (not picks or picks.get(spec.modality) == spec.name):
            source = source_of(spec, corpus.feature_schema)
            instead = f"take {source.key} in its place" if source else f"leave {spec.modality} out"
            raise RecipeError(
                f"recipe {recipe.name!r}: the network is causal, but the feature {spec.key} of an utterance depends on later ones; "
                f"{instead} (data.features), or a network that is not causal"
            )


def completed(
    corpus: Corpus, recogniser: Recogniser, conversations: tuple[Conversation, ...], without: Collection[str] = ()
) -> Corpus:
    """A corpus of some of its conversations, with the features that a model takes and that can be made of what they have.

    Args:
        corpus, conversations: with labels mapped, and those of its conversations that are taken.
        recogniser: the model.
        without: modalities that the evaluation leaves out; nothing is made for them.

    Raises:
        FeatureError, MissingExtraError: a text encoder can't be loaded.
    """
    offered = {spec.key for spec in corpus.feature_schema}
    made, reasons = recogniser.features.complete(conversations, corpus.feature_schema, without)
    if reasons:
        raise FeatureError("; ".join(f"{reason}, or evaluate without it: --without {name}" for name, reason in reasons.items()))
    specs = [s for s in recogniser.preprocessor.specs if s.key not in offered and any(s.key in c.features for c in made)]
    ids = {c.id for c in made}
    splits = {
        name: replace(split, parts={part: tuple(i for i in of_part if i in ids) for part, of_part in split.parts.items()})
        for name, split in corpus.splits.items()
    }
    return replace(corpus, feature_schema=(*corpus.feature_schema, *specs), conversations=made, splits=splits)
