"""Engines that predict what becomes of the requests: exact simulation, and queueing theory."""
