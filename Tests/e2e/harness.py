"""Processes, checks, and plain HTTP for the end-to-end run."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "scripts"))

from processes import free_port  # noqa: E402, F401 - after its folder is known; the checks take it from here


class Failed(AssertionError):
    """A check that did not hold."""


def expect(condition: object, message: str) -> None:
    """Fails the running check with a message unless the condition holds."""
    if not condition:
        raise Failed(message)


def expect_equal(actual: object, wanted: object, what: str) -> None:
    """Fails the running check unless two values are equal."""
    expect(actual == wanted, f"{what}: {shorten(actual)} is not {shorten(wanted)}")


def shorten(value: object, length: int = 400) -> str:
    """A value as text of bounded length."""
    text = repr(value)
    return text if len(text) <= length else text[:length] + "…"


class Checks:
    """Runs named checks, each on its own, and counts how they went."""

    def __init__(self, only: str = "") -> None:
        self.only = only
        self.passed = 0
        self.failed = 0

    def run(self, name: str, check: Callable[[], object]) -> None:
        """Runs one check; whatever it raises is its failure and not the end of the run."""
        if self.only not in name:
            return
        started = time.monotonic()
        try:
            check()
        except Failed as failure:
            self._not_ok(name, str(failure))
        except Exception as error:  # noqa: BLE001 - a crash of one check must not hide the others
            self._not_ok(name, f"{type(error).__name__}: {error}")
            traceback.print_exc()
        else:
            self.passed += 1
            print(f"ok - {name} ({time.monotonic() - started:.1f} s)", flush=True)

    def _not_ok(self, name: str, reason: str) -> None:
        self.failed += 1
        print(f"not ok - {name}", flush=True)
        for line in reason.splitlines() or [""]:
            print(f"    {line}", flush=True)

    def finish(self) -> int:
        """Prints the totals and returns the exit code."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def wait_until(
    condition: Callable[[], object], what: str, seconds: float = 30, every: float = 0.05
) -> object:
    """Polls until the condition gives something true, and returns it."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException, ValueError) as error:
            last = error
        time.sleep(every)
    raise Failed(f"waited {seconds:g} s for {what}; last: {shorten(last)}")


class Process:
    """A child process whose output is kept, ended by its id alone."""

    def __init__(self, name: str, command: list[str], folder: str, **environment: str) -> None:
        self.name = name
        self.out_path = os.path.join(folder, f"{name}.out")
        self.err_path = os.path.join(folder, f"{name}.err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(
                command, stdout=out, stderr=err, cwd=folder, env={**os.environ, **environment}
            )

    @property
    def is_running(self) -> bool:
        return self.child.poll() is None

    def out(self) -> str:
        """Everything written to standard output so far."""
        with open(self.out_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def tail(self) -> str:
        """The last lines of both outputs, for messages."""
        lines = []
        for path in (self.out_path, self.err_path):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines += file.read().splitlines()[-6:]
        return "\n".join(line[:300] for line in lines)

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 30) -> object:
        """Waits for a condition, and fails early when the process has ended."""

        def still() -> object:
            if not self.is_running:
                raise Failed(f"{self.name} ended with {self.child.returncode}:\n{self.tail()}")
            return condition()

        return wait_until(still, f"{self.name}: {what}", seconds)

    def terminate(self, seconds: float = 15) -> int:
        """Asks the process to end and returns its exit code; kills it when it does not."""
        if self.is_running:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not end within {seconds:g} s of SIGTERM") from None

    def kill(self) -> None:
        """Ends the process at once."""
        if self.is_running:
            self.child.kill()
        self.child.wait()


class Answer:
    """A plain HTTP answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> object:
        return json.loads(self.body)


def call(
    url: str,
    method: str = "GET",
    body: object = None,
    headers: dict[str, str] | None = None,
    timeout: float = 60,
) -> Answer:
    """Sends one request on a connection of its own; a dictionary is sent as JSON."""
    parts = urllib.parse.urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    fields = dict(headers or {})
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        fields.setdefault("Content-Type", "application/json")
    with contextlib.closing(
        http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    ) as connection:
        connection.request(method, target, data, fields)
        return Answer(connection.getresponse())


class Mock:
    """A mockllm process and its control surface."""

    def __init__(self, binary: str, name: str, folder: str, kind: str, *options: str) -> None:
        self.name = name
        self.process = Process(
            name, [binary, "serve", "--kind", kind, "--port", "0", *options], folder
        )
        line = self.process.wait_for(
            lambda: self.process.out().splitlines()[:1], "first line", 20
        )
        self.port = json.loads(line[0])["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def state(self) -> dict:
        answer = call(f"{self.url}/_mock/state")
        expect_equal(answer.status, 200, f"{self.name} state")
        return answer.json()

    def set(self, **behaviour: object) -> dict:
        answer = call(f"{self.url}/_mock/behaviour", "POST", behaviour)
        expect_equal(answer.status, 200, f"{self.name} behaviour {behaviour}")
        return answer.json()

    def reset(self) -> None:
        call(f"{self.url}/_mock/reset", "POST", {})

    def requests(self, method: str = "POST") -> list[dict]:
        """The last requests of one method, as the mock saw them."""
        return [seen for seen in self.state()["last_requests"] if seen["method"] == method]


def field(seen: dict, name: str) -> str | None:
    """A header field of a request that a mock saw."""
    for key, value in seen["headers"]:
        if key.lower() == name.lower():
            return value
    return None


class Sent:
    """Counts what the clients send through a gateway, by the gateway's route classes."""

    LISTINGS = ("/v1/models", "/api/tags", "/api/v0/models")

    def __init__(self) -> None:
        self.by_route: Counter[str] = Counter()
        self.lock = threading.Lock()

    def count(self, path: str) -> None:
        """Counts one request by its path."""
        with self.lock:
            self.by_route[self.route(path)] += 1

    def hook(self, request: object) -> None:
        """The request hook of an httpx client."""
        self.count(request.url.path)

    @classmethod
    def route(cls, path: str) -> str:
        """The route label of a path."""
        words = path.strip("/").split("/")
        if words[0] != "olla":
            return "internal" if words[0] in ("internal", "version") else "other"
        rest = "/" + "/".join(words[2:])
        if words[1:2] == ["models"] or rest in cls.LISTINGS:
            return "models"
        if words[1:2] == ["anthropic"]:
            return "translator"
        return "proxy" if words[1:2] == ["proxy"] else "provider"


def raw_exchange(port: int, data: bytes, seconds: float = 10) -> bytes:
    """Sends bytes on a socket and returns all that comes until the peer closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(data)
        while True:
            try:
                piece = peer.recv(65536)
            except ConnectionError:
                return received
            except TimeoutError:
                raise Failed(
                    f"the connection stayed open for {seconds:g} s after {shorten(received)}"
                ) from None
            if not piece:
                return received
            received += piece


def chunked_body(received: bytes) -> bytes:
    """The body bytes of a chunked answer that may end anywhere."""
    rest = received.split(b"\r\n\r\n", 1)[-1]
    body = b""
    while b"\r\n" in rest:
        size, rest = rest.split(b"\r\n", 1)
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        body += rest[:length]
        rest = rest[length + 2 :]
    return body


def stream_lines(response: http.client.HTTPResponse) -> Iterator[str]:
    """The lines of a streamed body; raises what http.client raises when it breaks."""
    while line := response.readline():
        yield line.decode().rstrip("\n")
