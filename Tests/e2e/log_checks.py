"""Log lines: each is JSON from its first byte on, with a time and each key once."""

import json
import re
from datetime import datetime

from harness import Checks, Failed, expect, shorten
from world import World

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# What every request's line holds (http-surface 7.4, telemetry 4).
ALWAYS = {
    "timestamp", "level", "msg", "request_id", "trace_id", "span_id", "remote_addr", "method",
    "path", "status", "outcome", "route", "request_bytes", "response_bytes", "duration_ms",
    "attempts", "stream", "stages_us",
}  # fmt: skip
# What the line of a request without a readable head holds.
UNREAD = {
    "timestamp", "level", "msg", "request_id", "remote_addr", "status", "outcome", "route",
    "request_bytes", "response_bytes", "duration_ms", "refusal",
}  # fmt: skip


def _once(pairs: list[tuple[str, object]]) -> dict:
    """An object whose keys all differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Failed(f"a key stands twice: {shorten(pairs)}")
    return found


def run(checks: Checks, world: World) -> None:
    def lines() -> None:
        requests: list[str] = []
        for gateway in (world.main, world.twins):
            for line in gateway.log_lines():
                record = json.loads(line, object_pairs_hook=_once)
                expect(TIMESTAMP.fullmatch(record["timestamp"]), f"timestamp of {shorten(line)}")
                datetime.fromisoformat(record["timestamp"])
                expect(record["level"] in ("DEBUG", "INFO", "WARN", "ERROR"), f"level of {shorten(line)}")
                if record["msg"] != "Access log":
                    continue
                if "method" not in record:
                    # No head could be read: there is nothing else to tell.
                    expect(UNREAD <= record.keys(), f"without {UNREAD - record.keys()}: {shorten(line)}")
                    continue
                missing = ALWAYS - record.keys()
                expect(not missing, f"without {missing}: {shorten(line)}")
                expect(re.fullmatch("[0-9a-f]{32}", record["trace_id"]), f"trace_id of {shorten(line)}")
                expect(re.fullmatch("[0-9a-f]{16}", record["span_id"]), f"span_id of {shorten(line)}")
                spent = sum(record["stages_us"].values()) / 1_000
                expect(
                    abs(spent - record["duration_ms"]) < 0.002 * (1 + len(record["stages_us"])),
                    f"stages add up to {spent}: {shorten(line)}",
                )
                requests.append(record["request_id"])
        expect(len(requests) > 20, f"only {len(requests)} requests were logged")

    checks.run("log lines are JSON with each key once, and stages that add up", lines)
