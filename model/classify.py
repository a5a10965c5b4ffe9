"""Name the breed in photos with a model package, without a cloud: a table, JSON or CSV.

python model/classify.py --model trained/model.tar.gz photo.jpg folder/   # about a second
python model/classify.py --model trained/model.tar.gz folder/ --csv > breeds.csv
"""

from dogbreeds.serving.classify import main

if __name__ == "__main__":
    main()
