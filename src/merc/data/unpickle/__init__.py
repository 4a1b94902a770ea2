"""The only reader of pickles: it runs nothing of what they hold."""
