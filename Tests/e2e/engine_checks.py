"""The engine sherpa before a real llama.cpp: plain, and by HTTP/2 through nginx."""

import os
import subprocess
import urllib.parse

from client_checks import chat, chat_stream, openai_client
from harness import Checks, call, expect, expect_equal, free_port, wait_until
from world import LLAMA_MODEL, PATIENT_BREAKER, Gateway, World, endpoint

# nginx speaks HTTP/1.1 to llama.cpp and writes which protocol it was spoken to by.
FRONT = """\
daemon off;
worker_processes 1;
pid {folder}/h2-nginx.pid;
error_log {folder}/h2-nginx.error warn;
events {{ worker_connections 256; }}
http {{
  log_format protocol "$server_protocol $request_method $uri $status $connection";
  access_log {folder}/h2-access.log protocol;
  {temporary}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/h2.crt;
    ssl_certificate_key {folder}/h2.key;
    gzip on;
    gzip_proxied any;
    gzip_types application/json;
    location / {{
      proxy_pass http://{backend};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""


def run(checks: Checks, world: World) -> None:
    gateways: dict[str, Gateway] = {}
    checks.run("sherpa starts before llama.cpp, plain and by HTTP/2", lambda: _start(world, gateways))
    for name, gateway in gateways.items():
        checks.run(
            f"sherpa, {name}: the openai client gets what it gets directly",
            lambda gateway=gateway: _same(world, gateway),
        )
    if "HTTP/2" in gateways:
        checks.run(
            "sherpa speaks HTTP/2 to nginx over one connection, and its figures say so",
            lambda: _multiplexed(world, gateways["HTTP/2"]),
        )


def _start(world: World, gateways: dict[str, Gateway]) -> None:
    port = free_port()
    folder = world.folder
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", f"{folder}/h2.key", "-out", f"{folder}/h2.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    path = os.path.join(folder, "h2-nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            FRONT.format(
                folder=folder,
                port=port,
                backend=urllib.parse.urlsplit(world.llama_url).netloc,
                temporary=" ".join(f"{kind}_temp_path {folder}/h2-{kind};" for kind in kinds),
            )
        )
    world.process("h2-nginx", ["nginx", "-p", folder, "-c", path, "-e", f"{folder}/h2-nginx.error"])
    limits = "  response_header_timeout: 300s\n" + PATIENT_BREAKER
    trust = f"        tls: {{ca_file: {folder}/h2.crt}}\n"
    for name, url, more in (
        ("HTTP/1.1", world.llama_url, ""),
        ("HTTP/2", f"https://127.0.0.1:{port}", trust),
    ):
        entry = endpoint(url, "llama", "llamacpp", more=more)
        label = f"sherpa-{name.replace('/', '').lower()}"
        # Each event loop has connections of its own.
        server = "  event_loops: 1\n"
        gateway = world.gateway(label, [entry], limits, server=server, engine="sherpa")
        wait_until(lambda gateway=gateway: gateway.models() == [LLAMA_MODEL], "the model to be found")
        status = call(f"{gateway.url}/internal/status").json()
        expect_equal(status["proxy"]["engine"], "sherpa", "the engine by the status page")
        gateways[name] = gateway


def _same(world: World, gateway: Gateway) -> None:
    direct = openai_client(f"{world.llama_url}/v1")
    through = openai_client(f"{gateway.url}/olla/openai/v1")
    expect_equal(
        chat(through, LLAMA_MODEL).choices[0].message.content,
        chat(direct, LLAMA_MODEL).choices[0].message.content,
        "the whole answer",
    )
    text, usage, _ = chat_stream(through, LLAMA_MODEL)
    wanted, wanted_usage, _ = chat_stream(direct, LLAMA_MODEL)
    expect_equal(text, wanted, "the streamed answer")
    expect_equal(usage.completion_tokens, wanted_usage.completion_tokens, "output tokens")
    # Without a word about codings the gateway may ask for gzip, and nobody must notice.
    plain = gateway.call(
        "/olla/openai/v1/chat/completions", "POST",
        {"model": LLAMA_MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64},
    )  # fmt: skip
    expect_equal(plain.status, 200, "status without Accept-Encoding")
    expect(plain.json()["choices"][0]["message"]["content"], "the plain answer is empty")


def _multiplexed(world: World, gateway: Gateway) -> None:
    with open(os.path.join(world.folder, "h2-access.log"), encoding="utf-8") as file:
        lines = [line.split() for line in file]
    chats = [line for line in lines if line[2].endswith("/chat/completions")]
    expect(len(chats) >= 3, f"nginx saw {len(chats)} chats")
    expect_equal({line[0] for line in chats}, {"HTTP/2.0"}, "the protocol nginx was asked by")
    expect_equal(len({line[4] for line in chats}), 1, "connections that carried chats")
    page = gateway.metrics()
    expect(
        'glasspot_upstream_connections_total{endpoint="llama",result="opened"} 1' in page,
        "the page does not say that one connection was opened",
    )
