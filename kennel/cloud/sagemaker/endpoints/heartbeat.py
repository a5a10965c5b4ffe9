"""Publish the metrics that an endpoint has without requests: zeros, and concurrent requests.

The service sends InvocationsPerInstance as 0 without traffic, so that scaling returns to its
minimum (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html), and
ConcurrentRequestsPerModel every ten seconds.
"""

from collections.abc import Callable, Iterable

from kennel.cloud.cloudwatch.metrics import BUCKET_SECONDS, Metrics
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint

MAX_MISSED_BEATS = 360  # published after a jump of the clock: one hour


class Heartbeat:
    """Publish metrics of every live endpoint each ten offline seconds."""

    def __init__(
        self, endpoints: Callable[[], Iterable[Endpoint]], clock: Clock, metrics: Metrics
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Publish until cancelled."""
        beat = self._clock.now() // BUCKET_SECONDS * BUCKET_SECONDS
        while True:
            await self._clock.sleep_until(beat + BUCKET_SECONDS)
            latest = self._clock.now() // BUCKET_SECONDS * BUCKET_SECONDS
            beat = max(beat, latest - MAX_MISSED_BEATS * BUCKET_SECONDS)
            while beat < latest:  # for the ten seconds that have just passed
                self._beat(beat)
                beat += BUCKET_SECONDS

    def _beat(self, when: float) -> None:
        for endpoint in self._endpoints():
            for fleet in endpoint.live.fleets.values() if endpoint.live else ():
                if fleet.serverless:
                    continue
                dimensions = {"EndpointName": endpoint.name, "VariantName": fleet.variant}
                count = self._metrics.count
                count("AWS/SageMaker", "InvocationsPerInstance", dimensions, 0.0, "None", when=when)
                for instance in fleet.instances:
                    busy = float(instance.in_flight)
                    name = "ConcurrentRequestsPerModel"
                    count("AWS/SageMaker", name, dimensions, busy, "Count", when=when)
