"""Write the sum of an execution's output into a bucket, under the execution's name."""

import json
import os
from typing import Any

import boto3


def handler(detail: dict[str, Any], context: Any) -> None:
    total = str(sum(json.loads(detail["output"])))
    key = f"{detail['name']}.txt"
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=total.encode())
