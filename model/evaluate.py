"""Evaluate a model package on labelled photos.

python model/evaluate.py --model model.tar.gz --data FOLDER [--notdogs FOLDER]
"""

from dogbreeds.evaluation.evaluate import main

if __name__ == "__main__":
    main()
