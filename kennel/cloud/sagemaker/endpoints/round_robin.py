"""Share requests among fleets by weight."""

from kennel.cloud.sagemaker.endpoints.fleet import Fleet


class WeightedRoundRobin:
    """Choose fleets in proportion to their weights, evenly in time (smooth weighted round robin).

    The service chooses at random. Round robin gives the same shares, and a test of ten requests
    has one possible result.
    """

    def __init__(self) -> None:
        self._credit: dict[int, float] = {}

    def choose(self, fleets: list[tuple[Fleet, float]]) -> Fleet | None:
        """Return the next fleet of (fleet, weight); None when no weight is above 0."""
        weighted = [(fleet, weight) for fleet, weight in fleets if weight > 0]
        if not weighted:
            return None
        self._credit = {
            id(fleet): self._credit.get(id(fleet), 0.0) + weight for fleet, weight in weighted
        }
        chosen, _ = max(weighted, key=lambda pair: self._credit[id(pair[0])])
        self._credit[id(chosen)] -= sum(weight for _, weight in weighted)
        return chosen
