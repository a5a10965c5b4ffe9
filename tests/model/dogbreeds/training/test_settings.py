from pathlib import Path

import pytest

from dogbreeds.data.dataset import DataError
from dogbreeds.training.settings import HeadSettings, parse


def test_default_settings() -> None:
    settings = parse(["--data", "photos", "--out", "runs/one"], {})
    assert settings.head == HeadSettings() and settings.tune == 0 and settings.live is None
    assert settings.model_dir is None
    assert settings.cache == Path("runs/.cache")
    assert settings.backbone == "tf_efficientnet_lite2"


def test_sagemakers_environment_and_strings() -> None:
    environment = {
        "SM_CHANNEL_TRAIN": "/in/train",
        "SM_CHANNEL_VALID": "/in/valid",
        "SM_CHANNEL_LIVE": "/in/live",
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_NUM_CPUS": "2",
    }
    flags = ["--batch-size", "128", "--learning-rate", "1e-2", "--accept", "too-few,tiny"]
    settings = parse(flags, environment)
    assert settings.channels == {"train": Path("/in/train"), "valid": Path("/in/valid")}
    assert settings.live == Path("/in/live")
    assert (settings.out, settings.model_dir) == (
        Path("/opt/ml/output/data"),
        Path("/opt/ml/model"),
    )
    assert settings.head.batch_size == 128 and settings.head.learning_rate == 0.01
    assert settings.threads == 2 and settings.accept == ("too-few,tiny",)


def test_a_channel_may_have_another_word_for_its_split() -> None:
    names = {"TRAINING": "train", "VALIDATION": "valid", "TESTING": "test"}
    environment = {f"SM_CHANNEL_{name}": f"/in/{name}" for name in names}
    assert parse(["--out", "x"], environment).channels == {
        split: Path(f"/in/{name}") for name, split in names.items()
    }
    with pytest.raises(DataError, match="SM_CHANNEL_VAL and SM_CHANNEL_VALIDATION are both"):
        parse(["--out", "x"], {**environment, "SM_CHANNEL_VAL": "/in/val"})


def test_a_flag_comes_before_the_environment() -> None:
    settings = parse(
        ["--out", "mine", "--train", "here"], {"SM_MODEL_DIR": "/m", "SM_CHANNEL_TRAIN": "/there"}
    )
    assert settings.model_dir is None  # a person who names --out wants model.tar.gz there
    assert settings.channels["train"] == Path("here")


@pytest.mark.parametrize("text", ["true", "True", "1", "", "yes"])
def test_head_only_as_sagemaker_says_true(text: str) -> None:
    parse(["--out", "x", "--head-only", text], {})


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--finetune", "perhaps"], "expected true or false"),
        (["--host-gb", "0"], "expected a number above 0"),
        (["--head-only", "maybe"], "expected true or false"),
        (["--epochs", "0"], "expected a whole number from 1 to"),
        (["--batch-size", "64.5"], "expected a whole number from 1 to"),
        (["--learning-rate", "-1"], "expected a number above 0"),
        (["--learning-rate", "inf"], "expected a number above 0"),
    ],
)
def test_wrong_flags_are_refused(flags: list[str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        parse(["--out", "x", *flags], {})
