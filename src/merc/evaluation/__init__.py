"""A model scored against labels: metrics, calibration, trust, statistics, the report."""
