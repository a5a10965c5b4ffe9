"""The parts of faults.py."""
