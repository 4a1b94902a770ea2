"""Plain text: transcripts whose layout is told by the shape of the whole file, and by no line alone."""
