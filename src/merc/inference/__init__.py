"""A trained model: loaded, run, saved and shared."""
