"""Run a training script as AWS's toolkit does, without the seconds that the toolkit's imports take.

It downloads the source, passes the hyperparameters as arguments, and writes /opt/ml/output/failure
when the script fails. Only the standard library is imported.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

# moto requires a signature and does not verify it.
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=kennel-operator/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


def main() -> int:
    base = Path(os.environ["SAGEMAKER_BASE_DIR"])
    hyperparameters = json.loads((base / "input/config/hyperparameters.json").read_text())
    code = base / "code"
    code.mkdir()
    source = hyperparameters["sagemaker_submit_directory"].removeprefix("s3://")
    request = urllib.request.Request(  # noqa: S310 - the emulator that started this process
        f"{os.environ['S3_ENDPOINT_URL']}/{source}", headers={"Authorization": SIGNATURE}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as response:
        body = response.read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        archive.extractall(code, filter="data")
    arguments = [
        part
        for name, value in hyperparameters.items()
        if not name.startswith(("sagemaker_", "_tuning_"))
        for part in (f"--{name}", value)
    ]
    environment = {
        **os.environ,
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DATA_DIR": str(base / "output/data"),
        "SM_CHANNEL_TRAIN": str(base / "input/data/train"),
    }
    command = [sys.executable, "-S", code / hyperparameters["sagemaker_program"], *arguments]
    script = subprocess.run(command, env=environment, check=False)
    if script.returncode:
        (base / "output/failure").write_text("ExecuteUserScriptError")
    return script.returncode


if __name__ == "__main__":
    sys.exit(main())
