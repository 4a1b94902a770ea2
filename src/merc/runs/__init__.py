"""One recipe trained into one folder, and judged from it."""
