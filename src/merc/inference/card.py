"""The model card that goes with every saved model: what it is, was trained on, can do, and must not be used for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from merc.data.schema import FeatureSpec
from merc.encoders.text.languages import language_name
from merc.inference.record import ModelRecord

_SELECTION_PART = {"validation": "validation", "test-peak": "TEST, on which the epoch was chosen: not comparable"}
PAPER = "https://arxiv.org/abs/2411.10060"
MISUSE = (
    "Labels are guesses about how an utterance would be annotated, not readings of what a person feels. "
    "Do not use them to decide about people: hiring, policing, grading, credit, diagnosis, or watching people who did not agree."
)


def model_card(record: ModelRecord, labels: Sequence[str], specs: Sequence[FeatureSpec], parameters: int) -> str:
    """The card as Markdown behind a YAML header that model hubs read.

    Args:
        record, labels, specs: the model's record, its classes in order, the features that it takes.
        parameters: trainable numbers.
    """
    import yaml  # a tenth of a second

    from merc.files.strict_yaml import dump_yaml

    record = record.shared()
    recipe, model_name = record.recipe, str(record.recipe["model"]["name"])
    header: dict[str, object] = {"library_name": "merc", "language": list(record.languages)}
    header["tags"] = ["emotion-recognition", "conversation", "multimodal", model_name]
    header = {name: value for name, value in header.items() if value}
    features = "\n".join(f"| {s.modality} | {s.name} | {s.dimension} | {encoder_shown(s)} | {s.version} |" for s in specs)
    numbers = "\n".join(f"| {name} | {value:.4f} |" for name, value in record.scores.items()) or "| none | |"
    languages = ", ".join(map(language_name, record.languages)) or "not known"
    facts = "\n".join(f"- {name}: {value}" for name, value in record.corpus.items()) or "- unknown"
    software = ", ".join(f"{name} {version}" for name, version in record.versions.items()) or "unknown"
    cautions = "".join(f"\n- {w}" for w in record.warnings)
    network = "CMATH" if model_name == "cmath" else model_name
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# {record.name}

{recipe.get("about") or f"{network}, trained with merc."}

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

Languages of its words: {languages}. Words in other languages are labelled too, but the labels mean little; merc warns of them.

## Scores on {record.scored_on or _SELECTION_PART[recipe.get("protocol", "validation")]}

| score | value |
|---|---|
{numbers}

How the weights were chosen: {record.chosen_by}. Test scores, if any were taken, stand in the log of the run.

## Limits

- {MISUSE}
- Scores say little about other speakers, languages, recordings and ways of annotating than those of the training corpus.{cautions}

## Recipe

```yaml
{dump_yaml(recipe).strip()}
```

Software: {software}.
"""


def encoder_shown(spec: FeatureSpec) -> str:
    """The encoder's name; of a local folder only its last part, since cards are shared."""
    return Path(spec.encoder).name if Path(spec.encoder).is_absolute() else spec.encoder
