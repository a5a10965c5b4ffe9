import json

from common.environment import Environment
from common.training import TrainingSettings, read_objective, read_search_space
from tests.functions.aws_account import BUCKET, Account
from tests.functions.training import SETTINGS, SPACE
from tests.stack import ROOT


def test_search_space_is_read_from_the_bundle() -> None:
    account = Account()
    account.objects["code/abc/search_space.json"] = json.dumps(SPACE).encode()
    assert read_search_space(account.s3, BUCKET, "code/abc/") == SPACE
    assert account.called() == ["GetObject"]


def test_objective_of_the_shipped_search_space() -> None:
    objective = read_objective(json.loads((ROOT / "model" / "search_space.json").read_text()))
    assert objective.direction in {"minimize", "maximize"}
    assert objective.definitions == [{"Name": objective.metric, "Regex": objective.regex}]


def test_each_variable_reaches_its_setting() -> None:
    variables = {
        "ENDPOINT_NAME": SETTINGS.endpoint_name,
        "BUCKET_NAME": SETTINGS.bucket,
        "TRAINING_IMAGE": SETTINGS.image,
        "TRAINING_INSTANCE_TYPE": SETTINGS.instance_type,
        "TRAINING_MAX_SECONDS": "3600",
        "TRAINING_ROLE_ARN": SETTINGS.role_arn,
        "VPC_SUBNETS": "",
        "VPC_SECURITY_GROUPS": "",
        "KMS_KEY_ARN": "",
    }
    assert TrainingSettings.from_environment(Environment(variables)) == SETTINGS
