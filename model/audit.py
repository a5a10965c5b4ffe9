"""Audit a folder of photos before training on it: list everything that is wrong with them.

python model/audit.py FOLDER                          # exit status 1 if something stops a training
python model/audit.py FOLDER --accept duplicate,tiny  # as train.py would with this flag
python model/audit.py FOLDER --out audit.json
"""

import sys

from dogbreeds.training.failure import ending_in_a_sentence

if __name__ == "__main__":
    with ending_in_a_sentence("the audit"):
        from dogbreeds.data.audit import main

        main(sys.argv[1:])
