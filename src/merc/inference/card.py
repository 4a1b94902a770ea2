"""The model card that goes with every saved model: what it is, was trained on, can do, and must not be used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from merc.data.schema import FeatureSpec
from merc.training.recipe import Recipe, dump_recipe

_SELECTION_PART = {"validation": "validation", "test-peak": "TEST, on which the epoch was chosen: not comparable"}
PAPER = "https://arxiv.org/abs/2411.10060"
MISUSE = (
    "Labels are guesses about how an utterance would be annotated, not readings of what a person feels. "
    "Do not use them to decide about people: hiring, policing, grading, credit, diagnosis, or watching people who did not agree."
)


def model_card(
    *,
    recipe: Recipe,
    labels: Sequence[str],
    specs: Sequence[FeatureSpec],
    parameters: int,
    scores: Mapping[str, float],
    chosen_by: str,
    corpus: Mapping[str, object],
    versions: Mapping[str, str],
    warnings: Sequence[str],
) -> str:
    """The card as Markdown behind a YAML header that model hubs read.

    Args:
        recipe: of the training.
        labels: class names in order.
        specs: the features that the model takes.
        parameters: trainable numbers.
        scores: validation scores by name.
        chosen_by: how the weights were chosen.
        corpus: facts about the training corpus.
        versions: of the software.
        warnings: what a user should know.
    """
    warnings = shared_sentences(warnings, recipe)
    recipe = shared_recipe(recipe)
    header = {"library_name": "merc", "tags": ["emotion-recognition", "conversation", "multimodal", recipe.model.name]}
    features = "\n".join(f"| {s.modality} | {s.name} | {s.dimension} | {encoder_shown(s)} | {s.version} |" for s in specs)
    numbers = "\n".join(f"| {name} | {value:.4f} |" for name, value in scores.items()) or "| none | |"
    facts = "\n".join(f"- {name}: {value}" for name, value in corpus.items()) or "- unknown"
    software = ", ".join(f"{name} {version}" for name, version in versions.items()) or "unknown"
    cautions = "".join(f"\n- {w}" for w in warnings)
    network = "CMATH" if recipe.model.name == "cmath" else recipe.model.name
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# {recipe.name}

{recipe.about or f"{network}, trained with merc."}

{network} ({parameters:,} parameters) labels every utterance of a conversation with one of: {", ".join(labels)}.
CMATH follows the description in {PAPER}; this is not the authors' code.

## Use

```python
import merc

model = merc.load("path/or/hub-id")
emotions = model.predict(conversations)
```

## Features it takes

| modality | feature | dimension | encoder | version |
|---|---|---|---|---|
{features}

Features of another encoder or version are refused. Any modality may be absent.

## Training corpus

{facts}

## Scores on {_SELECTION_PART[recipe.protocol]}

| score | value |
|---|---|
{numbers}

How the weights were chosen: {chosen_by}. Test scores, if any were taken, stand in the log of the run.

## Limits

- {MISUSE}
- Scores say little about other speakers, languages, recordings and ways of annotating than those of the training corpus.{cautions}

## Recipe

```yaml
{dump_recipe(recipe).strip()}
```

Software: {software}.
"""


def encoder_shown(spec: FeatureSpec) -> str:
    """The encoder's name; of a local folder only its last part, since cards are shared."""
    return Path(spec.encoder).name if Path(spec.encoder).is_absolute() else spec.encoder


def shared_recipe(recipe: Recipe) -> Recipe:
    """The recipe as it is shared: of absolute paths only their last part."""
    data, tuning, folders = recipe.data, recipe.text_tuning, _local_folders(recipe)
    shown = {name: folders.get(value, value) for name, value in (("store", data.store), ("labels", data.labels)) if value}
    if tuning is not None:
        paths = {"encoder": tuning.encoder, "base": tuning.base}
        tuning = tuning.model_copy(update={name: folders.get(path, path) for name, path in paths.items()})
    return recipe.model_copy(update={"data": data.model_copy(update=shown), "text_tuning": tuning})


def shared_sentences(sentences: Sequence[str], recipe: Recipe) -> tuple[str, ...]:
    """Sentences as they are shared: the recipe's absolute paths in them cut to their last part."""
    shown = tuple(sentences)
    for folder, last_part in _local_folders(recipe).items():
        shown = tuple(sentence.replace(folder, last_part) for sentence in shown)
    return shown


def _local_folders(recipe: Recipe) -> dict[str, str]:
    """Absolute paths in the recipe and their last parts, longest first: models are shared, folders of one machine are not."""
    paths = [recipe.data.store, recipe.data.labels]
    if recipe.text_tuning is not None:
        paths += [recipe.text_tuning.encoder, recipe.text_tuning.base]
    given = [path for path in paths if path and Path(path).is_absolute()]
    return {path: Path(path).name for path in sorted(given, key=len, reverse=True)}
