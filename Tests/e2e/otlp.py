"""A collector of OTLP/HTTP in JSON that checks every span's form, and the trees they make."""

import http.server
import json
import re
import threading
from collections import defaultdict

from harness import expect, expect_equal

TRACE_ID = re.compile(r"[0-9a-f]{32}")
SPAN_ID = re.compile(r"[0-9a-f]{16}")
SERVER, CLIENT = 2, 3


class Span:
    """A span as it was received, checked against trace.proto's JSON form."""

    def __init__(self, fields: dict) -> None:
        self.fields = fields
        self.trace_id: str = fields["traceId"]
        self.span_id: str = fields["spanId"]
        self.parent_id: str = fields.get("parentSpanId", "")
        self.name: str = fields["name"]
        self.kind: int = fields["kind"]
        self.start = int(fields["startTimeUnixNano"])
        self.end = int(fields["endTimeUnixNano"])
        self.attributes = attributes(fields)
        self.events = [
            (event["name"], int(event["timeUnixNano"]), attributes(event))
            for event in fields.get("events", [])
        ]
        self._check()

    def _check(self) -> None:
        expect(TRACE_ID.fullmatch(self.trace_id), f"trace id {self.trace_id!r}")
        expect(SPAN_ID.fullmatch(self.span_id), f"span id {self.span_id!r}")
        expect(not self.parent_id or SPAN_ID.fullmatch(self.parent_id), f"parent {self.parent_id!r}")
        for value in (self.trace_id, self.span_id, self.parent_id or "1"):
            expect(value.strip("0"), "an id of zeros")
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            expect(isinstance(self.fields[name], str), f"{name} is not text")
        expect(self.start <= self.end, f"{self.name} ends before it starts")
        expect(self.kind in (SERVER, CLIENT), f"kind {self.kind}")
        expect(self.name, "a span without a name")
        for name, time, _ in self.events:
            expect(self.start <= time <= self.end, f"event {name} lies outside of {self.name}")

    @property
    def is_error(self) -> bool:
        return self.fields.get("status", {}).get("code") == 2


def attributes(holder: dict) -> dict[str, object]:
    """The attributes by key, each once and of one type."""
    found: dict[str, object] = {}
    for entry in holder.get("attributes", []):
        (kind, content), = entry["value"].items()
        expect(entry["key"] not in found, f"attribute {entry['key']} stands twice")
        if kind == "intValue":
            expect(isinstance(content, str), "an intValue that is no text")
            content = int(content)
        elif kind == "arrayValue":
            content = [value["stringValue"] for value in content["values"]]
        found[entry["key"]] = content
    return found


class Collector:
    """Takes export requests on a free loopback port; the first ones may be turned away."""

    def __init__(self, refusals: list[tuple[int, dict[str, str]]] | None = None) -> None:
        self.refusals = list(refusals or [])
        self.spans: list[Span] = []
        self.problems: list[str] = []
        self.refused = 0
        self.lock = threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the name http.server asks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, fields = collector.take(self.path, self.headers["Content-Type"], body)
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str, content_type: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Keeps the spans of one request, or turns it away as told."""
        with self.lock:
            if self.refusals:
                self.refused += 1
                return self.refusals.pop(0)
            try:
                expect_equal((path, content_type), ("/v1/traces", "application/json"), "request")
                for resource in json.loads(body)["resourceSpans"]:
                    said = attributes(resource["resource"])
                    expect_equal(said.get("service.name"), "glasspot", "service.name")
                    for scope in resource["scopeSpans"]:
                        self.spans += [Span(fields) for fields in scope["spans"]]
            except Exception as error:  # noqa: BLE001 - told by the check, not by the server's thread
                self.problems.append(f"{type(error).__name__}: {error}")
                return 400, {}
            return 200, {}

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def requests(self) -> dict[str, tuple[Span, list[Span]]]:
        """Each request's span with those of its attempts, by request id; fails on a span that hangs nowhere."""
        with self.lock:
            expect_equal(self.problems, [], "problems of the exports")
            spans = list(self.spans)
        expect_equal(len({span.span_id for span in spans}), len(spans), "different span ids")
        servers = {span.span_id: span for span in spans if span.kind == SERVER}
        attempts: dict[str, list[Span]] = defaultdict(list)
        for span in spans:
            if span.kind != CLIENT:
                continue
            parent = servers.get(span.parent_id)
            expect(parent is not None, f"attempt {span.name} has no request above it")
            expect_equal(span.trace_id, parent.trace_id, "trace of an attempt")
            expect(
                parent.start <= span.start and span.end <= parent.end,
                f"attempt {span.name} lies outside of its request",
            )
            attempts[span.parent_id].append(span)
        found = {}
        for server in servers.values():
            below = sorted(attempts[server.span_id], key=lambda span: span.start)
            expect_equal(len(below), server.attributes["glasspot.attempts"], "number of attempts")
            found[str(server.attributes["glasspot.request_id"])] = (server, below)
        return found
