"""Looks at the dashboard as people do: in a real Chromium, over a gateway with real traffic and real faults.

Run by Tests/ui/run.sh. Every check prints `ok - name` or `not ok - name`; any failure exits 1. With --images it
also writes the pictures of the README to docs/images.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "e2e"))

import page_checks  # noqa: E402 - after the folder of the shared harness is known
from gateway import Gateway  # noqa: E402
from harness import Checks  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402


def built(name: str) -> str:
    """The path of a build product: of the release build, else of the debug build."""
    for build in ("release", "debug"):
        path = os.path.join(ROOT, ".build", build, name)
        if os.path.exists(path):
            return path
    return os.path.join(ROOT, ".build", "release", name)


def chromium() -> str:
    """The system's Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    sys.exit("ui: no chromium on the PATH: run scripts/setup.sh ui")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glasspot", default=built("glasspot"), help="the gateway binary")
    parser.add_argument("--mockllm", default=built("mockllm"), help="the mock backend binary")
    parser.add_argument("--only", default="", help="run the checks whose name contains this")
    parser.add_argument("--images", action="store_true", help="write docs/images")
    parser.add_argument("--seconds", type=float, default=12, help="traffic before the checks")
    options = parser.parse_args()
    for path in (options.glasspot, options.mockllm):
        if not os.access(path, os.X_OK):
            parser.error(f"{path} is missing: run `make build`")
    return options


def main() -> int:
    options = arguments()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    folder = tempfile.mkdtemp(prefix="glasspot-ui-")
    checks = Checks(options.only)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        gateway = Gateway(os.path.abspath(options.glasspot), os.path.abspath(options.mockllm), folder)
        stack.callback(gateway.stop)
        gateway.start()
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            # As root and in containers there is no sandbox and little shared memory; the page is our own.
            args=["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
        )
        stack.callback(browser.close)
        page_checks.run(checks, browser, gateway, options)
        return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
