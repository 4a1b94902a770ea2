"""An annotation as files and as a page."""
