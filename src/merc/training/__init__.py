"""Objective, corruption, loop and checkpoints."""
