from common.environment import Environment
from common.images import ServingImage


def test_given_image_or_the_one_built_from_the_bundle() -> None:
    variables = {"SERVING_IMAGE": "", "REPOSITORY_URI": "uri"}
    built = ServingImage.from_environment(Environment(variables))
    assert built.uri("abc") == "uri:abc"
    given = ServingImage.from_environment(Environment({**variables, "SERVING_IMAGE": "mine:1"}))
    assert given.uri("abc") == "mine:1"
