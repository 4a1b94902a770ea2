"""Rivals of CMATH, one file each, with the interface of the model."""
