"""Everything the checks run against: backends, gateways, Prometheus."""

import json
import os
import sys
import urllib.parse

from harness import Mock, Process, Sent, call, expect_equal, free_port, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))

LLAMA_MODEL = "smollm2"
OLLAMA_MODEL = "llama3.2:3b"
OLLAMA_EMBED_MODEL = "nomic-embed-text:v1.5"
VLLM_MODEL = "mock-chat"
TWIN_MODEL = "twin-chat"

SERVER = """\
server:
  host: "127.0.0.1"
  port: {port}
  shutdown_timeout: 20s
{server}  rate_limits:
    global_requests_per_minute: 0
    per_ip_requests_per_minute: 0
proxy:
  engine: "{engine}"
  load_balancer: "priority"
{proxy}
discovery:
  type: "static"
  model_discovery:
    enabled: true
    interval: 30s
    timeout: 10s
    concurrent_workers: 5
  static:
    endpoints:
{endpoints}
logging:
  level: "info"
  format: "json"
  output: "stdout"
"""

ENDPOINT = """\
      - url: "{url}"
        name: "{name}"
        type: "{type}"
        priority: {priority}
        check_interval: 1s
        check_timeout: 900ms
{more}"""

PROMETHEUS = """\
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: glasspot
    metrics_path: /internal/metrics
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Gateway:
    """A gateway process with a generated configuration."""

    def __init__(
        self, binary: str, name: str, folder: str, endpoints: list[dict], proxy: str, more: str,
        server: str = "", engine: str = "olla",
    ) -> None:  # fmt: skip
        self.port = free_port()
        self.name = name
        self.folder = folder
        self.starts = 0
        self.url = f"http://127.0.0.1:{self.port}"
        self.sent = Sent()
        path = os.path.join(folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                SERVER.format(
                    port=self.port,
                    server=server,
                    proxy=proxy,
                    engine=engine,
                    endpoints="".join(ENDPOINT.format(**endpoint) for endpoint in endpoints),
                )
                + more
            )
        self.command = [binary, "-c", path]
        self.start()

    def start(self) -> None:
        """Starts the process, again after it has ended, and waits until it is ready."""
        self.starts += 1
        name = self.name if self.starts == 1 else f"{self.name}-{self.starts}"
        self.process = Process(name, self.command, self.folder)
        self.process.wait_for(self.is_ready, "ready", 60)

    def is_ready(self) -> bool:
        return call(f"{self.url}/internal/ready", timeout=5).status == 200

    def models(self) -> list[str]:
        """Every model of the OpenAI-capable endpoints; not counted as sent."""
        answer = call(f"{self.url}/olla/proxy/v1/models", timeout=5)
        self.sent.count("/olla/proxy/v1/models")
        return [entry["id"] for entry in answer.json()["data"]]

    def call(self, path: str, method: str = "GET", body: object = None, **options: object):
        """Sends one plain request and counts it as sent."""
        self.sent.count(urllib.parse.urlsplit(path).path)
        return call(self.url + path, method, body, **options)

    def metrics(self) -> str:
        answer = call(f"{self.url}/internal/metrics", timeout=10)
        expect_equal(answer.status, 200, "status of /internal/metrics")
        return answer.body.decode()

    def log_lines(self) -> list[str]:
        """The whole lines written to standard output so far."""
        return self.process.out().split("\n")[:-1]

    def access_line(self, request_id: str) -> dict:
        """The access log line of one request, waited for."""

        def find() -> dict | None:
            for line in self.log_lines():
                if request_id in line:
                    record = json.loads(line)
                    if record.get("msg") == "Access log" and record["request_id"] == request_id:
                        return record
            return None

        return wait_until(find, f"the access log line of {request_id}", 5)


class Prometheus:
    """A Debian Prometheus that scrapes one gateway every second."""

    def __init__(
        self, folder: str, gateway_port: int, name: str = "prometheus", feature: str = ""
    ) -> None:
        path = os.path.join(folder, f"{name}.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(PROMETHEUS.format(port=gateway_port))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(
            name,
            [
                "prometheus",
                f"--config.file={path}",
                f"--storage.tsdb.path={os.path.join(folder, f'{name}-tsdb')}",
                f"--web.listen-address=127.0.0.1:{port}",
                *([f"--enable-feature={feature}"] if feature else []),
            ],
            folder,
        )
        self.process.wait_for(
            lambda: call(f"{self.url}/-/ready", timeout=5).status == 200, "ready", 60
        )

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The value of an instant query by label set."""
        answer = call(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        document = answer.json()
        expect_equal(document["status"], "success", f"query {expression}")
        return {
            tuple(sorted(entry["metric"].items())): float(entry["value"][1])
            for entry in document["data"]["result"]
        }

    def value(self, expression: str) -> float:
        """The one value of an instant query; 0 when there is none."""
        values = list(self.query(expression).values())
        return sum(values)


class World:
    """Starts everything in order and ends it in the opposite one."""

    def __init__(self, glasspot: str, mockllm: str, folder: str) -> None:
        self.glasspot = glasspot
        self.mockllm = mockllm
        self.folder = folder
        self.processes: list[Process] = []
        self.gateways: list[Gateway] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def mock(self, name: str, kind: str, *options: str) -> Mock:
        """Starts one more mock."""
        mock = Mock(self.mockllm, name, self.folder, kind, *options)
        self.processes.append(mock.process)
        return mock

    def gateway(
        self, name: str, endpoints: list[dict], proxy: str = "", more: str = "", server: str = "",
        engine: str = "olla",
    ) -> Gateway:  # fmt: skip
        """Starts one more gateway; `more` are further sections of its configuration, `proxy` and
        `server` further lines of these sections."""
        gateway = Gateway(self.glasspot, name, self.folder, endpoints, proxy, more, server, engine)
        self.gateways.append(gateway)
        return gateway

    def process(self, name: str, command: list[str]) -> Process:
        """Starts one more process."""
        process = Process(name, command, self.folder)
        self.processes.append(process)
        return process

    def _start(self) -> None:
        print("# starting llama.cpp with SmolLM2, mocks, gateways, Prometheus", flush=True)
        port = free_port()
        self.llama_url = f"http://127.0.0.1:{port}"
        script = os.path.join(HERE, "llama_server.py")
        self.llama = Process(
            "llama", [sys.executable, script, str(port), LLAMA_MODEL], self.folder
        )
        self.processes.append(self.llama)
        self.ollama = self.mock(
            "ollama", "ollama", "--model", OLLAMA_MODEL, "--model", OLLAMA_EMBED_MODEL,
            "--ttft-ms", "30", "--gap-ms", "5", "--seed", "7",
        )  # fmt: skip
        self.vllm = self.mock(
            "vllm", "vllm", "--model", VLLM_MODEL, "--ttft-ms", "10", "--gap-ms", "5",
        )  # fmt: skip
        self.first = self.mock("twin-a", "vllm", "--model", TWIN_MODEL, "--gap-ms", "2")
        self.second = self.mock("twin-b", "vllm", "--model", TWIN_MODEL, "--gap-ms", "2")
        self.llama.wait_for(
            lambda: call(f"{self.llama_url}/health", timeout=5).status == 200, "healthy", 180
        )
        self.main = self.gateway(
            "gateway",
            [
                endpoint(self.llama_url, "llama", "llamacpp"),
                endpoint(self.ollama.url, "ollama", "ollama"),
                endpoint(self.vllm.url, "vllm", "vllm"),
            ],
            # A small model on a busy machine may take its time.
            "  response_header_timeout: 300s\n" + PATIENT_BREAKER,
        )
        self.twins = self.gateway(
            "gateway-twins",
            [
                endpoint(self.first.url, "twin-a", "vllm", 100),
                endpoint(self.second.url, "twin-b", "vllm", 50),
            ],
            "  response_header_timeout: 1s\n  retry:\n    on_header_timeout: true\n" + PATIENT_BREAKER,
        )
        for gateway, count in ((self.main, 4), (self.twins, 1)):
            wait_until(
                lambda gateway=gateway, count=count: len(gateway.models()) >= count,
                f"{gateway.process.name}: models to be discovered",
                30,
                0.2,
            )
        self.prometheus = Prometheus(self.folder, self.main.port)
        self.processes.append(self.prometheus.process)

    def stop(self) -> None:
        """Ends every process that was started, by its id."""
        for gateway in reversed(self.gateways):
            gateway.process.kill()
        for process in reversed(self.processes):
            process.kill()


# The faults of many checks come one after the other: the breaker has tests of its own.
PATIENT_BREAKER = "  breaker: {consecutive_failures: 1000, min_attempts: 100000}\n"


def endpoint(url: str, name: str, type: str, priority: int = 100, more: str = "") -> dict:
    """The settings of one endpoint; `more` are further lines of its entry."""
    return {"url": url, "name": name, "type": type, "priority": priority, "more": more}
