from typing import Any

import pytest

from preflight.request import Request, read_request


@pytest.mark.parametrize(
    ("given", "request_"),
    [
        ({}, Request()),
        ({"Comment": "Insert your JSON here"}, Request()),  # the console's example
        ({"tune": {"max_jobs": 20, "parallel": 4}}, Request(tune={"max_jobs": 20, "parallel": 4})),
        (
            {"hyperparameters": {"epochs": 30, "learning-rate": 0.01, "head-only": True}},
            Request(hyperparameters={"epochs": "30", "learning-rate": "0.01", "head-only": "true"}),
        ),
        (
            {"hyperparameters": {"accept": "duplicate,too-few"}},
            Request(hyperparameters={"accept": "duplicate,too-few"}),
        ),
        ({"release": "live"}, Request(release="live")),
        ({"release": None}, Request()),
    ],
)
def test_good_input(given: Any, request_: Request) -> None:
    assert read_request(given) == (request_, [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1], "expected an object: start with {}"),
        ("x", "expected an object"),
        ({"zoom": 1, "tuning": 2}, "has tuning, zoom, which this state machine does not know"),
        ({"release": 3}, 'release is 3: expected "live", the ARN of a version (arn:aws:'),
        ({"release": "latest"}, 'release is "latest": expected "live"'),
        ({"release": "arn:aws:sagemaker:us-east-1:1:model/kennel"}, 'expected "live", the ARN'),
        ({"release": "live", "tune": {"max_jobs": 1, "parallel": 1}}, "release starts no training"),
        ({"tune": 20}, 'tune is 20: give it as {"max_jobs": 20, "parallel": 4}'),
        ({"tune": {"max_jobs": 20}}, "give it as"),
        (
            {"tune": {"max_jobs": 0, "parallel": 1}},
            "tune.max_jobs is 0: expected an integer from 1",
        ),
        ({"tune": {"max_jobs": True, "parallel": 1}}, "tune.max_jobs is true"),
        ({"tune": {"max_jobs": 2, "parallel": 4}}, "the first must not be the larger"),
        ({"hyperparameters": ["epochs"]}, "give model/train.py's flags"),
        ({"hyperparameters": {"sagemaker_program": "x"}}, "'sagemaker_program' is no flag"),
        ({"hyperparameters": {"--epochs": 3}}, "'--epochs' is no flag"),
        ({"hyperparameters": {"epochs": [3]}}, "hyperparameter epochs is [3]"),
        ({"hyperparameters": {f"a{n}": 1 for n in range(91)}}, "There are 91 hyperparameters"),
    ],
)
def test_bad_input_is_one_sentence(given: Any, words: str) -> None:
    request, problems = read_request(given)
    assert request == Request()
    assert len(problems) == 1
    assert words in problems[0]
