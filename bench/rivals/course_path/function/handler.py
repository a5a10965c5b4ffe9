"""The course's Lambda: decode the photo from base64 and send it to the endpoint as it is."""

import base64
import os

import boto3
from botocore.config import Config

runtime = boto3.client(
    "sagemaker-runtime",
    endpoint_url=os.environ["ENDPOINT_URL"],
    config=Config(read_timeout=60),
)


def lambda_handler(event, context):
    response = runtime.invoke_endpoint(
        EndpointName="course",
        ContentType="image/jpeg",
        Body=base64.b64decode(event["body"]),
    )
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": response["Body"].read().decode(),
    }
