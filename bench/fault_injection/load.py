"""Send photos to the API steadily, and record the answer to each request."""

import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from fault_injection.cloud import KennelUp
from fault_injection.expectations import WAIT_SECONDS, expect, wait_until
from kennel.demo import Sample

STEADY_SECONDS = 3.0  # without a failed request: the load is well again
CLIENTS, PAUSE_SECONDS = 2, 0.25  # below the 20 requests a second that the usage plan allows


@dataclass(frozen=True)
class Request:
    """A request with a photo: its times and its answer, with status 0 if there was none."""

    began: float
    ended: float
    status: int
    answer: str
    retry_after: str

    @property
    def failed(self) -> bool:
        """Whether the photo was not classified."""
        return self.status != httpx.codes.OK


class Load:
    """Clients that each send photos one after another, and repeat no request that fails."""

    def __init__(self, cloud: KennelUp, photos: list[Sample]) -> None:
        self._cloud = cloud
        self._photos = photos
        self._requests: list[Request] = []
        self._under_way: set[float] = set()  # when they began
        self._ended = threading.Event()
        self._began = self._fault = time.monotonic()
        self._threads = [threading.Thread(target=self._send_all) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    @property
    def clients(self) -> int:
        """How many clients send, each one request at a time."""
        return len(self._threads)

    def waiting(self) -> int:
        """Return how many requests wait for their answer."""
        return len(self._under_way)

    def stop(self) -> None:
        """Stop the clients, and wait until they have ended."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def send(self, number: int = 0) -> Request:
        """Send a photo, record the request and return it."""
        photo = self._photos[number % len(self._photos)].photo
        return self.send_body(photo.read_bytes(), "image/jpeg")

    def send_body(self, body: bytes, media_type: str) -> Request:
        """Send the bytes of a photo, record the request and return it."""
        address = self._cloud.address
        headers = {"x-api-key": address.api_key, "content-type": media_type}
        began, status, text, retry_after = time.monotonic(), 0, "", ""
        self._under_way.add(began)
        try:
            answer = httpx.post(
                f"{address.api_url}/classify",
                content=body,
                headers=headers,
                timeout=35,  # API Gateway's own is 29
                trust_env=False,
            )
            status, retry_after = answer.status_code, answer.headers.get("retry-after", "")
            text = answer.json()["breeds"][0]["breed"] if answer.is_success else answer.text
        except httpx.TransportError as error:
            text = repr(error)
        finally:
            self._under_way.discard(began)
        request = Request(began, time.monotonic(), status, text, retry_after)
        self._requests.append(request)
        return request

    def _send_all(self) -> None:
        number = 0
        while not self._ended.wait(PAUSE_SECONDS):
            number += 1
            self.send(number)

    def begin(self) -> None:
        """Begin to count requests, for the next case."""
        self._began = self._fault = time.monotonic()

    def fault(self) -> None:
        """Note that the fault happens now: the recovery time begins."""
        self._fault = time.monotonic()

    def requests(self) -> list[Request]:
        """Return the requests that ended since `begin`."""
        return [each for each in tuple(self._requests) if each.ended > self._began]

    def failed(self) -> list[Request]:
        """Return the requests that failed since `begin`."""
        return [each for each in self.requests() if each.failed]

    def recovery_seconds(self) -> float:
        """Return the time from the fault to the end of the last request that failed; 0 if none."""
        return max((each.ended - self._fault for each in self.failed()), default=0.0)

    def statuses(self) -> dict[int, int]:
        """Return how many requests failed, by status."""
        return dict(Counter(each.status for each in self.failed()))

    def expect_only(self, *statuses: int) -> None:
        """Expect that requests failed with these statuses only, and each 503 with Retry-After."""
        for each in self.failed():
            well = each.status in statuses and (each.status != 503 or each.retry_after)
            expect(well, f"a request got {each.status} {each.answer[:100]}")

    def until_steady(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until photos have been answered for some seconds without a failure."""
        began = time.monotonic()

        def is_steady() -> bool:
            now = time.monotonic()
            last = tuple(self._requests)[-1:]
            latest_failure = max((each.ended for each in self.failed()), default=began)
            return bool(last) and not last[0].failed and now - latest_failure > STEADY_SECONDS

        wait_until(is_steady, "photos answered without a failure", seconds)
