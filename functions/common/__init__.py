"""Shared by the functions."""
