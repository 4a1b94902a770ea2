"""Encoders: raw input to features."""
