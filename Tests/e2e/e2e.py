"""Drives the real gateway with real clients, a real llama.cpp and a real Prometheus.

Run by Tests/e2e/run.sh, which prepares the virtual environment. Every check prints `ok - name` or
`not ok - name` with its reason; the last line is `N passed, N failed`, and any failure exits 1.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile

import client_checks
import concurrency_checks
import engine_checks
import failure_checks
import format_checks
import log_checks
import memory_checks
import messages_checks
import metric_checks
import rolling_checks
import trace_checks
from harness import Checks
from metrics_page import Scraper
from world import World

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def built(name: str) -> str:
    """The path of a build product: of the release build, else of the debug build."""
    for build in ("release", "debug"):
        path = os.path.join(ROOT, ".build", build, name)
        if os.path.exists(path):
            return path
    return os.path.join(ROOT, ".build", "release", name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glasspot", default=built("glasspot"), help="the gateway binary")
    parser.add_argument("--mockllm", default=built("mockllm"), help="the mock backend binary")
    parser.add_argument("--only", default="", help="run the checks whose name contains this")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all outputs")
    options = parser.parse_args()
    for path in (options.glasspot, options.mockllm):
        if not os.access(path, os.X_OK):
            parser.error(f"{path} is missing: run `make build`")
    options.glasspot = os.path.abspath(options.glasspot)
    options.mockllm = os.path.abspath(options.mockllm)
    return options


def main() -> int:
    options = arguments()
    # A proxy of the environment must not come between clients and the gateway.
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    folder = tempfile.mkdtemp(prefix="glasspot-e2e-")
    checks = Checks(options.only)
    failed = True
    try:
        world = World(options.glasspot, options.mockllm, folder)
        with contextlib.ExitStack() as stack:
            stack.callback(world.stop)
            scrapers = [
                Scraper(f"{gateway.url}/internal/metrics")
                for gateway in (world.main, world.twins)
            ]
            client_checks.run(checks, world)
            messages_checks.run(checks, world)
            failure_checks.run(checks, world)
            concurrency_checks.run(checks, world)
            memory_checks.run(checks, world)
            rolling_checks.run(checks, world)
            engine_checks.run(checks, world)
            trace_checks.run(checks, world)
            metric_checks.run(checks, world, scrapers)
            format_checks.run(checks, world)
            log_checks.run(checks, world)
        failed = checks.finish() != 0
    finally:
        if options.keep or failed:
            print(f"# outputs are in {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
