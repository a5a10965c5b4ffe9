"""Results of operations as HTTP responses."""

from kennel.cloud.runtime.answers import written


def test_an_answer_without_content_has_no_body() -> None:
    response = written("lambda", "DeleteLayerVersion", {})
    assert (response.status_code, response.body) == (204, b"")
    assert written("lambda", "ListTags", {"Tags": {"a": "1"}}).body == b'{"Tags": {"a": "1"}}'
