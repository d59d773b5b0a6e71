"""Checks 3, 8 and 9: what Prometheus says agrees with what the clients saw."""

import gzip
import http.client
import json
import signal
import subprocess
import time

from client_checks import QUESTION
from harness import Checks, Failed, call, expect, expect_equal, stream_lines, wait_until
from metrics_page import Page, Scraper, bucket_index, observations
from world import World, endpoint


def run(checks: Checks, world: World, scrapers: list[Scraper]) -> None:
    _prometheus(checks, world)
    _page(checks, world)
    for scraper in scrapers:
        scraper.stop()
    _invariants(checks, scrapers)
    _drain(checks, world)


def _prometheus(checks: Checks, world: World) -> None:
    prometheus = world.prometheus
    # Two scrapes after the last request everything is stored.
    time.sleep(2.5)

    def counts() -> None:
        wanted = {
            route: float(count)
            for route, count in world.main.sent.by_route.items()
            if route in ("provider", "proxy", "models")
        }
        got = prometheus.query("sum by (route) (glasspot_requests_total)")
        by_route = {dict(key)["route"]: value for key, value in got.items()}
        expect(len(wanted) == 3, f"not every route was used: {wanted}")
        expect_equal({route: by_route.get(route) for route in wanted}, wanted, "requests by route")

    def tokens() -> None:
        got = prometheus.query(
            'sum by (token_type) (glasspot_tokens_total{endpoint="llama"})'
        )
        by_type = {dict(key)["token_type"]: value for key, value in got.items()}
        wanted = {
            "input": float(world.seen.input_tokens),
            "output": float(world.seen.output_tokens),
        }
        expect(wanted["output"] > 0, "the SDK saw no tokens")
        expect_equal(by_type, wanted, "tokens of llama.cpp")

    def first_tokens() -> None:
        got = prometheus.query(
            'sum by (le) (glasspot_time_to_first_token_seconds_bucket{endpoint="llama"})'
        )
        buckets = {float(dict(key)["le"]): value for key, value in got.items()}
        bounds = sorted(buckets)
        measured = sorted(
            bucket_index(bounds, time) for time in world.seen.times_to_first_token
        )
        expect(measured, "no stream was measured")
        told = observations(buckets)
        expect_equal(len(told), len(measured), "number of first tokens")
        expect(
            all(abs(left - right) <= 1 for left, right in zip(told, measured, strict=True)),
            f"buckets told {told}, measured {measured} of {bounds}",
        )

    def scraped_with_gzip() -> None:
        expect(prometheus.value('up{job="glasspot"}') == 1, "Prometheus says the target is down")
        expect(
            prometheus.value('glasspot_metrics_scrape_body_bytes{encoding="gzip"}') > 0,
            "no scrape with gzip was counted",
        )

    checks.run("Prometheus scrapes with gzip", scraped_with_gzip)
    checks.run("PromQL: as many requests as were sent, by route", counts)
    checks.run("PromQL: as many tokens as the SDK saw", tokens)
    checks.run("PromQL: time to first token within one bucket of the client's", first_tokens)


def _page(checks: Checks, world: World) -> None:
    def promtool() -> None:
        for gateway in (world.main, world.twins):
            run = subprocess.run(
                ["promtool", "check", "metrics"],
                input=gateway.metrics().encode(),
                capture_output=True,
                timeout=30,
                check=False,
            )
            expect_equal((run.stdout + run.stderr).decode(), "", "promtool's findings")
            expect_equal(run.returncode, 0, "promtool's exit code")

    def compressed() -> None:
        answer = call(
            f"{world.main.url}/internal/metrics", headers={"Accept-Encoding": "gzip"}
        )
        expect_equal(answer.headers["Content-Encoding"], "gzip", "Content-Encoding")
        expect_equal(
            answer.headers["Content-Type"],
            "text/plain; version=0.0.4; charset=utf-8",
            "Content-Type",
        )
        expect("accept-encoding" in (answer.headers["Vary"] or "").lower(), "no Vary")
        Page(gzip.decompress(answer.body).decode()).check_histograms()
        plain = call(f"{world.main.url}/internal/metrics")
        expect_equal(plain.headers["Content-Encoding"], None, "Content-Encoding when not asked")

    checks.run("promtool finds nothing on any metrics page", promtool)
    checks.run("the metrics page comes compressed when asked, and the same", compressed)


def _invariants(checks: Checks, scrapers: list[Scraper]) -> None:
    def each(what: str) -> None:
        pages = [page for scraper in scrapers for page in scraper.pages]
        expect(len(pages) >= 10, f"only {len(pages)} pages were scraped")
        for number, text in enumerate(pages):
            try:
                getattr(Page(text), what)()
            except Failed as failure:
                raise Failed(f"page {number} of {len(pages)}: {failure}") from None

    checks.run(
        "invariant 1 on every page: started = finished + in flight",
        lambda: each("check_requests"),
    )
    checks.run(
        "invariant 2 on every page: attempts = decisions less those given up",
        lambda: each("check_attempts"),
    )
    checks.run(
        "invariant 3 on every page: histograms agree with themselves",
        lambda: each("check_histograms"),
    )
    checks.run(
        "every scrape was answered",
        lambda: expect_equal([f for s in scrapers for f in s.failures], [], "failed scrapes"),
    )


def _drain(checks: Checks, world: World) -> None:
    def drain() -> None:
        mock = world.mock(
            "slow", "vllm", "--model", "slow-chat", "--gap-ms", "100",
            "--tokens-min", "30", "--tokens-max", "30",
        )  # fmt: skip
        gateway = world.gateway("gateway-drain", [endpoint(mock.url, "slow", "vllm")])
        wait_until(lambda: gateway.models() == ["slow-chat"], "the model to be found")
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        body = json.dumps({"model": "slow-chat", "messages": QUESTION, "stream": True})
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/olla/vllm/v1/chat/completions", body, headers)
        lines = stream_lines(connection.getresponse())
        pieces = 0
        events: list[str] = []
        for line in lines:
            if line.startswith("data: "):
                events.append(line)
                pieces += '"content":"' in line and '"content":""' not in line
            if pieces == 3:
                break
        gateway.process.child.send_signal(signal.SIGTERM)
        started = time.monotonic()
        wait_until(lambda: _is_unready(gateway.url), "readiness to be taken back", 5)
        for line in lines:
            if line.startswith("data: "):
                events.append(line)
        expect_equal(events[-1:], ["data: [DONE]"], "the end of the stream")
        expect_equal(sum('"content":"' in e and '"content":""' not in e for e in events), 30,
                     "pieces of the stream")  # fmt: skip
        # A second signal would end it at once, with another code.
        expect_equal(gateway.process.child.wait(30), 0, "exit code")
        expect(time.monotonic() - started < 30, "the drain took longer than the stream")

    checks.run("SIGTERM: the stream under way ends whole, and the exit code is 0", drain)


def _is_unready(url: str) -> bool:
    """Not ready, or not listening any more."""
    try:
        return call(f"{url}/internal/ready", timeout=2).status == 503
    except ConnectionRefusedError:
        return True
