"""Multimodal emotion recognition in conversation with CMATH.

model = merc.load("runs/meld")
emotions = model.predict(conversations)
run = merc.train(merc.load_recipe(Path("recipes/meld.yaml")), "runs/meld")
evaluation = merc.evaluate("runs/meld")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from merc.config import Recipe, load_recipe
    from merc.data.schema import Conversation, Corpus, Utterance
    from merc.data.store import open_store
    from merc.errors import MercError
    from merc.recogniser import Recogniser, load
    from merc.run import evaluate, train

__all__ = [
    "Conversation",
    "Corpus",
    "MercError",
    "Recipe",
    "Recogniser",
    "Utterance",
    "evaluate",
    "load",
    "load_recipe",
    "open_store",
    "train",
]

_HOME = {
    "Conversation": "merc.data.schema",
    "Corpus": "merc.data.schema",
    "MercError": "merc.errors",
    "Recipe": "merc.config",
    "Recogniser": "merc.recogniser",
    "Utterance": "merc.data.schema",
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
