"""The networks: one interface, CMATH, and its rivals."""
