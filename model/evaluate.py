"""Evaluate a model package on labelled photos: print a table, and one line of JSON at the end.

python model/evaluate.py --model model.tar.gz --data FOLDER
python model/evaluate.py --model model.tar.gz --data FOLDER --notdogs FOLDER   # AUROC too
"""

from dogbreeds.evaluation.evaluate import main

if __name__ == "__main__":
    main()
