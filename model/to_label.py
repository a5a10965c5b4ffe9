"""Order photos without labels by what a model would learn from most, if they had one.

python model/to_label.py --model trained/model.tar.gz folder/ --count 50
python model/to_label.py --model trained/model.tar.gz folder/ --csv > to-label.csv
"""

from dogbreeds.serving.label_queue import main

if __name__ == "__main__":
    main()
