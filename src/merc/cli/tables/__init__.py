"""What the command line shows: reports and predictions as rich tables."""
