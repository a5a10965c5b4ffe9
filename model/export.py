"""Export a model package as a folder that runs without Kennel, in ONNX Runtime or OpenVINO.

python model/export.py trained/model.tar.gz --to onnx --out FOLDER       # about 10 s
python model/export.py trained/model.tar.gz --to openvino --out FOLDER   # about a second
"""

from dogbreeds.package.export import main

if __name__ == "__main__":
    main()
