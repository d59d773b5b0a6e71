#!/usr/bin/env python3
"""Runs the gateway under load and faults for a while and watches that nothing drifts.

Three simulated backends (one of them faulty), a steady load, and a scrape every second: on each page the
invariants of `exposition.py` hold, no counter falls, and at the end nothing is in flight, the process still
runs, and neither its memory nor its descriptors have grown beyond their bounds.
"""
import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import exposition
import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
BACKENDS = [
    ("ollama", "ollama", "llama3.2:3b", []),
    ("steady", "openai", "mock-chat", []),
    ("faulty", "openai", "mock-chat", ["--fault-odds", "500@0.05", "--fault-odds", "429@0.02"]),
]
PROFILES = {"ollama": "ollama", "openai": "openai-compatible"}


def configuration(port: int, ports: dict[str, int]) -> str:
    endpoints = "\n".join(
        f'      - {{name: "{name}", url: "http://127.0.0.1:{ports[name]}", type: "{PROFILES[kind]}", priority: 100, '
        f"check_interval: 2s, check_timeout: 1s}}"
        for name, kind, _, _ in BACKENDS)
    return f"""
server:
  host: "127.0.0.1"
  port: {port}
  rate_limits: {{global_requests_per_minute: 0, per_ip_requests_per_minute: 0, health_requests_per_minute: 0}}
discovery:
  type: "static"
  static:
    endpoints:
{endpoints}
logging: {{level: "info", format: "json", output: "stdout"}}
"""


def watch(process: subprocess.Popen, load: subprocess.Popen, base: str) -> tuple[list[str], list[exposition.Page]]:
    """Scrapes once a second for as long as the load runs; returns what was wrong and all pages."""
    found: list[str] = []
    pages: list[exposition.Page] = []
    while load.poll() is None and process.poll() is None:
        page = exposition.parse(processes.get(base + "/internal/metrics"))
        found += exposition.problems(page)
        if pages:
            found += exposition.fallen(pages[-1], page)
        pages.append(page)
        time.sleep(1)
    if process.poll() is not None:
        found.append(f"the gateway ended with {process.returncode}")
    return found, pages


def settle(base: str, limit: float = 20) -> exposition.Page:
    """The first page on which nothing but the scrape itself is in flight, or the last one tried."""
    end = time.monotonic() + limit
    while True:
        page = exposition.parse(processes.get(base + "/internal/metrics"))
        routes = page.total("glasspot_requests_in_flight", "route")
        if not any(value for route, value in routes.items() if route != "internal") or time.monotonic() > end:
            return page
        time.sleep(0.5)


def growth(pages: list[exposition.Page], last: exposition.Page, name: str) -> tuple[float, float]:
    """A gauge after the first third of the run and at the end."""
    return pages[len(pages) // 3].value(name), last.value(name)


def judge(pages: list[exposition.Page], last: exposition.Page) -> list[str]:
    found = []
    for route, value in last.total("glasspot_requests_in_flight", "route").items():
        if value and route != "internal":
            found.append(f"{value:g} requests of {route} are still in flight")
    before, after = growth(pages, last, "process_resident_memory_bytes")
    if after > before * 1.3 + 8e6:
        found.append(f"memory grew from {before / 1e6:.1f} to {after / 1e6:.1f} MB")
    before, after = growth(pages, last, "process_open_fds")
    if after > before + 64:
        found.append(f"open descriptors grew from {before:g} to {after:g}")
    if last.value("glasspot_bugs_total"):
        found.append(f"{last.value('glasspot_bugs_total'):g} bugs were counted")
    return found


def check_log(path: str) -> list[str]:
    found = []
    with open(path, "rb") as log:
        for number, line in enumerate(log, 1):
            try:
                json.loads(line, object_pairs_hook=unique_keys)
            except ValueError as error:
                found.append(f"log line {number}: {error}: {line[:200]!r}")
    return found


def unique_keys(pairs: list[tuple]) -> dict:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rate", type=int, default=100, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bin", default=str(ROOT / ".build/release"), help="folder of glasspot and mockllm")
    options = parser.parse_args()
    glasspot, mockllm = os.path.join(options.bin, "glasspot"), os.path.join(options.bin, "mockllm")

    with tempfile.TemporaryDirectory(prefix="glasspot-soak-") as folder, contextlib.ExitStack() as stack:
        ports = {}
        for name, kind, model, faults in BACKENDS:
            ports[name] = processes.free_port()
            log = f"{folder}/{name}.log"
            backend = stack.enter_context(processes.running(
                [mockllm, "serve", "--kind", kind, "--port", str(ports[name]), "--model", model, "--ttft-ms", "20",
                 "--gap-ms", "5", "--jitter", "0.5", "--seed", str(options.seed), *faults], log))
            processes.wait_for(f"http://127.0.0.1:{ports[name]}/_mock/state", backend, log)
        port = processes.free_port()
        base = f"http://127.0.0.1:{port}"
        path = pathlib.Path(folder) / "glasspot.yaml"
        path.write_text(configuration(port, ports))
        gateway_log = f"{folder}/glasspot.log"
        # Standard output is the log, standard error says why it would not start.
        errors = f"{folder}/glasspot.err"
        gateway = stack.enter_context(processes.running([glasspot, "-c", str(path)], gateway_log, errors))
        processes.wait_for(base + "/internal/ready", gateway, errors)
        load_log = f"{folder}/load.log"
        load = stack.enter_context(processes.running(
            [mockllm, "load", "--url", base, "--rate", str(options.rate), "--duration", str(options.seconds),
             "--concurrency", "64", "--seed", str(options.seed), "--target", "openai=/olla/openai=mock-chat",
             "--target", "ollama=/olla/ollama=llama3.2:3b"], load_log))
        found, pages = watch(gateway, load, base)
        if len(pages) < 3:
            found.append(f"only {len(pages)} pages in {options.seconds} s: " + pathlib.Path(load_log).read_text())
        else:
            last = settle(base)
            found += judge(pages, last) + check_log(gateway_log)
            print(f"{len(pages)} pages, {last.value('glasspot_requests_total'):g} requests, "
                  f"{last.value('process_resident_memory_bytes') / 1e6:.1f} MB")
    for problem in found[:50]:
        print(f"soak: {problem}", file=sys.stderr)
    if found:
        sys.exit(f"soak: {len(found)} problems, seed {options.seed}")
    print("soak: passed")


if __name__ == "__main__":
    main()
