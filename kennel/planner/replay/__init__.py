"""Replay of the traffic against the offline cloud, beside the prediction."""
