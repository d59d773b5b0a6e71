"""Traces: what a collector gets agrees with what client, backend and log line saw."""

import signal

from client_checks import QUESTION
from harness import Checks, call, expect, expect_equal, field
from otlp import Collector
from world import World, endpoint

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
CHAT = "/olla/proxy/v1/chat/completions"


def run(checks: Checks, world: World) -> None:
    collector = Collector([(429, {"Retry-After": "1"}), (503, {})])
    first = world.mock("traced-a", "vllm", "--model", "traced", "--gap-ms", "2", "--ttft-ms", "20")
    second = world.mock("traced-b", "vllm", "--model", "traced", "--gap-ms", "2", "--ttft-ms", "20")
    gateway = world.gateway(
        "gateway-traced",
        [
            endpoint(first.url, "traced-a", "vllm", 100),
            endpoint(second.url, "traced-b", "vllm", 50),
        ],
        more=f"tracing:\n  otlp:\n    endpoint: {collector.url}\n",
    )
    seen: dict[str, str] = {}

    def ask(name: str, stream: bool = False, **headers: str) -> None:
        body = {"model": "traced", "messages": QUESTION, "stream": stream}
        if stream:
            body["stream_options"] = {"include_usage": True}
        answer = call(gateway.url + CHAT + "?token=hunter2", "POST", body, headers)
        expect_equal(answer.status, 200, f"status of {name}")
        seen[name] = answer.headers["X-Olla-Request-ID"]

    def parents() -> None:
        ask("caller's", stream=True, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1,b=2")
        told = first.requests()[-1]
        parts = (field(told, "traceparent") or "").split("-")
        expect_equal([parts[0], parts[1], parts[3]], ["00", TRACE, "01"], "the backend's traceparent")
        expect(parts[2] != PARENT, "the backend was told the caller's own parent")
        expect_equal(field(told, "tracestate"), "a=1,b=2", "the backend's tracestate")
        line = gateway.access_line(seen["caller's"])
        expect_equal(line["trace_id"], TRACE, "trace_id of the log line")
        expect(line["span_id"] not in (PARENT, parts[2]), "span_id is not the gateway's own")
        ask("unsampled", traceparent=f"00-{TRACE}-{PARENT}-00")
        ask("broken", traceparent=f"00-{TRACE.upper()}-{PARENT}-01", tracestate="a=1")
        told = first.requests()[-1]
        expect(TRACE not in (field(told, "traceparent") or "").lower(), "a broken parent was continued")
        expect_equal(field(told, "tracestate"), None, "tracestate beside a broken parent")

    def exported() -> None:
        first.set(faults=["503"])
        try:
            ask("retried")
        finally:
            first.reset()
        call(f"{gateway.url}/nowhere")
        # The exporter sends what is left before it ends.
        gateway.process.child.send_signal(signal.SIGTERM)
        expect_equal(gateway.process.child.wait(30), 0, "exit code")
        expect_equal(collector.refused, 2, "exports that were turned away")
        requests = collector.requests()
        expect(seen["unsampled"] not in requests, "an unsampled request was exported")
        server, attempts = requests[seen["caller's"]]
        expect_equal((server.trace_id, server.parent_id), (TRACE, PARENT), "the caller's trace")
        line = gateway.access_line(seen["caller's"])
        expect_equal(server.span_id, line["span_id"], "span id of request and log line")
        (attempt,) = attempts
        expect_equal(attempt.name, "chat traced", "name of the attempt")
        expect_equal(
            [
                attempt.attributes["gen_ai.usage.input_tokens"],
                attempt.attributes["gen_ai.usage.output_tokens"],
                attempt.attributes["server.port"],
            ],
            [line["input_tokens"], line["output_tokens"], first.port],
            "tokens and port of the attempt",
        )
        expect_equal(server.attributes["url.query"], "token=[REDACTED]", "query of the request")
        expect("hunter2" not in str(server.fields) + str(attempt.fields), "a secret was exported")
        events = [name for name, _, _ in attempt.events]
        expect_equal(
            [name for name in events if name != "first_token"],
            ["acquire", "send", "wait", "stream"],
            "stages of the attempt",
        )
        expect("first_token" in events, "no first token")
        server, attempts = requests[seen["retried"]]
        expect_equal([span.is_error for span in [server, *attempts]], [False, True, False], "errors")
        expect_equal(
            [span.attributes.get("http.request.resend_count") for span in attempts],
            [None, 1],
            "resend counts",
        )
        expect_equal(requests[seen["broken"]][0].parent_id, "", "parent of a trace that began here")

    try:
        checks.run("trace context: the trace goes on, with a parent of the gateway's own", parents)
        checks.run("OTLP: a collector gets every span, ids and parents agree", exported)
    finally:
        collector.stop()
