"""Generate load for a server: prepared HTTP requests over kept-open connections.

    python bench/load.py PORT PATH CLIENTS SECONDS < requests      # prints a line of JSON

It does little work between two requests, since it runs on the server's cores: requests are made
beforehand, answers are read up to their Content-Length, and only status and duration are recorded.
Standard input holds the bodies one after another: for each, a content type line, a length line,
and the bytes. endpoint.py starts it as a process of its own.
"""

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import BinaryIO

WARM_SECONDS = 1.0  # not counted
TIMEOUT = 120.0  # seconds for one answer


@dataclass
class Client:
    """The durations and statuses of one connection."""

    durations: list[float] = field(default_factory=list)  # seconds
    statuses: dict[int, int] = field(default_factory=dict)
    sent: int = 0  # requests, those of the warm-up too


def read_requests(stream: BinaryIO, port: int, path: str) -> list[bytes]:
    """Return an HTTP request for each body on `stream`."""
    requests = []
    while line := stream.readline():
        kind = line.decode().strip()
        body = stream.read(int(stream.readline()))
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nAccept: application/json\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def exchange(connection: socket.socket, request: bytes) -> tuple[int, bool]:
    """Send one request; return the answer's status and whether the connection stays open."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("closed before the answer")
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length, chunked, kept = 0, False, True
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            chunked = b"chunked" in value
        elif name == b"connection":
            kept = b"close" not in value
    while (not body.endswith(b"0\r\n\r\n")) if chunked else (len(body) < length):
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("closed within the answer")
        body += part
    return int(lines[0].split()[1]), kept


def drive(client: Client, port: int, requests: list[bytes], first: int, until: list[float]) -> None:
    """Send requests one after another from `first` on; record those begun in the timed span."""
    connection = connect(port)
    number = first
    while (begun := time.perf_counter()) < until[1]:
        status, kept = exchange(connection, requests[number % len(requests)])
        client.sent += 1
        if begun >= until[0]:
            client.durations.append(time.perf_counter() - begun)
            client.statuses[status] = client.statuses.get(status, 0) + 1
        if not kept:
            connection.close()
            connection = connect(port)
        number += 1
    connection.close()


def connect(port: int) -> socket.socket:
    """Open a connection without Nagle's delay."""
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the sorted `values` are."""
    if not values:
        return float("inf")  # no answer in the whole run
    return values[min(len(values) - 1, int(share * len(values)))]


def run(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, object]:
    """Drive `clients` connections for `seconds` after a warm-up."""
    start = time.perf_counter() + WARM_SECONDS
    until = [start, start + seconds]
    all_clients = [Client() for _ in range(clients)]
    threads = [
        threading.Thread(target=drive, args=(client, port, requests, 17 * number, until))
        for number, client in enumerate(all_clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - start
    durations = sorted(value for client in all_clients for value in client.durations)
    statuses: dict[str, int] = {}
    for client in all_clients:
        for status, count in client.statuses.items():
            statuses[str(status)] = statuses.get(str(status), 0) + count
    return {
        "clients": clients,
        "requests": len(durations),
        "sent": sum(client.sent for client in all_clients),
        "per_second": round(len(durations) / elapsed, 1),
        "p50_ms": round(1000 * percentile(durations, 0.50), 1),
        "p99_ms": round(1000 * percentile(durations, 0.99), 1),
        "statuses": statuses,
    }


def main() -> None:
    """Run and print the result."""
    port, path, clients, seconds = sys.argv[1:]
    requests = read_requests(sys.stdin.buffer, int(port), path)
    print(json.dumps(run(int(port), requests, int(clients), float(seconds))))


if __name__ == "__main__":
    main()
