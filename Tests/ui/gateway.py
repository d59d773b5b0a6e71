"""The gateway that the page shows: three backends, one of them faulty, one that is down, and steady traffic."""

import json
import os
import re
import urllib.parse

from harness import Mock, Process, call, free_port, wait_until

CONFIGURATION = """\
server:
  host: "127.0.0.1"
  port: {port}
  rate_limits:
    global_requests_per_minute: 0
    per_ip_requests_per_minute: 0
proxy:
  load_balancer: "least-connections"
  retry:
    max_attempts: 1
discovery:
  type: "static"
  model_discovery:
    enabled: true
    interval: 30s
    timeout: 5s
  static:
    endpoints:
{endpoints}
dashboard:
  access_policy:
    allowed_cidrs: ["127.0.0.0/8"]
    allowed_hosts: ["localhost"]
"""

ENDPOINT = """\
      - url: "{url}"
        name: "{name}"
        type: "{type}"
        priority: 100
        check_interval: 1s
        check_timeout: 900ms
"""

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Gateway:
    """Backends, gateway and load, with plain ways to ask them."""

    def __init__(self, glasspot: str, mockllm: str, folder: str) -> None:
        self.glasspot = glasspot
        self.mockllm = mockllm
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.processes: list[Process] = []

    def start(self) -> None:
        """Starts everything and waits until every model is known."""
        backends = [
            ("gpu-a100", "vllm", ["--model", "llama-3.3-70b", "--model", "qwen2.5-7b", "--ttft-ms", "180"]),
            ("gpu-l4", "vllm", ["--model", "qwen2.5-7b", "--ttft-ms", "70", "--fault-odds", "500@0.12"]),
            ("workstation", "ollama", ["--model", "llama3.2:3b", "--ttft-ms", "110"]),
        ]
        endpoints = ""
        for seed, (name, kind, options) in enumerate(backends, start=1):
            pacing = ["--gap-ms", "18", "--jitter", "0.4", "--seed", str(seed)]
            mock = Mock(self.mockllm, name, self.folder, kind, *options, *pacing)
            self.processes.append(mock.process)
            endpoints += ENDPOINT.format(url=mock.url, name=name, type=kind)
        endpoints += ENDPOINT.format(url=f"http://127.0.0.1:{free_port()}", name="mac-mini", type="lm-studio")
        path = os.path.join(self.folder, "gateway.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(port=self.port, endpoints=endpoints))
        process = Process("glasspot", [self.glasspot, "-c", path], self.folder, GLASSPOT_EVENT_LOOPS="2")
        self.processes.append(process)
        process.wait_for(lambda: len(self.json("/internal/status/models")["models_by_family"]) > 0, "models", 40)
        wait_until(lambda: self.json("/internal/status/models")["total_models"] == 3, "three models", 40)
        self.load = Process(
            "load",
            [self.mockllm, "load", "--url", self.url, "--rate", "7",
             "--target", "openai=/olla/openai=llama-3.3-70b,qwen2.5-7b",
             "--target", "ollama=/olla/ollama=llama3.2:3b"],
            self.folder,
        )
        self.processes.append(self.load)

    def stop(self) -> None:
        """Ends everything, the load first."""
        for process in reversed(self.processes):
            process.kill()

    def stop_load(self) -> None:
        """Ends the traffic, so that counters stand still."""
        self.load.kill()

    def json(self, path: str) -> dict:
        """A JSON answer of the gateway."""
        return json.loads(call(f"http://127.0.0.1:{self.port}{path}").body)

    def metrics(self) -> list[tuple[str, dict[str, str], float]]:
        """The samples of the metrics page."""
        body = call(f"http://127.0.0.1:{self.port}/internal/metrics").body.decode()
        samples = []
        for line in body.splitlines():
            match = SAMPLE.match(line)
            if match:
                samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))
        return samples

    def requests(self) -> float:
        """Requests of clients since start."""
        return sum(
            value
            for name, labels, value in self.metrics()
            if name == "glasspot_requests_total" and labels["route"] != "internal"
        )

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.url).netloc
