"""Check 7: many streams at once on one backend, beside the same streams without the gateway."""

import asyncio
import json
import statistics
import time

from client_checks import QUESTION
from harness import Checks, expect, wait_until
from world import World, endpoint

STREAMS = 200
MODEL = "crowd-chat"
# An ordinary wait for a prompt: the limit below is a share of it.
FIRST_TOKEN_MS = 400


def run(checks: Checks, world: World) -> None:
    checks.run(
        f"{STREAMS} concurrent streams have their first token as soon as without the gateway",
        lambda: _first_tokens(world),
    )


async def _first_token(port: int, path: str) -> float:
    """Seconds from connecting to the first content of one stream, which is then read to its end."""
    body = json.dumps({"model": MODEL, "messages": QUESTION, "stream": True}).encode()
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    received = b""
    first = 0.0
    while piece := await reader.read(65536):
        received += piece
        if not first and b'"delta":{"content":' in received:
            first = time.monotonic() - started
    writer.close()
    expect(received.startswith(b"HTTP/1.1 200"), f"no 200: {received[:200]!r}")
    expect(b"data: [DONE]" in received, "a stream has no end")
    return first


async def _median(port: int, path: str) -> float:
    times = await asyncio.gather(*(_first_token(port, path) for _ in range(STREAMS)))
    return statistics.median(times)


def _first_tokens(world: World) -> None:
    mock = world.mock(
        "crowd", "vllm", "--model", MODEL, "--ttft-ms", str(FIRST_TOKEN_MS), "--gap-ms", "20"
    )
    gateway = world.gateway("gateway-crowd", [endpoint(mock.url, "crowd", "vllm")])
    wait_until(lambda: gateway.models() == [MODEL], "the model to be found")
    direct_port = int(mock.url.rsplit(":", 1)[1])
    best = float("inf")
    # Another program may have the machine in one round, not in all three.
    for _ in range(3):
        direct = asyncio.run(_median(direct_port, "/v1/chat/completions"))
        through = asyncio.run(_median(gateway.port, "/olla/vllm/v1/chat/completions"))
        print(f"# first token, median of {STREAMS}: {direct:.3f} s direct, {through:.3f} s through")
        best = min(best, through / direct)
        if best <= 1.2:
            break
    expect(best <= 1.2, f"the median first token takes {best:.2f} times as long as direct")
