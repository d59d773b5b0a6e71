#!/usr/bin/env python3
"""Runs the demo behind a real Prometheus and asks it every question of every dashboard.

Prometheus gets the shipped configuration with the address of the demo in it and a shorter interval. A panel
passes when each of its queries returns at least one number.
"""
import argparse
import contextlib
import json
import pathlib
import re
import sys
import tempfile
import time
import urllib.parse

import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
VARIABLES = {"$job": "glasspot", "$instance": ".+", "$__rate_interval": "30s"}


def questions() -> list[tuple[str, str]]:
    """Every query of every panel, with its place."""
    found = []
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for name, value in VARIABLES.items():
                    expression = expression.replace(name, value)
                found.append((f"{path.name}: {panel['title']}", expression))
    return found


def ask(base: str, expression: str) -> int:
    """The number of series with a number (not a NaN) that an expression gives."""
    answer = json.loads(processes.get(base + "/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
    return sum(1 for series in answer["data"]["result"] if series["value"][1] != "NaN")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glasspot", default=str(ROOT / ".build/release/glasspot"))
    parser.add_argument("--seconds", type=int, default=90, help="how long to wait for every panel to have data")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="glasspot-stack-") as folder, contextlib.ExitStack() as stack:
        port, prometheus_port = processes.free_port(), processes.free_port()
        log = f"{folder}/glasspot.log"
        gateway = stack.enter_context(processes.running(
            [options.glasspot, "--demo"], log, OLLA_SERVER_HOST="127.0.0.1", OLLA_SERVER_PORT=str(port)))
        processes.wait_for(f"http://127.0.0.1:{port}/internal/ready", gateway, log)

        configuration = (ROOT / "prometheus/prometheus.yml").read_text()
        configuration = configuration.replace("gateway:40114", f"127.0.0.1:{port}")
        configuration = configuration.replace("localhost:9090", f"127.0.0.1:{prometheus_port}")
        configuration = re.sub(r"(scrape_interval|scrape_timeout|evaluation_interval): \d+s", r"\1: 1s", configuration)
        path = pathlib.Path(folder) / "prometheus.yml"
        path.write_text(configuration)
        base = f"http://127.0.0.1:{prometheus_port}"
        prometheus_log = f"{folder}/prometheus.log"
        prometheus = stack.enter_context(processes.running(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{prometheus_port}"], prometheus_log))
        processes.wait_for(base + "/-/ready", prometheus, prometheus_log)

        open_questions = questions()
        total = len(open_questions)
        end = time.monotonic() + options.seconds
        while open_questions and time.monotonic() < end:
            time.sleep(2)
            open_questions = [question for question in open_questions if ask(base, question[1]) == 0]
        up = ask(base, 'up{job="glasspot"} == 1')
    for place, expression in open_questions:
        print(f"no data: {place}: {expression}", file=sys.stderr)
    print(f"stack-check: {total - len(open_questions)} of {total} queries return data")
    if open_questions or not up:
        sys.exit(1)


if __name__ == "__main__":
    main()
