"""From transcripts to features."""
