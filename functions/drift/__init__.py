"""DriftFunction; a regular package, so that bench/drift.py does not hide it."""
