from common.cors import allowed, preflight

ORIGIN = "https://dogs.example"


def test_one_origin_may_read_answers_and_ask_before() -> None:
    assert allowed(ORIGIN) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Expose-Headers": "Retry-After, ETag, x-amzn-RequestId",
    }
    assert preflight(ORIGIN, ["GET", "HEAD"]) == {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, X-Api-Key",
        "Access-Control-Max-Age": "7200",
    }


def test_without_an_origin_there_is_no_header() -> None:
    assert allowed("") == preflight("", ["GET"]) == {}
