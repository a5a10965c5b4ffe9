"""The smallest stack that an offline cloud runs with a bucket: no function is built for it."""

from pathlib import Path

from kennel.cloud.config import CloudConfig

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: prod, DefinitionBody: {openapi: 3.0.1, info: {title: none}, paths: {}}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: small}}
"""


def small_stack(folder: Path, name: str, state: Path) -> CloudConfig:
    """Write the template to a folder; return the configuration of a cloud that runs it."""
    template = folder / "template.yaml"
    template.write_text(TEMPLATE)
    return CloudConfig(
        template=template, build_folder=folder / "build", stack_name=name, state=state
    )
