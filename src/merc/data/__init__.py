"""Corpora: schema, stores, layouts, splits, batches, planted streams."""
