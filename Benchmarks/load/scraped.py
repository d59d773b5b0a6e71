#!/usr/bin/env python3
"""Measures what a scrape once a second costs a loaded gateway and writes SCRAPED.md.

One gateway with the typical site (8 endpoints, 20 models, 40 pairs) carries POST requests for all its models all
the time. Windows without and with a scrape a second alternate in the same process, so that a drift of the machine
meets both alike; each number is the median over the rounds. The cost of a request is the processor time (user and
system) of the gateway over the window, the scrapes' included, divided by the requests completed in it.

That ratio holds what else the machine does meanwhile, often more than the scrape. So the scrape is also measured alone:
the processor time of many scrapes one after the other while no request comes, which is what one second gives for it.
"""
import argparse
import contextlib
import gzip
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import bench
import proxies

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENDPOINTS, MODELS, MODELS_EACH = 8, 20, 5
ACCEPT = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}


class TypicalSite(proxies.Glasspot):
    """The gateway in front of eight endpoints, each with five of the twenty models."""

    def __init__(self, folder: pathlib.Path, port: int, backends: list[int]):
        super().__init__(folder, port, backends[0])
        self.backends = backends

    def endpoints(self) -> dict[str, int]:
        return {f"node-{number}": port for number, port in enumerate(self.backends)}


class Scraper:
    """Scrapes once a second from a thread and remembers how large the pages were and how long they took."""

    def __init__(self, port: int, form: str):
        self.request = urllib.request.Request(
            f"http://127.0.0.1:{port}/internal/metrics", headers={"Accept": ACCEPT[form], "Accept-Encoding": "gzip"})
        self.page = self.compressed = 0
        self.seconds: list[float] = []

    def scrape(self) -> None:
        start = time.perf_counter()
        with urllib.request.urlopen(self.request, timeout=10) as answer:
            content = answer.read()
        self.seconds.append(time.perf_counter() - start)
        self.compressed = len(content)
        self.page = len(gzip.decompress(content))

    @contextlib.contextmanager
    def once_a_second(self):
        """Scrapes while the block runs, first after half a second."""
        over = threading.Event()

        def work() -> None:
            due = time.monotonic() + 0.5
            while not over.wait(max(0.0, due - time.monotonic())):
                self.scrape()
                due += 1

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def models_of(endpoint: int) -> list[str]:
    return [f"model-{(endpoint * MODELS_EACH + offset) % MODELS:02}" for offset in range(MODELS_EACH)]


def window(site: bench.Bench, port: int, pid: int) -> float:
    """Processor time of one request in one window, microseconds."""
    before = bench.cpu_seconds(pid)
    result = site.wrk(port, site.options.seconds, "site.lua")
    cpu = bench.cpu_seconds(pid) - before
    if result["failed"]:
        sys.exit(f"{result['failed']} of {result['requests']} requests failed")
    return cpu / result["requests"] * 1e6


def alone(pid: int, scraper: Scraper, count: int) -> float:
    """Processor time of one scrape while nothing else happens, milliseconds."""
    before = bench.cpu_seconds(pid)
    for _ in range(count):
        scraper.scrape()
    return (bench.cpu_seconds(pid) - before) / count * 1e3


def measure(options: argparse.Namespace, folder: pathlib.Path) -> tuple[list[float], list[float], list[float], Scraper, int]:
    site = bench.Bench(options, folder)
    ports = [bench.free_port() for _ in range(ENDPOINTS)]
    port = bench.free_port()
    with bench.running(site.backend(proxies.static_backend(folder, *ports, models=models_of))) as backend:
        for one in ports:
            bench.wait_for_port(backend, one)
        with bench.running(TypicalSite(folder, port, ports).start(options.core)) as gateway:
            bench.wait_for_port(gateway, port)
            bench.wait_until_served(port, model="model-00")
            site.wrk(port, options.warmup, "site.lua")
            scraper = Scraper(port, options.format)
            scraper.scrape()
            plain, scraped = [], []
            for number in range(1, options.rounds + 1):
                plain.append(window(site, port, gateway.pid))
                with scraper.once_a_second():
                    scraped.append(window(site, port, gateway.pid))
                print(f"round {number}: {plain[-1]:.2f} us not scraped, {scraped[-1]:.2f} us scraped", flush=True)
            series = samples(port)
            quiet = Scraper(port, options.format)
            single = [alone(gateway.pid, quiet, options.scrapes) for _ in range(options.rounds)]
    return plain, scraped, single, scraper, series


def samples(port: int) -> int:
    """The number of samples on the text page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/internal/metrics", timeout=10) as answer:
        return sum(1 for line in answer if line.strip() and not line.startswith(b"#"))


def document(
    options: argparse.Namespace, plain: list[float], scraped: list[float], single: list[float], scraper: Scraper, series: int
) -> str:
    ratios = [with_scrape / without for without, with_scrape in zip(plain, scraped)]
    command = f"Benchmarks/load/scraped.py --rounds {options.rounds} --seconds {options.seconds} --format {options.format}"
    return f"""# What a scrape once a second costs

Made by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}.

| | Median | Least | Most |
|---|---:|---:|---:|
| CPU per POST, not scraped, µs | {statistics.median(plain):.2f} | {min(plain):.2f} | {max(plain):.2f} |
| CPU per POST, scraped once a second, µs | {statistics.median(scraped):.2f} | {min(scraped):.2f} | {max(scraped):.2f} |
| Scraped ÷ not scraped, round by round | {statistics.median(ratios):.3f} | {min(ratios):.3f} | {max(ratios):.3f} |
| CPU of a scrape alone, ms | {statistics.median(single):.2f} | {min(single):.2f} | {max(single):.2f} |
| The same once a second, % of a core | {statistics.median(single) / 10:.2f} | {min(single) / 10:.2f} | {max(single) / 10:.2f} |
| A scrape under this load, wall clock, ms | {statistics.median(scraper.seconds) * 1e3:.1f} | {min(scraper.seconds) * 1e3:.1f} | {max(scraper.seconds) * 1e3:.1f} |

The page has {series} samples in the text format; as {options.format} it is {scraper.page / 1024:.0f} KiB, {scraper.compressed / 1024:.0f} KiB with gzip.

## Method

- Machine: {bench.processor()}, {os.cpu_count()} processors, Linux {platform.release()}. The gateway has core {options.core} for itself (one
  event loop, and the thread that renders and compresses); load, backends and scraper share core {options.load_core}.
- {ENDPOINTS} endpoints, {MODELS} models, {ENDPOINTS * MODELS_EACH} pairs: an nginx that answers by itself on {ENDPOINTS} ports, {MODELS_EACH} models each. `wrk` sends chat requests for all
  models in turn over {options.connections} kept-alive connections.
- {options.rounds} rounds of two windows of {options.seconds} s in one process, not scraped and scraped; the CPU time of rendering and compressing is part
  of the scraped window.
- A scrape alone: {options.rounds} times {options.scrapes} of them one after the other without any load, on the page that the load has left.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glasspot", default=str(ROOT / ".build/release/glasspot"), help="the gateway's binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="length of a window")
    parser.add_argument("--scrapes", type=int, default=100, help="how many scrapes the figure of one alone is taken from")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--format", choices=sorted(ACCEPT), default="openmetrics", help="what the scraper asks for")
    parser.add_argument("--core", type=int, default=0, help="the core of the gateway")
    parser.add_argument("--load-core", type=int, default=1, help="the core of load, backends and scraper")
    parser.add_argument("--out", default=str(HERE / "SCRAPED.md"), help="where the table goes; - prints it only")
    options = parser.parse_args()
    proxies.Glasspot.binary = pathlib.Path(options.glasspot).resolve()
    if not os.access(proxies.Glasspot.binary, os.X_OK):
        sys.exit(f"{proxies.Glasspot.binary} is missing: run `make build` first")
    os.sched_setaffinity(0, {options.load_core})
    with tempfile.TemporaryDirectory(prefix="glasspot-scraped-") as name:
        text = document(options, *measure(options, pathlib.Path(name)))
    print(text)
    if options.out != "-":
        pathlib.Path(options.out).write_text(text)
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()
