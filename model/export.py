"""Export a model package as a folder that runs without Kennel, in ONNX Runtime or OpenVINO.

python model/export.py trained/model.tar.gz --to onnx --out FOLDER       # about 10 s
python model/export.py trained/model.tar.gz --to openvino --out FOLDER   # about a second
"""

from dogbreeds.training.failure import ending_in_a_sentence

if __name__ == "__main__":
    with ending_in_a_sentence("the export"):
        from dogbreeds.package.export import main

        main()
