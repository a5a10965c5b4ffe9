"""Shared by all services: clock, processes, stored state, faults and error answers."""
