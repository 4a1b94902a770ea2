"""Readers of transcripts: subtitles, speech recognisers' JSON, tables and plain text, all to the same turns."""
