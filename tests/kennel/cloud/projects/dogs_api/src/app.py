"""Keep dogs in a table: PUT and GET /dogs/{name}."""

import json
import os
from typing import Any

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    name = event["pathParameters"]["name"]
    print("asked for", name)
    if event["httpMethod"] == "PUT":
        table.put_item(Item={"name": name, **json.loads(event["body"])})
    dog = table.get_item(Key={"name": name}).get("Item")
    body = {"greeting": os.environ["GREETING"], "dog": dog}
    return {"statusCode": 200 if dog else 404, "body": json.dumps(body)}
