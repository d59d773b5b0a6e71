#!/usr/bin/env python3
"""Measures what 10,000 idle and 1,000 slow-header connections cost everybody else, and writes IDLE.md.

A client with 8 connections sends requests at a fixed rate and notes each one's time; rounds with and without the crowd
alternate, so that a drift of the machine meets both alike. On a busy machine start it with `chrt -r 1`. An idle connection has served one request, or none; a slow
one sends its head a byte a second and never ends it. Whatever the gateway closes meanwhile is opened again.
"""
import argparse
import contextlib
import multiprocessing
import os
import pathlib
import platform
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import bench
import proxies

HERE = pathlib.Path(__file__).resolve().parent
BODY = b'{"model":"bench","messages":[{"role":"user","content":"Tell me what happens when water boils."}]}'
POST = (
    b"POST " + bench.CHAT_PATH.encode() + b" HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
)
SLOW = b"GET /version HTTP/1.1\r\nHost: gateway\r\nX-Slow: " + b"a" * 4_000
LIMIT = 1.2


def connect(port: int) -> socket.socket:
    """A connection that does not wait for more to send."""
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def answered(client: socket.socket) -> None:
    """Reads one answer whole; anything but 200 fails."""
    data = client.recv(65536)
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head[:100])
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            missing = int(line.split(b":")[1]) - len(body)
            while missing > 0:
                missing -= len(client.recv(missing))
            return
    raise RuntimeError(f"no length: {head!r}")


def measure(port: int, rate: float, seconds: float) -> list[float]:
    """Sends requests at a fixed rate and returns their times in ms, counted from when each was due.

    Counting from there charges a stall to every request that it held up.
    """
    clients = [connect(port) for _ in range(8)]
    times = []
    start = time.perf_counter() + 0.1
    for number in range(int(rate * seconds)):
        due = start + number / rate
        while (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        client = clients[number % len(clients)]
        client.sendall(POST)
        answered(client)
        times.append((time.perf_counter() - due) * 1000)
    for client in clients:
        client.close()
    return times


class Crowd:
    """The idle and the slow connections, in one process."""

    def __init__(self, port: int, idle: int, slow: int) -> None:
        self.port = port
        self.idle = [self.one_idle(number) for number in range(idle)]
        self.slow = [[connect(port), 0] for _ in range(slow)]
        self.reopened = 0

    def one_idle(self, number: int) -> socket.socket:
        client = connect(self.port)
        if number % 2:
            client.sendall(b"GET /internal/health HTTP/1.1\r\nHost: gateway\r\n\r\n")
            answered(client)
        return client

    def hold(self, commands) -> None:
        """Lets every slow connection send a byte a second until a command comes."""
        share = max(1, len(self.slow) // 50)
        place = 0
        selector = selectors.DefaultSelector()
        for number, client in enumerate(self.idle):
            selector.register(client, selectors.EVENT_READ, number)
        while not commands.poll(1 / 50):
            for entry in self.slow[place : place + share]:
                try:
                    entry[0].sendall(SLOW[entry[1] : entry[1] + 1])
                    entry[1] += 1
                except OSError:
                    self.reopened += 1
                    entry[:] = [connect(self.port), 0]
            place = (place + share) % max(1, len(self.slow))
            for key, _ in selector.select(0):
                selector.unregister(key.fileobj)
                key.fileobj.close()
                self.reopened += 1
                self.idle[key.data] = self.one_idle(key.data)
                selector.register(self.idle[key.data], selectors.EVENT_READ, key.data)

    def close(self) -> None:
        for client in self.idle + [entry[0] for entry in self.slow]:
            client.close()


def crowd(port: int, idle: int, slow: int, commands) -> None:
    """The process of the crowd: says when it stands, and ends at a command."""
    people = Crowd(port, idle, slow)
    commands.send("ready")
    people.hold(commands)
    people.close()
    commands.send(people.reopened)


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def busy_seconds() -> float:
    """Processor time of the whole machine since it started, idling left out."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return (sum(map(int, fields)) - int(fields[3]) - int(fields[4])) / os.sysconf("SC_CLK_TCK")


def run(options: argparse.Namespace) -> dict:
    """All rounds against a fresh gateway."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="glasspot-idle-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        backend = bench.free_port()
        server = subprocess.Popen(proxies.static_backend(folder, backend))
        stack.callback(server.wait)
        stack.callback(server.terminate)
        proxies.Glasspot.binary = pathlib.Path(options.glasspot).resolve()
        gateway = proxies.Glasspot(folder, bench.free_port(), backend)
        child = subprocess.Popen(
            gateway.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        stack.callback(child.wait)
        stack.callback(child.terminate)
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/internal/ready", timeout=1):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        measure(gateway.port, options.rate, 2)
        alone: list[list[float]] = []
        beside: list[list[float]] = []
        reopened = 0
        memory = [bench.memory_kb(child.pid, "VmRSS"), 0]
        busy, started = busy_seconds(), time.monotonic()
        for _ in range(options.rounds):
            alone.append(measure(gateway.port, options.rate, options.seconds))
            ours, theirs = context.Pipe()
            people = context.Process(target=crowd, args=(gateway.port, options.idle, options.slow, theirs))
            people.start()
            assert ours.recv() == "ready"
            beside.append(measure(gateway.port, options.rate, options.seconds))
            memory[1] = max(memory[1], bench.memory_kb(child.pid, "VmRSS"))
            ours.send("stop")
            reopened += ours.recv()
            people.join()
            time.sleep(1)
        return {
            "alone": alone, "beside": beside, "reopened": reopened, "memory": memory,
            "busy": (busy_seconds() - busy) / (time.monotonic() - started) / (os.cpu_count() or 1),
        }


def report(found: dict, options: argparse.Namespace) -> tuple[str, bool]:
    """The document, and whether the promise is kept."""
    rows = []
    for share in (0.5, 0.9, 0.99):
        before = statistics.median(percentile(times, share) for times in found["alone"])
        during = statistics.median(percentile(times, share) for times in found["beside"])
        rows.append((f"p{share * 100:g}, ms", before, during))
    ratio = rows[-1][2] / rows[-1][1]
    lines = [
        "# Idle and slow connections", "",
        f"Made by `Benchmarks/load/idle.py --rounds {options.rounds} --seconds {options.seconds:g}` on "
        f"{time.strftime('%Y-%m-%d')}: {options.rate:g} requests per second over 8 connections, alone and beside "
        f"{options.idle:,} idle connections and {options.slow:,} that send their head a byte a second.", "",
        "| | alone | beside the crowd | ratio |", "|---|---:|---:|---:|",
    ]
    lines += [f"| {name} | {before:.2f} | {during:.2f} | {during / before:.2f} |" for name, before, during in rows]
    each = (found["memory"][1] - found["memory"][0]) / (options.idle + options.slow)
    lines += [
        "", f"The promise: p99 beside the crowd is within {LIMIT - 1:.0%} of p99 alone. "
        + ("Kept." if ratio <= LIMIT else "**Not kept in this run.**"), "",
        f"- Median of {options.rounds} rounds that alternate; a request's time counts from when it was due.",
        f"- Machine: {platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}; client, crowd, "
        f"backend (nginx) and gateway share them. They were {found['busy']:.0%} busy over the whole run, load of "
        f"others included (load average at its end: {os.getloadavg()[0]:.1f})."
        + (" All parts ran with real-time priority (`chrt -r 1`), before whatever else the machine did."
           if os.sched_getscheduler(0) == os.SCHED_RR else ""),
        f"- Memory of the gateway: {found['memory'][0] / 1024:.1f} MB alone, {found['memory'][1] / 1024:.1f} MB "
        f"beside the crowd, {each:.1f} KB a connection.",
        f"- Connections that the gateway's time limits closed and the crowd opened again: {found['reopened']}.",
        "- Each round's p99, ms: alone " + ", ".join(f"{percentile(times, 0.99):.2f}" for times in found["alone"])
        + "; beside " + ", ".join(f"{percentile(times, 0.99):.2f}" for times in found["beside"]) + ".",
    ]
    return "\n".join(lines) + "\n", ratio <= LIMIT


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glasspot", default=str(bench.ROOT / ".build/release/glasspot"))
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--output", default=str(HERE / "IDLE.md"), help="where the figures go; - prints them")
    options = parser.parse_args()
    needed = options.idle + options.slow + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            parser.error(f"needs {needed} descriptors, and may have {hard}: see `ulimit -n`")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    text, kept = report(run(options), options)
    if options.output == "-":
        print(text)
    else:
        pathlib.Path(options.output).write_text(text, encoding="utf-8")
        print(text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
