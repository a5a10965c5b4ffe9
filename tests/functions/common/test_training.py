import json

from common.environment import Environment
from common.training import Settings, objective, read_search_space
from tests.functions.account import BUCKET, Account
from tests.functions.training import SETTINGS, SPACE, source
from tests.stack import ROOT


def test_search_space_comes_out_of_the_published_source() -> None:
    account = Account()
    account.objects["code/abc/source.tar.gz"] = source()
    assert read_search_space(account.s3, BUCKET, "code/abc/") == SPACE


def test_objective_of_the_search_space_that_is_shipped() -> None:
    found = objective(json.loads((ROOT / "model" / "search_space.json").read_text()))
    assert found.direction in {"minimize", "maximize"}
    assert found.definitions == [{"Name": found.metric, "Regex": found.regex}]


def test_each_variable_reaches_its_setting() -> None:
    variables = {
        "ENDPOINT_NAME": SETTINGS.endpoint_name,
        "BUCKET_NAME": SETTINGS.bucket,
        "TRAINING_IMAGE": SETTINGS.image,
        "TRAINING_INSTANCE_TYPE": SETTINGS.instance_type,
        "TRAINING_MAX_SECONDS": "3600",
        "TRAINING_ROLE_ARN": SETTINGS.role_arn,
    }
    assert Settings.from_environment(Environment(variables)) == SETTINGS
