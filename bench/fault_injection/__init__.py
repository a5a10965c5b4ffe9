"""The faults that faults.py injects, and the cloud and load that it injects them into."""
