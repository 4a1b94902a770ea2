"""Conversations and streams of known quality, and the ceiling that they allow."""
