"""Sends the corpus through the gateway, nginx and HAProxy, and tells where they differ.

    Tests/Smuggling/differential.py [--glasspot FILE] [--write]

Checks that the gateway does what corpus.txt says, that it never lets a request through to the backend which
both other proxies refuse, unless the corpus gives the reason. Tells what docs/FRAMING.md says otherwise of the same
versions of nginx and HAProxy; --write writes the differences of this run there.
"""

import argparse
import contextlib
import difflib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from corpus import Case, Request, bytes_of, cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from processes import free_port  # noqa: E402 - after its folder is known

DOCUMENT = ROOT / "docs" / "FRAMING.md"
BEGIN, END = "<!-- differences: begin -->", "<!-- differences: end -->"
NEXT = bytes_of("{next}")
PROBE = b"GET /olla/proxy/probe HTTP/1.1\r\nHost: g\r\n\r\n"
# Nobody answers within this: the rest of a request is being waited for.
QUIET = 0.25
LIMIT = 10.0


class Malformed(ValueError):
    """A message that the strict reader of this file does not take."""


def message(data: bytes, ended: bool, is_answer: bool) -> tuple[str, bytes, int] | None:
    """The first message: its start line, its content and its length; None while it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    start, *lines = data[:end].decode("latin-1").split("\r\n")
    fields = [(name.lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines)]
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value.lower() for name, value in fields if name == "transfer-encoding"]
    position = end + 4
    status = int(start.split(" ")[1]) if is_answer else 0
    if is_answer and (status < 200 or status in (204, 304)):
        return start, b"", position
    if len(lengths) + len(codings) > 1:
        raise Malformed(start)
    if codings:
        return chunked(data, start, position)
    if lengths:
        position += int(lengths[0])
        return (start, data[end + 4 : position], position) if len(data) >= position else None
    if is_answer:
        return (start, data[position:], len(data)) if ended else None
    return start, b"", position


def chunked(data: bytes, start: str, position: int) -> tuple[str, bytes, int] | None:
    """A message whose chunks begin at a position."""
    content = b""
    while True:
        line = data.find(b"\r\n", position)
        if line < 0:
            return None
        size = int(data[position:line].split(b";")[0], 16)
        position = line + 2
        if size == 0:
            end = data.find(b"\r\n", position)
            while end > position:
                position = end + 2
                end = data.find(b"\r\n", position)
            return (start, content, position + 2) if end == position else None
        if len(data) < position + size + 2:
            return None
        content += data[position : position + size]
        position += size + 2


class Witness:
    """A backend that answers every request and remembers it, read with an own strict parser."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        data = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                data += piece
                while data:
                    try:
                        found = message(data, False, False)
                    except ValueError:
                        found = f"! {data[:60]!r}", b"", len(data)
                    if not found:
                        break
                    start, body, length = found
                    data = data[length:]
                    self.answer(connection, start, body)

    def answer(self, connection: socket.socket, start: str, body: bytes) -> None:
        line = start.rpartition(" ")[0]
        if line.endswith("/v1/models"):
            body = b'{"object":"list","data":[]}'
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % len(body) + body)
            return
        with self.lock:
            self.requests.append(Request(line, body))
        if line.startswith("HEAD "):
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def take(self) -> list[Request]:
        """What came since the last call, without the probes."""
        with self.lock:
            taken, self.requests = self.requests, []
        return [request for request in taken if request.line != "GET /probe"]


class Proxy:
    """One proxy before a witness."""

    name = ""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.witness = Witness()
        self.port = free_port()
        with open(folder / f"{self.name}.log", "wb") as log:
            self.child = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=folder)
        deadline = time.monotonic() + LIMIT
        while not self.is_ready():
            if time.monotonic() > deadline or self.child.poll() is not None:
                text = (folder / f"{self.name}.log").read_text(errors="replace")
                raise SystemExit(f"{self.name} does not start:\n{text[-2000:]}")
            time.sleep(0.05)
        self.witness.take()

    def command(self) -> list[str]:
        """Writes the configuration and returns what runs in the foreground."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.sendall(PROBE)
                return client.recv(100).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait(LIMIT)
        self.witness.socket.close()

    def run(self, case: Case) -> "Outcome":
        """Sends a case on a connection of its own."""
        statuses: list[int] = []
        end = ""
        with socket.create_connection(("127.0.0.1", self.port), LIMIT) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            follower = NEXT if case.end == "close" else b""
            with contextlib.suppress(OSError):
                client.sendall(case.data + follower)
            # Whoever does as expected is not waited for longer than it takes.
            reader = Reader(client)
            while end == "":
                wanted = len(statuses) < len(case.statuses) or case.end == "close"
                status = reader.status(LIMIT if wanted and self.is_strict else QUIET)
                if isinstance(status, int):
                    statuses.append(status)
                else:
                    end = status
                if not wanted and case.end == "keep" and len(statuses) == len(case.statuses):
                    break
            # Whatever else comes would belong to the request that is being waited for.
            if end != "close" and case.end != "wait":
                client.sendall(PROBE)
                status = reader.status(QUIET)
                end = "keep" if status == 200 else "wait" if status == "wait" else "close"
        if end == "wait" or case.end != "keep" or len(statuses) != len(case.statuses):
            time.sleep(0.02)
        return Outcome(statuses, end, self.witness.take())

    @property
    def is_strict(self) -> bool:
        return False


class Reader:
    """Reads the answers of a connection."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.data = b""
        self.ended = False

    def status(self, limit: float) -> int | str:
        """The status of the next final answer; `close` or `wait` when there is none."""
        self.client.settimeout(limit)
        while True:
            try:
                found = message(self.data, self.ended, True)
            except (ValueError, IndexError):
                return "close"
            if found:
                self.data = self.data[found[2] :]
                status = int(found[0].split(" ")[1])
                if status >= 200:
                    return status
                continue
            if self.ended:
                return "close"
            try:
                piece = self.client.recv(65536)
            except TimeoutError:
                return "wait"
            except OSError:
                piece = b""
            self.data += piece
            self.ended = not piece


class Outcome:
    """What a proxy made of a case."""

    def __init__(self, statuses: list[int], end: str, requests: list[Request]) -> None:
        self.statuses = statuses
        self.end = end
        self.requests = requests

    def passed(self) -> list[Request]:
        return self.requests

    def __str__(self) -> str:
        statuses = " ".join(map(str, self.statuses))
        return f"{statuses} {self.end}".strip()

    def differs(self, other: "Outcome") -> bool:
        """Whether the backend saw something else, or one refused what the other took."""
        return (
            self.requests != other.requests
            or [status < 400 for status in self.statuses] != [status < 400 for status in other.statuses]
            or (self.end == "wait") != (other.end == "wait")
        )


class Glasspot(Proxy):
    name = "glasspot"
    binary = ""

    def command(self) -> list[str]:
        path = self.folder / "glasspot.yaml"
        path.write_text(f"""
server:
  host: "127.0.0.1"
  port: {self.port}
  request_limits: {{max_header_size: 8192, max_body_size: 65536}}
  rate_limits: {{global_requests_per_minute: 0, per_ip_requests_per_minute: 0}}
discovery:
  model_discovery: {{enabled: false}}
  static:
    endpoints:
      - {{url: "http://127.0.0.1:{self.witness.port}", name: "witness", type: "openai-compatible"}}
logging: {{level: "info", format: "json"}}
""")
        return [self.binary, "-c", str(path)]

    @property
    def is_strict(self) -> bool:
        return True


class Nginx(Proxy):
    name = "nginx"

    def command(self) -> list[str]:
        temporary = "\n".join(
            f"  {kind}_temp_path {self.folder}/nginx-{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = self.folder / "nginx.conf"
        path.write_text(f"""
daemon off;
user root;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/nginx.error warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
{temporary}
  large_client_header_buffers 4 8k;
  client_max_body_size 64k;
  upstream witness {{ server 127.0.0.1:{self.witness.port}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{self.port};
    location /olla/proxy/ {{
      proxy_pass http://witness/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
    }}
  }}
}}
""")
        return ["nginx", "-p", str(self.folder), "-c", str(path), "-e", f"{self.folder}/nginx.error"]


class HAProxy(Proxy):
    name = "haproxy"

    def command(self) -> list[str]:
        path = self.folder / "haproxy.cfg"
        path.write_text(f"""
global
  maxconn 512
  tune.bufsize 16384
  tune.http.maxhdr 256
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend entry
  bind 127.0.0.1:{self.port}
  http-request return status 413 if {{ req.hdr(content-length) -m int gt 65536 }}
  http-request return status 404 unless {{ path_beg /olla/proxy/ }}
  http-request replace-path /olla/proxy(/.*) \\1
  default_backend witness
backend witness
  server one 127.0.0.1:{self.witness.port}
""")
        return ["haproxy", "-db", "-f", str(path)]


def versions() -> str:
    """The compared versions, without what Debian adds."""
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    haproxy = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+\.\d+\.\d+)", haproxy)
    return f"nginx {nginx.strip().split('/')[-1]}, HAProxy {found[1] if found else '?'}"


def told(outcome: Outcome) -> str:
    """An outcome as a cell of the table."""
    seen = "; ".join(f"`{request}`" for request in outcome.requests[:3]).replace("|", "\\|")
    return f"{outcome}{' → ' + seen if seen else ''}"


def table(rows: list[tuple[Case, dict[str, Outcome]]]) -> str:
    """The differences as Markdown, group by group."""
    lines = [f"Measured with {versions()}.", ""]
    total = same = 0
    group = ""
    for case, outcomes in rows:
        total += 1
        ours = outcomes["glasspot"]
        others = [outcomes["nginx"], outcomes["haproxy"]]
        if not any(ours.differs(other) for other in others):
            same += 1
            continue
        if case.group != group:
            group = case.group
            lines += ["", f"### {group}", "", "| Case | RFC | Glasspot | nginx | HAProxy | Why |"]
            lines += ["|---|---|---|---|---|---|"]
        cells = [told(ours)]
        cells += [told(other) if ours.differs(other) else "same" for other in others]
        lines.append(f"| {case.name} | {case.rule} | {' | '.join(cells)} | {case.why} |")
    lines[1] = f"{total} cases; all three agree about {same} of them."
    return "\n".join(lines) + "\n"


def complaints(rows: list[tuple[Case, dict[str, Outcome]]]) -> list[str]:
    """What is wrong with this run."""
    wrong = []
    for case, outcomes in rows:
        ours = outcomes["glasspot"]
        name = f"{case.group}: {case.name}"
        if (ours.statuses, ours.end) != (case.statuses, case.end):
            wanted = f"{' '.join(map(str, case.statuses))} {case.end}".strip()
            wrong.append(f"{name}: the gateway said {ours}, not {wanted}")
        if ours.requests != case.requests:
            wrong.append(f"{name}: the backend saw {list(map(str, ours.requests))}")
        others = [outcomes["nginx"], outcomes["haproxy"]]
        if ours.requests and not any(other.requests for other in others) and not case.why:
            wrong.append(f"{name}: let through, refused by both others, and no reason is given")
    return wrong


def document_difference(text: str) -> str | None:
    """Whether the document has another table, as far as it is one of these versions."""
    found = re.search(f"{BEGIN}\n(.*){END}", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    if not found:
        return f"{DOCUMENT} has no table"
    if not found[1].startswith(f"Measured with {versions()}."):
        return None
    if found[1] == text:
        return None
    lines = difflib.unified_diff(found[1].splitlines(), text.splitlines(), "committed", "found", lineterm="", n=0)
    return "\n".join([f"{DOCUMENT} has other differences: run with --write", *lines])


def replay(corpus: list[Case]) -> list[tuple[Case, dict[str, Outcome]]]:
    """Sends every case through every proxy, each of which is started for it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glasspot-framing-"))
    proxies: list[Proxy] = []
    try:
        for kind in (Glasspot, Nginx, HAProxy):
            proxies.append(kind(folder))
        with ThreadPoolExecutor(len(proxies)) as pool:
            runs = list(pool.map(lambda proxy: [proxy.run(case) for case in corpus], proxies))
    finally:
        for proxy in proxies:
            proxy.stop()
        shutil.rmtree(folder, ignore_errors=True)
    names = [proxy.name for proxy in proxies]
    return [(case, dict(zip(names, outcomes, strict=True))) for case, *outcomes in zip(corpus, *runs, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glasspot", default=str(ROOT / ".build/release/glasspot"))
    parser.add_argument("--write", action="store_true", help="write the table into docs/FRAMING.md")
    options = parser.parse_args()
    Glasspot.binary = os.path.abspath(options.glasspot)
    if not os.access(Glasspot.binary, os.X_OK):
        parser.error(f"{Glasspot.binary} is missing: run `make build`")
    started = time.monotonic()
    rows = replay(cases())
    text = table(rows)
    wrong = complaints(rows)
    if options.write:
        before = DOCUMENT.read_text(encoding="utf-8")
        after = re.sub(f"{BEGIN}\n.*{END}", lambda _: f"{BEGIN}\n{text}{END}", before, flags=re.DOTALL)
        DOCUMENT.write_text(after, encoding="utf-8")
    elif difference := document_difference(text):
        # No finding: what the others do may depend on how the bytes of a request arrive, which differs from run to run.
        print(f"# {difference}", flush=True)
    for line in wrong:
        print(f"not ok - {line}", flush=True)
    took = time.monotonic() - started
    print(f"{len(rows)} cases in {took:.0f} s, {text.splitlines()[1]} {len(wrong)} complaints", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
