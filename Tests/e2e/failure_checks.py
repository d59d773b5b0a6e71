"""Checks 4, 5 and 6: backends that fail, and clients that send what they must not."""

import http.client
import json
import time

import openai
from client_checks import QUESTION, openai_client
from harness import (
    Checks,
    Mock,
    call,
    chunked_body,
    expect,
    expect_equal,
    raw_exchange,
    shorten,
    wait_until,
)
from metrics_page import Page
from world import TWIN_MODEL, VLLM_MODEL, World, endpoint

PATH = "/olla/vllm/v1/chat/completions"
BODY = {"model": TWIN_MODEL, "messages": QUESTION}


def run(checks: Checks, world: World) -> None:
    _before_first_byte(checks, world)
    _mid_stream(checks, world)
    _bad_requests(checks, world)


def _retries(world: World) -> float:
    return Page(world.twins.metrics()).sum("glasspot_retries_total")


def _heal(world: World) -> None:
    """Makes both twins well and waits until the gateway trusts the first one again."""
    for mock in (world.first, world.second):
        mock.set(fault=None, faults=[], listening=True)

    def is_first() -> bool:
        answer = world.twins.call(PATH, "POST", BODY)
        return answer.status == 200 and answer.headers["X-Olla-Endpoint"] == "twin-a"

    # A breaker may have opened: 30 s, and then its trial.
    wait_until(is_first, "the first twin to be used again", 60, 0.3)


def _before_first_byte(checks: Checks, world: World) -> None:
    wanted = call(f"{world.second.url}/v1/chat/completions", "POST", BODY).body

    def invisible(fault: str, reason: str) -> None:
        _heal(world)
        before = Page(world.twins.metrics())
        world.first.set(faults=[fault])
        answer = world.twins.call(PATH, "POST", BODY)
        expect_equal(answer.status, 200, f"status ({shorten(answer.body)})")
        expect_equal(answer.headers["X-Olla-Endpoint"], "twin-b", "endpoint")
        expect_equal(answer.body, wanted, "body")
        expect_equal(world.first.state()["behaviour"]["faults"], [], "the fault was met")
        after = Page(world.twins.metrics())
        grown = {
            name: value - before.by("glasspot_retries_total", "reason").get(name, 0)
            for name, value in after.by("glasspot_retries_total", "reason").items()
        }
        expect_equal({k: v for k, v in grown.items() if v}, {reason: 1.0}, "retries")
        record = world.twins.access_line(answer.headers["X-Olla-Request-ID"])
        expect_equal(record["attempts"], 2, "attempts in the log")

    for fault, reason in (
        ("503", "http_5xx"),
        ("429:1", "http_429"),
        ("hang", "timeout"),
        ("refuse", "reset"),
    ):
        # A reset may reach the gateway before or after its own write: either word is right, and
        # so is a fresh connection to the same endpoint first.
        if fault == "refuse":
            checks.run(
                f"a backend that fails before the first byte is invisible ({fault})",
                lambda fault=fault: _invisible_transport(world, fault, wanted),
            )
        else:
            checks.run(
                f"a backend that fails before the first byte is invisible ({fault})",
                lambda fault=fault, reason=reason: invisible(fault, reason),
            )

    def not_listening() -> None:
        _heal(world)
        before = _retries(world)
        world.first.process.kill()
        answers = [world.twins.call(PATH, "POST", BODY) for _ in range(10)]
        expect_equal([answer.status for answer in answers], [200] * 10, "statuses")
        expect_equal({answer.body for answer in answers}, {wanted}, "bodies")
        expect(_retries(world) > before, "no retry was counted")
        page = Page(world.twins.metrics())
        wait_until(
            lambda: Page(world.twins.metrics()).sum("glasspot_endpoint_up", endpoint="twin-a") == 0,
            "the dead endpoint to be down",
        )
        expect_equal(page.sum("glasspot_endpoint_up", endpoint="twin-b"), 1, "the other is up")

    checks.run("a killed backend is invisible to its clients", not_listening)


def _invisible_transport(world: World, fault: str, wanted: bytes) -> None:
    _heal(world)
    before = _retries(world)
    # On a reused connection one fresh attempt at the same endpoint comes first: it fails too.
    world.first.set(fault=fault)
    answer = world.twins.call(PATH, "POST", BODY)
    world.first.set(fault=None)
    expect_equal(answer.status, 200, f"status ({shorten(answer.body)})")
    expect_equal(answer.headers["X-Olla-Endpoint"], "twin-b", "endpoint")
    expect_equal(answer.body, wanted, "body")
    expect(1 <= _retries(world) - before <= 2, f"{_retries(world) - before:g} retries")


def _mid_stream(checks: Checks, world: World) -> None:
    def sdk_sees(fault: str) -> None:
        client = openai_client(f"{world.main.url}/olla/openai/v1", world.main.sent.hook)
        world.vllm.set(faults=[fault])
        pieces = 0
        try:
            for chunk in client.chat.completions.create(
                model=VLLM_MODEL, messages=QUESTION, stream=True
            ):
                pieces += bool(chunk.choices and chunk.choices[0].delta.content)
        except Exception as error:  # noqa: BLE001 - the SDK passes on the transport's own errors
            expect(pieces >= 1, f"no content before {error!r}")
            # Half an event is no JSON, and the SDK says so before it reads on.
            is_half = "mid-chunk" in fault and isinstance(error, json.JSONDecodeError)
            expect(
                is_half or isinstance(error, openai.APIError)
                or "peer closed" in str(error).lower()
                or "protocol" in type(error).__name__.lower(),
                f"an unexpected error: {error!r}",
            )  # fmt: skip
            return
        expect(False, f"the stream ended cleanly after {pieces} pieces")

    def wire(fault: str) -> None:
        world.vllm.set(faults=[fault])
        body = json.dumps({"model": VLLM_MODEL, "messages": QUESTION, "stream": True})
        world.main.sent.count(PATH)
        received = raw_exchange(
            world.main.port,
            f"POST {PATH} HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode(),
        )
        expect(b"HTTP/1.1 200" in received, f"no 200: {shorten(received)}")
        expect(b'"delta":{"content":' in received, "no content before the cut")
        expect(b"\ndata: [DONE]" not in chunked_body(received), "the end marker was sent")
        expect(not received.endswith(b"0\r\n\r\n"), "the last chunk was sent")
        # On a line of its own, or no client could tell it from the event that was cut.
        expect(b'\ndata: {"error":' in chunked_body(received), "no typed error event on its line")

    for fault in ("cut:3:fin", "cut:3:reset", "cut:3:fin:mid-chunk", "bad-chunk:3"):
        checks.run(
            f"a stream cut by the backend is an error for the SDK ({fault})",
            lambda fault=fault: sdk_sees(fault),
        )
        checks.run(
            f"a stream cut by the backend has no clean end on the wire ({fault})",
            lambda fault=fault: wire(fault),
        )

    def whole_cut() -> None:
        world.vllm.set(faults=["cut:0:fin"])
        try:
            answer = world.main.call(PATH, "POST", {"model": VLLM_MODEL, "messages": QUESTION})
        except http.client.IncompleteRead:
            return
        expect(answer.status >= 500, f"status {answer.status}: {shorten(answer.body)}")

    def killed() -> None:
        mock = world.mock("doomed", "vllm", "--model", "doomed-chat", "--gap-ms", "50",
                          "--tokens-min", "200", "--tokens-max", "200")  # fmt: skip
        gateway = world.gateway("gateway-doomed", [endpoint(mock.url, "doomed", "vllm")])
        wait_until(lambda: gateway.models() == ["doomed-chat"], "the model to be found")
        client = openai_client(f"{gateway.url}/olla/openai/v1")
        pieces = 0
        try:
            for chunk in client.chat.completions.create(
                model="doomed-chat", messages=QUESTION, stream=True
            ):
                pieces += bool(chunk.choices and chunk.choices[0].delta.content)
                if pieces == 5:
                    mock.process.kill()
        except Exception:  # noqa: BLE001 - any error will do, but a clean end will not
            page = Page(gateway.metrics())
            aborts = page.by("glasspot_stream_aborts_total", "reason")
            expect_equal(aborts.get("upstream"), 1.0, "stream aborts by the upstream")
            finished = page.by("glasspot_requests_total", "outcome", route="provider")
            expect_equal(finished.get("upstream_error"), 1.0, "outcome upstream_error")
            return
        expect(False, f"the stream ended cleanly after {pieces} pieces")

    checks.run("an answer cut inside its body is an error", whole_cut)
    checks.run("a backend killed in the middle of a stream is an error", killed)


BAD_HEAD = f"POST {PATH}?bad HTTP/1.1\r\n"
HIDDEN = "GET /olla/vllm/hidden HTTP/1.1\r\nHost: e2e\r\n\r\n"
BAD_REQUESTS: list[tuple[str, str, set[int]]] = [
    ("length and transfer coding",
     BAD_HEAD + "Host: e2e\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n" + HIDDEN, {400}),
    ("two different lengths",
     BAD_HEAD + "Host: e2e\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + HIDDEN, {400}),
    ("a list of different lengths",
     BAD_HEAD + "Host: e2e\r\nContent-Length: 2, 60\r\n\r\n{}" + HIDDEN, {400}),
    ("a signed length", BAD_HEAD + "Host: e2e\r\nContent-Length: +2\r\n\r\n{}" + HIDDEN, {400}),
    ("an unknown coding",
     BAD_HEAD + "Host: e2e\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {501}),
    ("chunked not last",
     BAD_HEAD + "Host: e2e\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + HIDDEN,
     {400, 501}),
    ("a space before the colon",
     BAD_HEAD + "Host: e2e\r\nContent-Length : 2\r\n\r\n{}" + HIDDEN, {400}),
    ("a folded line", BAD_HEAD + "Host: e2e\r\nX-Fold: a\r\n b\r\n\r\n" + HIDDEN, {400}),
    ("bare line feeds", f"POST {PATH}?bad HTTP/1.1\nHost: e2e\n\n" + HIDDEN, {400}),
    ("a control character in a value",
     BAD_HEAD + "Host: e2e\r\nX-Nul: a\x00b\r\n\r\n" + HIDDEN, {400}),
    ("no host", BAD_HEAD + "\r\n" + HIDDEN, {400}),
    ("two hosts", BAD_HEAD + "Host: a\r\nHost: b\r\n\r\n" + HIDDEN, {400}),
    ("a bad chunk size",
     BAD_HEAD + "Host: e2e\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
     {400}),
    ("an expectation nobody has",
     BAD_HEAD + "Host: e2e\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}", {417}),
    ("a head without bounds",
     BAD_HEAD + "Host: e2e\r\nX-Long: " + "x" * 1_200_000 + "\r\n\r\n", {431}),
    ("no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", {400}),
]  # fmt: skip


def _bad_requests(checks: Checks, world: World) -> None:
    # Not by the gateway whose requests are counted: some of these have a head that can be read
    # and count as requests, others do not.
    def refused(data: str, statuses: set[int]) -> None:
        world.second.reset()
        received = raw_exchange(world.twins.port, data.encode("latin-1"))
        line = received.split(b"\r\n")[0].decode("latin-1")
        words = line.split(" ")
        expect(
            len(words) > 1 and words[1].isdigit() and int(words[1]) in statuses,
            f"answered {line!r}, not one of {sorted(statuses)}",
        )
        expect_equal(received.count(b"HTTP/1.1 "), 1, "answers on the connection")
        # Probes and discovery go on; nothing else may have come.
        strange = [
            request["target"] for request in world.second.state()["last_requests"]
            if request["target"] not in ("/health", "/v1/models")
        ]  # fmt: skip
        expect_equal(strange, [], "what the backend saw")

    for name, data, statuses in BAD_REQUESTS:
        checks.run(
            f"a broken request is refused and reaches no backend: {name}",
            lambda data=data, statuses=statuses: refused(data, statuses),
        )

    def alive() -> None:
        expect(world.twins.process.is_running, "the gateway has ended")
        answer = world.twins.call(PATH, "POST", BODY)
        expect_equal(answer.status, 200, "status")

    checks.run("the gateway goes on after all of them", alive)
    checks.run("a client that leaves is noticed and told to the backend", lambda: _leave(world))


def _leave(world: World) -> None:
    mock: Mock = world.vllm
    mock.reset()
    before = Page(world.main.metrics()).sum("glasspot_client_cancellations_total")
    mock.set(faults=["stall:2"])
    world.main.sent.count(PATH)
    connection = http.client.HTTPConnection("127.0.0.1", world.main.port, timeout=30)
    body = json.dumps({"model": VLLM_MODEL, "messages": QUESTION, "stream": True})
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    line = b""
    while b'"content":"' not in line:
        line = response.readline()
        expect(line, f"the stream ended before its first content, status {response.status}")
    response.close()
    connection.close()
    started = time.monotonic()
    wait_until(lambda: mock.state()["counts"]["cancellations"] == 1, "the backend to be told", 5)
    expect(time.monotonic() - started < 3, "the backend was told late")
    wait_until(
        lambda: Page(world.main.metrics()).sum("glasspot_client_cancellations_total")
        == before + 1,
        "the cancellation to be counted",
        5,
    )
