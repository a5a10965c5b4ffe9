"""Engines that predict the outcome of requests: exact simulation, and queueing theory."""
