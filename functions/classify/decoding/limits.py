"""Limits of a photo: pixels by the way of decoding, and scans, checked before a pixel is decoded."""

MAX_PIXELS_REDUCED = 250_000_000
MAX_PIXELS_SCANS = 110_000_000
MAX_PIXELS_WHOLE = 52_000_000
MAX_SCANS = 64
