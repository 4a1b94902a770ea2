"""A trained model: what a person loads, asks, saves and shares."""
