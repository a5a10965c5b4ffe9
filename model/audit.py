"""Audit a folder of photos before training on it.

python model/audit.py FOLDER [--accept KIND ...] [--out audit.json]
"""

import sys

from dogbreeds.data.audit import main

if __name__ == "__main__":
    main(sys.argv[1:])
