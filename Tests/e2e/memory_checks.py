"""What the gateway holds in memory at sixteen connections, and for an open stream."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import subprocess
import threading
from collections.abc import Iterator

from client_checks import QUESTION
from harness import Checks, expect, wait_until
from world import Gateway, World, endpoint

CONNECTIONS = 16
REQUESTS = 150
STREAMS = 1_000
MODEL = "bench"
PATH = "/olla/vllm/v1/chat/completions"
# `make bench` measures how far below these the gateway stays.
PEAK_MB_MAX = 25
STREAM_KB_MAX = 30


def run(checks: Checks, world: World) -> None:
    checks.run(f"{CONNECTIONS} connections need at most {PEAK_MB_MAX} MB", lambda: _peak(world))
    checks.run(
        f"each of {STREAMS} open streams needs at most {STREAM_KB_MAX} KB", lambda: _streams(world)
    )


def _resident_kb(gateway: Gateway, row: str) -> int:
    """`VmRSS` or `VmHWM` of /proc/PID/status: the resident memory now or at its peak."""
    status = pathlib.Path(f"/proc/{gateway.process.child.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(row + ":"))


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """What starts meanwhile has one core, so a gateway has one event loop, on every machine."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _fresh(world: World, name: str) -> Gateway:
    """A gateway of one loop that has served nothing yet, before a backend that costs little."""
    mock = world.mock(f"{name}-backend", "vllm", "--bench", "--gap-ms", "1000")
    with _one_core():
        gateway = world.gateway(name, [endpoint(mock.url, name, "vllm")])
    wait_until(lambda: gateway.models() == [MODEL], "the model to be found")
    return gateway


def _client(port: int, failures: list[str]) -> None:
    """Asks again and again on one connection."""
    body = json.dumps({"model": MODEL, "messages": QUESTION})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(REQUESTS):
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(f"status {answer.status}")
    connection.close()


def _peak(world: World) -> None:
    gateway = _fresh(world, "gateway-peak")
    failures: list[str] = []
    clients = [
        threading.Thread(target=_client, args=(gateway.port, failures)) for _ in range(CONNECTIONS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    expect(not failures, f"{len(failures)} requests failed: {failures[:3]}")
    peak = _resident_kb(gateway, "VmHWM") / 1024
    print(f"# peak at {CONNECTIONS} connections: {peak:.1f} MB")
    expect(peak <= PEAK_MB_MAX, f"the peak is {peak:.1f} MB")


def _streams(world: World) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Two descriptors a stream in the gateway, one in the backend and in the client; all inherit it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gateway = _fresh(world, "gateway-streams")
    idle = _resident_kb(gateway, "VmRSS")
    command = [
        world.mockllm, "bench-sse", "--url", gateway.url + PATH,
        "--streams", str(STREAMS), "--gap-ms", "1000", "--seconds", "4",
    ]  # fmt: skip
    load = subprocess.run(command, capture_output=True, text=True, timeout=120)
    expect(load.returncode == 0, f"streams broke: {load.stdout} {load.stderr}")
    stream = (_resident_kb(gateway, "VmHWM") - idle) / STREAMS
    print(f"# a stream of {STREAMS}: {stream:.1f} KB")
    expect(stream <= STREAM_KB_MAX, f"a stream needs {stream:.1f} KB")
