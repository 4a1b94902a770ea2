"""Text encoders that are tuned on a recipe's training part."""
