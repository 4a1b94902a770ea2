"""A corpus on disk: safetensors and parquet, changed in one step."""
