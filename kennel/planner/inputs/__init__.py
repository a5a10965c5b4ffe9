"""Inputs of a plan: settings, traffic, time distributions and prices."""
