"""The proxies that are compared: how each is configured and started, alone on its core.

Every one does the same work: it takes requests under /olla/openai/, strips that prefix, adds a request id
and the forwarded headers, keeps connections to the backend open, and writes one JSON line per request to a
file.
"""
import json
import os
import pathlib
import subprocess
from collections.abc import Callable

PREFIX = "/olla/openai"


class Proxy:
    """One proxy under test: writes its configuration into a folder and knows its command line."""

    name = ""

    def __init__(self, folder: pathlib.Path, port: int, backend: int):
        self.folder = folder
        self.port = port
        self.backend = backend
        self.log = folder / f"{self.name}.log"

    def command(self) -> list[str]:
        """Writes the configuration and returns the command that runs in the foreground."""
        raise NotImplementedError

    def version(self) -> str:
        """The version as the program tells it."""
        raise NotImplementedError

    def start(self, core: int) -> subprocess.Popen:
        """Starts it on one core; its standard output is the log, as far as it writes one there."""
        with open(self.log, "ab") as log, open(self.folder / f"{self.name}.err", "ab") as errors:
            return subprocess.Popen(
                ["taskset", "-c", str(core), *self.command()],
                stdout=log, stderr=errors, stdin=subprocess.DEVNULL, cwd=self.folder,
                env={**os.environ, "GLASSPOT_EVENT_LOOPS": "1"}, start_new_session=True)


class Nginx(Proxy):
    name = "nginx"

    def command(self) -> list[str]:
        fields = {
            "timestamp": "$time_iso8601", "request_id": "$request_id", "remote_addr": "$remote_addr",
            "method": "$request_method", "path": "$uri", "query": "$args", "status": "$status",
            "request_bytes": "$request_length", "response_bytes": "$body_bytes_sent",
            "duration": "$request_time", "connect": "$upstream_connect_time",
            "wait": "$upstream_header_time", "upstream": "$upstream_response_time",
            "endpoint": "$upstream_addr", "user_agent": "$http_user_agent",
            "content_type": "$content_type", "accept": "$http_accept",
        }
        line = ",".join(f'"{key}":"{value}"' for key, value in fields.items())
        path = self.folder / "nginx.conf"
        path.write_text(f"""
daemon off;
user root;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/nginx.error warn;
events {{ worker_connections 8192; }}
http {{
  log_format line escape=json '{{{line}}}';
  access_log {self.log} line;
  client_body_temp_path {self.folder}/nginx-body;
  proxy_temp_path {self.folder}/nginx-proxy;
  fastcgi_temp_path {self.folder}/nginx-fastcgi;
  uwsgi_temp_path {self.folder}/nginx-uwsgi;
  scgi_temp_path {self.folder}/nginx-scgi;
  keepalive_requests 100000000;
  upstream backend {{ server 127.0.0.1:{self.backend}; keepalive 2048; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location {PREFIX}/ {{
      proxy_pass http://backend/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
""")
        return ["nginx", "-p", str(self.folder), "-c", str(path), "-e", str(self.folder / "nginx.error")]

    def version(self) -> str:
        return subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().split("/")[-1]


class HAProxy(Proxy):
    name = "HAProxy"

    def command(self) -> list[str]:
        fields = {
            "timestamp": "%trl", "request_id": "%ID", "remote_addr": "%ci", "method": "%HM", "path": "%HPO",
            "query": "%HQ", "status": "%ST", "request_bytes": "%U", "response_bytes": "%B",
            "duration": "%Ta", "connect": "%Tc", "wait": "%Tr", "endpoint": "%s", "state": "%tsc",
            "user_agent": "%[capture.req.hdr(0),json]", "content_type": "%[capture.req.hdr(1),json]",
            "accept": "%[capture.req.hdr(2),json]",
        }
        line = ",".join(f'"{key}":"{value}"' for key, value in fields.items()).replace('"', '\\"')
        path = self.folder / "haproxy.cfg"
        path.write_text(f"""
global
  nbthread 1
  maxconn 8192
  log stdout len 4096 format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option http-keep-alive
  http-reuse always
frontend entry
  bind 127.0.0.1:{self.port} backlog 4096
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-request capture req.hdr(User-Agent) len 64
  http-request capture req.hdr(Content-Type) len 64
  http-request capture req.hdr(Accept) len 64
  http-request replace-path {PREFIX}(/.*) \\1
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  log-format "{{{line}}}"
  default_backend backend
backend backend
  server one 127.0.0.1:{self.backend} pool-max-conn 2048
""")
        return ["haproxy", "-db", "-f", str(path)]

    def version(self) -> str:
        text = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout
        return text.split()[2].split("-")[0]


class Glasspot(Proxy):
    name = "Glasspot"
    binary = pathlib.Path(".build/release/glasspot")

    def endpoints(self) -> dict[str, int]:
        """The endpoints by name, with their ports."""
        return {"bench": self.backend}

    def command(self) -> list[str]:
        endpoints = "".join(f"""
      - url: "http://127.0.0.1:{port}"
        name: "{name}"
        type: "openai-compatible"
        priority: 100
        health_check_url: "/v1/models"
        model_url: "/v1/models"
        check_interval: 5s
        check_timeout: 2s""" for name, port in self.endpoints().items())
        path = self.folder / "glasspot.yaml"
        path.write_text(f"""
server:
  host: "127.0.0.1"
  port: {self.port}
  request_logging: true
  event_loops: 1
  rate_limits:
    global_requests_per_minute: 0
    per_ip_requests_per_minute: 0
    health_requests_per_minute: 0
discovery:
  type: "static"
  static:
    endpoints:{endpoints}
logging:
  level: "info"
  format: "json"
  output: "stdout"
""")
        return [str(self.binary), "-c", str(path)]

    def version(self) -> str:
        run = subprocess.run([str(self.binary), "--version"], capture_output=True, text=True)
        words = run.stdout.split()
        return words[1].rstrip(":") if len(words) > 1 else "unknown"


ALL = {proxy.name.lower(): proxy for proxy in (Glasspot, Nginx, HAProxy)}


def static_backend(
    folder: pathlib.Path, *ports: int, models: Callable[[int], list[str]] = lambda number: ["bench"]
) -> list[str]:
    """The command of an nginx that answers every request by itself with a chat completion of 330 bytes.

    It listens on every port and lists there the models of that port's number.
    """
    reply = (
        '{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":'
        '[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":23,"completion_tokens":17,"total_tokens":40}}')
    reply %= "I see water, bubbles, and then steam. " + "x" * (330 - len(reply) + 2 - 38)
    servers = ""
    for number, port in enumerate(ports):
        data = [{"id": model, "object": "model", "owned_by": "bench"} for model in models(number)]
        listing = json.dumps({"object": "list", "data": data}, separators=(",", ":"))
        servers += f"""
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /v1/models {{ return 200 '{listing}'; }}
    location / {{ return 200 '{reply}'; }}
  }}"""
    path = folder / "backend.conf"
    path.write_text(f"""
daemon off;
user root;
worker_processes 1;
pid {folder}/backend.pid;
error_log {folder}/backend.error warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/backend-body;
  proxy_temp_path {folder}/backend-proxy;
  fastcgi_temp_path {folder}/backend-fastcgi;
  uwsgi_temp_path {folder}/backend-uwsgi;
  scgi_temp_path {folder}/backend-scgi;
  keepalive_requests 100000000;
  default_type application/json;{servers}
}}
""")
    return ["nginx", "-p", str(folder), "-c", str(path), "-e", str(folder / "backend.error")]
