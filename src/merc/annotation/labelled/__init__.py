"""Transcripts whose labels people gave or corrected, as a corpus: labels of tiers and columns, several annotators' among them."""
