"""Evaluate a model package on labelled photos: print a table, and one line of JSON at the end.

python model/evaluate.py --model model.tar.gz --data FOLDER
python model/evaluate.py --model model.tar.gz --data FOLDER --notdogs FOLDER   # AUROC too
"""

from dogbreeds.training.failure import ending_in_a_sentence

if __name__ == "__main__":
    with ending_in_a_sentence("the evaluation"):
        from dogbreeds.evaluation.evaluate import main

        main()
