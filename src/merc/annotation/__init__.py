"""From a recording or a transcript to its emotions."""
