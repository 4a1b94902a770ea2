"""CMATH and its parts."""
