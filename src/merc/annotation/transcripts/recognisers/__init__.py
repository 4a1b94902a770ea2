"""JSON of speech recognisers: a module for each vendor's form, and common ones for fields, timed words and units of time."""
