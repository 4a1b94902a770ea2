"""Words and speakers of a recording that has no transcript."""
