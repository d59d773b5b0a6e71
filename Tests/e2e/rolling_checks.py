"""A rolling restart of two gateways behind a TCP balancer: no client notices."""

import contextlib
import http.client
import json
import os
import threading
import time
from collections import Counter

from client_checks import QUESTION
from harness import Checks, call, expect, expect_equal, free_port, shorten, wait_until
from metrics_page import Page
from world import PATIENT_BREAKER, Gateway, World, endpoint

MODEL = "rolling-chat"
PATH = "/olla/vllm/v1/chat/completions"
CLIENTS = 12
DRAIN_DELAY = 1.5

# The balancer looks five times a second; a gateway that drains takes connections for DRAIN_DELAY.
BALANCER = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    balance roundrobin
    option httpchk GET /internal/ready
    http-check expect status 200
    server a 127.0.0.1:{first} check inter 200ms fall 1 rise 1
    server b 127.0.0.1:{second} check inter 200ms fall 1 rise 1
"""


class Load:
    """Clients that ask without a pause, each on a connection it keeps as long as it may."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self.threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def total(self) -> int:
        with self.lock:
            return sum(self.answered.values())

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        is_stream = number % 2 == 0
        body = json.dumps({"model": MODEL, "messages": QUESTION, "stream": is_stream})
        with contextlib.closing(connection):
            while not self.stopping.is_set():
                try:
                    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    content = response.read()
                    is_whole = response.status == 200 and (
                        content.rstrip().endswith(b"data: [DONE]")
                        if is_stream
                        else json.loads(content)["choices"]
                    )
                    reason = "" if is_whole else f"{response.status}: {shorten(content)}"
                except (OSError, http.client.HTTPException, ValueError) as error:
                    reason = repr(error)
                    connection.close()
                with self.lock:
                    if reason:
                        self.failures.append(f"client {number}: {reason}")
                    else:
                        self.answered["stream" if is_stream else "whole"] += 1


def run(checks: Checks, world: World) -> None:
    checks.run("a rolling restart behind a TCP balancer fails no request", lambda: _rolling(world))


def _rolling(world: World) -> None:
    mock = world.mock("rolling", "vllm", "--model", MODEL, "--gap-ms", "5")
    gateways = [
        world.gateway(
            f"rolling-{name}", [endpoint(mock.url, "rolling", "vllm")], PATIENT_BREAKER,
            server=f"  drain_delay: {DRAIN_DELAY}s\n",
        )
        for name in "ab"
    ]  # fmt: skip
    port = free_port()
    path = os.path.join(world.folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(BALANCER.format(port=port, first=gateways[0].port, second=gateways[1].port))
    balancer = world.process("haproxy", ["haproxy", "-db", "-f", path])
    balancer.wait_for(
        lambda: call(f"http://127.0.0.1:{port}/internal/ready", timeout=5).status == 200, "ready"
    )
    wait_until(
        lambda: all(gateway.models() == [MODEL] for gateway in gateways), "the model to be found"
    )
    load = Load(port)
    try:
        wait_until(lambda: load.total() > 10 * CLIENTS or load.failures, "the load to run")
        for gateway in gateways:
            _restart(gateway, port)
    finally:
        load.stop()
    expect_equal(load.failures[:5], [], f"failures among {load.total()} requests")
    expect(min(load.answered.values()) > CLIENTS, f"too few: {load.answered}")
    # Since the second restart everybody has been with the first gateway's new process.
    expect(_served(gateways[0], "provider") > CLIENTS, "the new process of the first served nobody")


def _served(gateway: Gateway, route: str) -> float:
    return Page(gateway.metrics()).sum("glasspot_requests_total", outcome="ok", route=route)


def _restart(gateway: Gateway, balancer: int) -> None:
    """Ends a gateway as an upgrade would, starts it again and waits for the balancer to see it."""
    started = time.monotonic()
    expect_equal(gateway.process.terminate(60), 0, "exit code")
    expect(time.monotonic() - started >= DRAIN_DELAY, "the gateway did not wait for its balancer")
    lines = [json.loads(line) for line in gateway.log_lines()]
    cut = [line for line in lines if line.get("outcome") == "gateway_error"]
    expect_equal(cut, [], "requests that the gateway cut")
    expect_equal(lines[-1]["msg"], "Stopped", "its last word")
    gateway.start()

    def is_chosen() -> bool:
        # Clients keep their connections; only a new one may go to the new process.
        call(f"http://127.0.0.1:{balancer}/olla/models", timeout=30)
        return _served(gateway, "models") > 0

    wait_until(is_chosen, f"{gateway.name} to be chosen again")
