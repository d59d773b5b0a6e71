"""The stack on loopback, for stack_check.py: gateway, backends that can be broken, two Prometheus, Alertmanager."""
import http.client
import http.server
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
# By how much the copy of the rules divides every duration.
FACTOR = 20
# Anything: it lets the load in, and gives the panel of client keys something to show.
KEY = "stack-check-key"
DESCRIPTORS = 400
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def divided(rules: str) -> str:
    """Rules whose windows, offsets and `for` are divided by the factor, and with them the limits in seconds."""
    def shorter(match: re.Match) -> str:
        seconds = int(match[2]) * UNITS[match[3]] / FACTOR
        return f"{match[1]}{max(1, round(seconds))}s{match[4]}"

    rules = re.sub(r"(\[)(\d+)([smhd])(\])", shorter, rules)
    rules = re.sub(r"(for: )(\d+)([smhd])()", shorter, rules)
    rules = re.sub(r"(offset )(\d+)([smhd])()", shorter, rules)
    rules = re.sub(r"interval: \d+s", "interval: 1s", rules)
    # The two ages that are compared with a number of seconds.
    return re.sub(r"> 1800\b", f"> {1800 // FACTOR}", rules)


class QuietBackend:
    """An Ollama that reports no usage, whose listing can be broken, and that hangs when asked to."""

    def __init__(self):
        backend = self
        self.lists = True
        self.released = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def send(self, status: int, document: dict):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/api/tags":
                    models = [{"name": "quiet:1b", "model": "quiet:1b", "size": 1, "digest": "0", "details": {}}]
                    self.send(200 if backend.lists else 500, {"models": models})
                else:
                    self.send(200, {"version": "0.0.0"})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if b"please hang" in body:
                    backend.released.wait(600)
                self.send(200, {"model": "quiet:1b", "created_at": "2026-01-01T00:00:00Z", "done": True,
                                "message": {"role": "assistant", "content": "mm"}})

        self.port = processes.free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class SlowDoor:
    """Passes scrapes on to the gateway, after a delay."""

    def __init__(self, target: int):
        door = self
        self.delay = 0.0

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                time.sleep(door.delay)
                connection = http.client.HTTPConnection("127.0.0.1", target, timeout=5)
                try:
                    headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                    connection.request("GET", self.path, headers=headers)
                    answer = connection.getresponse()
                    body = answer.read()
                    self.send_response(answer.status)
                    for key, value in answer.getheaders():
                        if key.lower() not in ("connection", "transfer-encoding", "date", "server"):
                            self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    # Prometheus sees what it would see without a door.
                    self.close_connection = True
                finally:
                    connection.close()

        self.port = processes.free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Prometheus:
    """A Prometheus, the questions put to it, and when each alert fired."""

    # Seconds without seeing an alert after which it is over.
    PAUSE = 3

    def __init__(self, name: str, port: int):
        self.name = name
        self.base = f"http://127.0.0.1:{port}"
        # Alert to (first seen firing, last seen firing).
        self.fired: dict[str, tuple[float, float]] = {}
        threading.Thread(target=self.watch, daemon=True).start()

    def ask(self, expression: str, at: float | None = None) -> list[dict]:
        """The series of an expression that hold a number, now or at a Unix time."""
        query = urllib.parse.urlencode({"query": expression} | ({"time": at} if at else {}))
        answer = json.loads(processes.get(f"{self.base}/api/v1/query?{query}"))
        return [one for one in answer["data"]["result"] if one["value"][1] not in ("NaN", "+Inf")]

    def number(self, expression: str, at: float | None = None) -> float:
        found = self.ask(expression, at)
        return float(found[0]["value"][1]) if found else 0.0

    def watch(self) -> None:
        while True:
            time.sleep(0.5)
            try:
                alerts = json.loads(processes.get(self.base + "/api/v1/alerts"))["data"]["alerts"]
            except (OSError, ValueError, http.client.HTTPException):
                continue
            now = time.monotonic()
            for alert in alerts:
                if alert["state"] == "firing":
                    labels = alert["labels"]
                    name = labels["alertname"] + (f" {labels['long']}" if "long" in labels else "")
                    first, last = self.fired.get(name, (now, now))
                    # After a pause it is a new alert.
                    self.fired[name] = (first if now - last < self.PAUSE else now, now)

    def is_firing(self, name: str) -> bool:
        return name in self.fired and time.monotonic() - self.fired[name][1] < self.PAUSE

    def health(self) -> dict[str, str]:
        """What Prometheus says of each rule: ok, or an error."""
        groups = json.loads(processes.get(self.base + "/api/v1/rules"))["data"]["groups"]
        return {f"{group['name']}/{rule['name']}/{index}": rule["health"] + " " + rule.get("lastError", "")
                for group in groups for index, rule in enumerate(group["rules"])}


class World:
    """Starts everything in a folder of its own; `close` ends it all."""

    def __init__(self, glasspot: str, mockllm: str):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="glasspot-stack-"))
        self.glasspot, self.mockllm = glasspot, mockllm
        self.children: list[subprocess.Popen] = []
        self.mocks: dict[str, int] = {}
        self.controls: dict[str, http.client.HTTPConnection] = {}
        self.gateway: subprocess.Popen | None = None
        self.port = processes.free_port()
        self.reads_log = threading.Event()
        self.reads_log.set()
        self.quiet = QuietBackend()
        self.idle: list[socket.socket] = []
        # A first token within the objective, and answers of a second or so.
        self.mock("ollama", "ollama", ["llama3.2:3b", "nomic-embed-text"], 120, 25, "503@0.03")
        self.mock("vllm", "vllm", ["qwen2.5-7b-instruct", "llama3.2:3b"], 60, 12, "500@0.03")
        self.mock("openai", "openai", ["mock-chat"], 80, 15, "cut:5@0.02")
        self.configuration = self.folder / "config.yaml"
        self.write_configuration()
        self.start_gateway()
        self.door = SlowDoor(self.port)
        alertmanager = self.start_alertmanager()
        self.shipped = self.start_prometheus("shipped", self.port, alertmanager, rules=lambda text: text)
        self.copy = self.start_prometheus("copy", self.door.port, alertmanager, rules=divided)

    def log(self, name: str) -> str:
        return str(self.folder / f"{name}.log")

    def child(self, name: str, command: list[str], **environment: str) -> subprocess.Popen:
        with open(self.log(name), "ab") as output:
            process = processes.start(command, output, **environment)
        self.children.append(process)
        return process

    # Backends

    def mock(self, name: str, kind: str, models: list[str], first: int, gap: int, odds: str) -> None:
        port = processes.free_port()
        command = [self.mockllm, "serve", "--kind", kind, "--port", str(port), "--ttft-ms", str(first), "--gap-ms", str(gap),
                   "--jitter", "0.3", "--seed", "7", "--fault-odds", odds]
        process = self.child(name, command + [part for model in models for part in ("--model", model)])
        processes.wait_for(f"http://127.0.0.1:{port}/_mock/state", process, self.log(name))
        self.mocks[name] = port

    def behave(self, name: str, **patch) -> None:
        """Changes what a simulated backend does. One connection each: it lives on while the backend plays dead."""
        control = self.controls.setdefault(name, http.client.HTTPConnection("127.0.0.1", self.mocks[name], timeout=10))
        control.request("POST", "/_mock/behaviour", json.dumps(patch))
        answer = control.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"{name} refuses {patch}: {text}")

    # Gateway

    def write_configuration(self, mistake: str = "") -> None:
        endpoints = [(name, port, {"openai": "openai-compatible"}.get(name, name)) for name, port in self.mocks.items()]
        endpoints.append(("quiet", self.quiet.port, "ollama"))
        lines = [
            "server:", '  host: "127.0.0.1"', f"  port: {self.port}", "  shutdown_timeout: 2s", "  read_timeout: 10m",
            "  rate_limits: {global_requests_per_minute: 0, per_ip_requests_per_minute: 0}",
            f'  auth: {{keys: [{{name: "stack-check", key: "{KEY}"}}]}}',
            "proxy:", '  load_balancer: "round-robin"', "  response_header_timeout: 10m",
            "  retry: {budget_percent: 5, budget_floor: 1}",
            "discovery:", '  type: "static"', "  model_discovery: {enabled: true, interval: 5s, timeout: 2s}", "  engine_poll_interval: 5s",
            "  static:", "    endpoints:"]
        for name, port, kind in endpoints:
            lines += [f'      - name: "{name}"', f'        url: "http://127.0.0.1:{port}"', f'        type: "{kind}"',
                      "        priority: 100", "        check_interval: 2s", "        check_timeout: 1s"]
        lines += ["model_aliases:", '  "chat": ["mock-chat"]', "metrics: {max_models: 8}",
                  "logging:", '  level: "info"', '  format: "json"', '  output: "stdout"', mistake]
        self.configuration.write_text("\n".join(lines) + "\n")

    def reloads(self) -> bool:
        """Whether this gateway reloads its configuration, as it says itself of the key that asks for it."""
        path = self.folder / "reloading.yaml"
        path.write_text("server: {watch_config: true}\n")
        answer = subprocess.run(
            [self.glasspot, "-c", str(path), "--validate-config"], capture_output=True, text=True, check=False, timeout=30)
        return "server.watch_config: loads but does not act" not in answer.stdout + answer.stderr

    def start_gateway(self) -> None:
        """Its standard output goes through a pipe that the check can stop reading."""
        reader, writer = os.pipe()

        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

        with open(self.log("glasspot-errors"), "ab") as errors:
            self.gateway = subprocess.Popen(
                [self.glasspot, "-c", str(self.configuration)], stdout=writer, stderr=errors, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=limit)
        os.close(writer)
        self.children.append(self.gateway)

        def drain():
            with open(self.log("glasspot"), "ab") as output:
                while True:
                    self.reads_log.wait()
                    block = os.read(reader, 65536)
                    if not block:
                        break
                    output.write(block)
            os.close(reader)

        threading.Thread(target=drain, daemon=True).start()
        processes.wait_for(f"http://127.0.0.1:{self.port}/internal/ready", self.gateway, self.log("glasspot-errors"))

    def stop_gateway(self) -> None:
        processes.end(self.gateway)

    def post(self, path: str, document: dict, timeout: float = 30) -> int:
        """Sends a request through the gateway and reads its answer; the status, or 0 when there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", path, json.dumps(document), {"Content-Type": "application/json", "x-api-key": KEY})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def hold_connections(self, count: int) -> None:
        """Opens connections that ask once and then say nothing, and keeps them."""
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            connection.sendall(b"GET /internal/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(65536)
            self.idle.append(connection)

    def ask_for(self, model: str) -> int:
        """A short chat with a model, wherever it is."""
        return self.post("/olla/proxy/v1/chat/completions", {
            "model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Good morning."}]})

    def burst(self, count: int) -> None:
        """Many requests at once that two backends could answer."""
        threads = [threading.Thread(target=self.ask_for, args=["llama3.2:3b"]) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def let_go(self) -> None:
        for connection in self.idle:
            connection.close()
        self.idle.clear()

    def load(self, name: str, *arguments: str) -> subprocess.Popen:
        with open(self.folder / f"{name}.json", "wb") as output, open(self.log(name), "wb") as errors:
            process = subprocess.Popen(
                [self.mockllm, "load", "--url", f"http://127.0.0.1:{self.port}", "--seed", "5", "--concurrency", "64", "--key", KEY,
                 "--target", "openai=/olla/openai=mock-chat,chat", "--target", "openai=/olla/proxy=qwen2.5-7b-instruct,llama3.2:3b",
                 "--target", "ollama=/olla/ollama=llama3.2:3b,nomic-embed-text", *arguments],
                stdout=output, stderr=errors, stdin=subprocess.DEVNULL, start_new_session=True)
        self.children.append(process)
        return process

    def summary(self, name: str) -> dict:
        return json.loads((self.folder / f"{name}.json").read_text())

    # Prometheus and Alertmanager

    def start_alertmanager(self) -> int:
        port = processes.free_port()
        self.alertmanager = f"http://127.0.0.1:{port}"
        process = self.child("alertmanager", [
            "prometheus-alertmanager", f"--config.file={ROOT}/prometheus/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager", f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address="])
        processes.wait_for(self.alertmanager + "/-/ready", process, self.log("alertmanager"))
        return port

    def alerts(self) -> set[str]:
        """The alerts that Alertmanager holds."""
        return {alert["labels"]["alertname"] for alert in json.loads(processes.get(self.alertmanager + "/api/v2/alerts"))}

    def start_prometheus(self, name: str, target: int, alertmanager: int, rules) -> Prometheus:
        folder = self.folder / name
        (folder / "rules").mkdir(parents=True)
        for path in (ROOT / "prometheus/rules").glob("*.yml"):
            (folder / "rules" / path.name).write_text(rules(path.read_text()))
        port = processes.free_port()
        text = (ROOT / "prometheus/prometheus.yml").read_text()
        text = text.replace("gateway:40114", f"127.0.0.1:{target}").replace("localhost:9090", f"127.0.0.1:{port}")
        text = text.replace("alertmanager:9093", f"127.0.0.1:{alertmanager}")
        text = re.sub(r"(scrape_interval|evaluation_interval): \d+s", r"\1: 1s" if name == "copy" else r"\1: 2s", text)
        text = re.sub(r"scrape_timeout: \d+s", "scrape_timeout: 1s" if name == "copy" else "scrape_timeout: 2s", text)
        if name == "copy":
            # Room for a scrape that takes more than a second.
            text = text.replace(
                "    scrape_interval: 1s\n    scrape_timeout: 1s", "    scrape_interval: 2s\n    scrape_timeout: 2s")
        (folder / "prometheus.yml").write_text(text)
        self.child(f"prometheus-{name}", [
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", "--enable-feature=exemplar-storage"])
        processes.wait_for(f"http://127.0.0.1:{port}/-/ready", self.children[-1], self.log(f"prometheus-{name}"))
        return Prometheus(name, port)

    def forget_gateway(self, forgotten: bool) -> None:
        """Takes the gateway out of the copy's targets, or puts it back."""
        path = self.folder / "copy/prometheus.yml"
        text = path.read_text()
        address = f'["127.0.0.1:{self.door.port}"]'
        path.write_text(text.replace(address, "[]") if forgotten else text.replace("targets: []", f"targets: {address}"))
        request = urllib.request.Request(self.copy.base + "/-/reload", method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def close(self) -> None:
        self.reads_log.set()
        self.quiet.released.set()
        self.let_go()
        for process in reversed(self.children):
            if process.poll() is None:
                if process is self.gateway:
                    os.kill(process.pid, signal.SIGCONT)
                processes.end(process)
