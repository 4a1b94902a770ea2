"""Readers of what people annotate in: ELAN, Praat, CLAN, EXMARaLDA, and NIST's tables of turns and words."""
