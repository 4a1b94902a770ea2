"""A study's results as one page that opens offline, and as Markdown. Nothing is computed here but the order of rows."""
