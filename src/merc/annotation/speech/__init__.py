"""What is said and who speaks, where no transcript tells it."""
