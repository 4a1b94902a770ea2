"""Metrics, calibration, trust validation and judgement of runs."""
