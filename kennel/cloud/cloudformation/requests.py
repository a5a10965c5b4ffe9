"""Parse the parameters of API calls that contain a template."""

import re
import urllib.parse
from typing import Any

from kennel.cloud.cloudformation.stack_reads import invalid
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import StackRequest
from kennel.cloud.runtime.clients import Clients

Json = dict[str, Any]
_S3_PATH = re.compile(r"/(?P<bucket>[^/]+)/?(?P<key>.*)")
_BUCKET_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-]")


def read_request(p: Json, stack: StackState | None, clients: Clients) -> StackRequest:
    """Return what a call's parameters ask of a stack.

    Parameters
    ----------
    stack
        The stack as it is, for UsePreviousTemplate.
    clients
        Of the cloud: S3's reads the TemplateURL.
    """
    parameters = p.get("Parameters", [])
    return StackRequest(
        p["StackName"].rsplit("/", 2)[-2] if p["StackName"].startswith("arn:") else p["StackName"],
        template_text(p, stack, clients),
        {
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in parameters
            if not each.get("UsePreviousValue")
        },
        tuple(each["ParameterKey"] for each in parameters if each.get("UsePreviousValue")),
        tuple(p.get("Capabilities", [])),
        tuple(p.get("Tags", [])),
    )


def template_text(p: Json, stack: StackState | None, clients: Clients) -> str:
    """Return the text of a request's template."""
    if "TemplateBody" in p:
        return str(p["TemplateBody"])
    if p.get("UsePreviousTemplate") and stack:
        return stack.template
    url = p.get("TemplateURL", "")
    location = _S3_PATH.match(urllib.parse.urlsplit(url).path)
    host = urllib.parse.urlsplit(url).hostname or ""
    if not url or location is None:
        raise invalid("Either Template URL or Template Body must be specified.")
    bucket, key = location["bucket"], location["key"]
    if in_host := _BUCKET_HOST.match(host):
        bucket, key = in_host["bucket"], f"{bucket}/{key}" if key else bucket
    key = urllib.parse.unquote(key)
    s3 = clients("s3")
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except s3.exceptions.ClientError as error:
        raise invalid(f"S3 error: {error} (TemplateURL {url})") from error
