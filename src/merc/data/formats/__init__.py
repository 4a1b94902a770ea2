"""One module per known layout of a corpus."""
