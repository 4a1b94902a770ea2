"""What the command line shows: reports and judgements as rich tables."""
