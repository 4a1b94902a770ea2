"""A trained model adapted to one's own labelled conversations."""
