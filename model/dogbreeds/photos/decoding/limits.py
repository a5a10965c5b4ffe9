"""Limits of a photo, checked before a pixel is decoded.

What a photo costs depends on how it is decoded (bench/photo_limits.py: peak resident memory of
Python, Pillow and a photo turned by its EXIF, and CPU time, on one core of x86-64):

    kind                   held in memory                          of          MB        s
    JPEG in one pass       almost nothing: `draft` decodes at 1/8  200 MP      50 to 65  0.2 to 0.5
    JPEG in several scans  all coefficients until the last scan,   100 MP      320, 600  0.9 to 2
    (progressive)          3 (4:2:0), 6 (4:4:4) or 8 (CMYK) bytes              or 800
                           a pixel
    PNG                    8 to 10 bytes a pixel: converted,        50 MP      470, 550  2 to 4
                           and turned
    WebP                   16 to 19 bytes a pixel: libwebp's two    50 MP      800, 940  2 to 3.5
                           canvases and two copies

ClassifyFunction has 1,769 MB. So each kind may have what 60 % of that hold, as
tests/functions/classify/decoding/test_limits.py computes from a measured photo. Training has the
same limits, so that it takes what the API takes.

Cameras write the first kind, with up to 16384 x 12288 pixels ("200 MP"); phones of "50 MP" write
up to 8192 x 6144, which fit in every kind.
"""

MAX_PIXELS_REDUCED = 250_000_000  # where `draft` decodes at reduced scale
MAX_PIXELS_SCANS = 110_000_000  # "108 MP"
MAX_PIXELS_WHOLE = 52_000_000  # PNG and WebP; neither has a reduced scale

# Each scan costs a pass over all pixels, and a "progressive bomb", a small file with thousands of
# empty scans, would occupy a reserved execution for minutes. libjpeg writes 10, optimisers some 20.
MAX_SCANS = 64
MAX_SCANNED_PIXELS = 2_000_000_000  # scans times pixels; about 2 s
