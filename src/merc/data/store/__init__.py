"""A corpus on disk: safetensors and parquet, changed in one step."""

from merc.data.store.store import add_features, open_store, save_store

__all__ = ["add_features", "open_store", "save_store"]
