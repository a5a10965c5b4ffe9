"""Replay of the traffic against the offline cloud, compared with the prediction."""
