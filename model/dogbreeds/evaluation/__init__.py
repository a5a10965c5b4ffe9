"""Evaluation: metrics, calibration, comparison with the live model."""
