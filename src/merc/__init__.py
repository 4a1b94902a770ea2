"""Multimodal emotion recognition in conversation with CMATH.

model = merc.load("runs/meld")
emotions = model.predict(conversations)
run = merc.train(merc.load_recipe(Path("recipes/meld.yaml")), "runs/meld")
evaluation = merc.evaluate("runs/meld")
annotation = merc.annotate("talk.mp4", "talk.srt")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from merc.annotation.annotator import Annotator, annotate
    from merc.annotation.decoding import Sound
    from merc.annotation.options import Options
    from merc.annotation.result import Annotation
    from merc.config import Recipe, load_recipe
    from merc.data.schema import Conversation, Corpus, Utterance
    from merc.data.store import open_store
    from merc.errors import MercError
    from merc.recogniser import Recogniser, load
    from merc.run import evaluate, train

__all__ = [
    "Annotation",
    "Annotator",
    "Conversation",
    "Corpus",
    "MercError",
    "Options",
    "Recipe",
    "Recogniser",
    "Sound",
    "Utterance",
    "annotate",
    "evaluate",
    "load",
    "load_recipe",
    "open_store",
    "train",
]

_HOME = {
    "Annotation": "merc.annotation.result",
    "Annotator": "merc.annotation.annotator",
    "Conversation": "merc.data.schema",
    "Corpus": "merc.data.schema",
    "MercError": "merc.errors",
    "Options": "merc.annotation.options",
    "Recipe": "merc.config",
    "Recogniser": "merc.recogniser",
    "Sound": "merc.annotation.decoding",
    "Utterance": "merc.data.schema",
    "annotate": "merc.annotation.annotator",
    "evaluate": "merc.run",
    "load": "merc.recogniser",
    "load_recipe": "merc.config",
    "open_store": "merc.data.store",
    "train": "merc.run",
}


def __getattr__(name: str) -> object:
    """Imports on first use, so that `merc --help` need not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'merc' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
