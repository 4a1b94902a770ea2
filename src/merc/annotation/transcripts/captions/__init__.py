"""Readers of captions and subtitles, one file a format; `rolling` takes out what captions show more than once."""
