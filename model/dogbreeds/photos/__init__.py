"""Photos: decoding, preprocessing, the wire format, duplicates and quality."""
