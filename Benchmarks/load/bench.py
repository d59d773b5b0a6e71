#!/usr/bin/env python3
"""Compares Glasspot with nginx and HAProxy side by side and writes RESULTS.md.

The proxy under test has one core for itself; load and backend share another. Rounds alternate between the
proxies and each result is the median of the rounds, so that a drift of the machine meets all alike. The cost
of a request is the processor time (user and system) of the proxy's own processes over the measured window,
divided by the requests completed in it: it doesn't depend on who else was busy.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import proxies

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.append(str(ROOT / "scripts"))

from processes import free_port  # noqa: E402 - after its folder is known

CHAT_PATH = proxies.PREFIX + "/v1/chat/completions"


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    members = [pid]
    for member in members:
        for task in pathlib.Path(f"/proc/{member}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                members += [int(child) for child in task.read_text().split()]
    return members


def cpu_seconds(pid: int) -> float:
    """Time on a processor, user and system, of a process with its children, all threads, ended ones too.

    To the nanosecond, as the kernel's clock of a process gives it: /proc/PID/stat counts hundredths of a second.
    """
    # What clock_getcpuclockid(3) computes: the complement of the id, and CPUCLOCK_SCHED.
    return sum(time.clock_gettime((~member << 3) | 2) for member in family(pid))


def memory_kb(pid: int, key: str) -> int:
    """A row of /proc/PID/status, such as VmRSS or VmHWM, summed over a process and its children."""
    total = 0
    for member in family(pid):
        for line in pathlib.Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                total += int(line.split()[1])
    return total


@contextlib.contextmanager
def running(process: subprocess.Popen):
    """Ends a process, and what it started, when the block is left."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_port(process: subprocess.Popen, port: int, limit: float = 10) -> float:
    """Seconds until a port takes connections."""
    start = time.perf_counter()
    while time.perf_counter() - start < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return time.perf_counter() - start
        if process.poll() is not None:
            sys.exit(f"{process.args} ended with {process.returncode} instead of listening on {port}")
        time.sleep(0.0005)
    sys.exit(f"{process.args} does not listen on {port}")


def wait_until_served(port: int, limit: float = 20, model: str = "bench") -> None:
    """Waits until a chat request is answered through the proxy: health and models are then known to it."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "ready?"}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{CHAT_PATH}", data=body, headers={"Content-Type": "application/json"})
    end = time.monotonic() + limit
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                if answer.status == 200 and answer.read():
                    return
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"no answer through port {port}: {error}")
        time.sleep(0.05)


class Bench:
    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        self.options = options
        self.folder = folder

    def on_load_core(self, command: list[str]) -> list[str]:
        return ["taskset", "-c", str(self.options.load_core), *command]

    def backend(self, command: list[str]) -> subprocess.Popen:
        with open(self.folder / "backend.out", "ab") as output:
            return subprocess.Popen(
                self.on_load_core(command), stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                start_new_session=True)

    def mock(self, port: int, gap_ms: float) -> subprocess.Popen:
        return self.backend(
            [self.options.mockllm, "serve", "--bench", "--port", str(port), "--gap-ms", str(gap_ms)])

    def wrk(self, port: int, seconds: int, script: str = "post.lua") -> dict:
        run = subprocess.run(
            self.on_load_core(
                ["wrk", "-t", "1", "-c", str(self.options.connections), "-d", f"{seconds}s",
                 "-s", str(HERE / script), f"http://127.0.0.1:{port}{CHAT_PATH}"]),
            capture_output=True, text=True, check=True)
        return json.loads(run.stdout.strip().splitlines()[-1])

    def posts(self, kind: type[proxies.Proxy]) -> dict:
        """One round of POST requests through a fresh proxy."""
        backend_port, port = free_port(), free_port()
        with running(self.backend(proxies.static_backend(self.folder, backend_port))) as backend:
            wait_for_port(backend, backend_port)
            with running(kind(self.folder, port, backend_port).start(self.options.core)) as proxy:
                wait_for_port(proxy, port)
                wait_until_served(port)
                self.wrk(port, self.options.warmup)
                before = cpu_seconds(proxy.pid)
                result = self.wrk(port, self.options.seconds)
                cpu = cpu_seconds(proxy.pid) - before
                if result["failed"]:
                    sys.exit(f"{kind.name}: {result['failed']} of {result['requests']} requests failed")
                return {
                    "post_us": cpu / result["requests"] * 1e6,
                    "requests_per_second": result["requests"] / result["duration_us"] * 1e6,
                    "post_p99_ms": result["p99_us"] / 1e3,
                    "peak_mb": memory_kb(proxy.pid, "VmHWM") / 1024,
                }

    def streams(self, kind: type[proxies.Proxy], count: int, gap_ms: float, seconds: float) -> dict:
        """One round of open streams through a fresh proxy."""
        backend_port, port = free_port(), free_port()
        with running(self.mock(backend_port, gap_ms)) as backend:
            wait_for_port(backend, backend_port)
            with running(kind(self.folder, port, backend_port).start(self.options.core)) as proxy:
                wait_for_port(proxy, port)
                wait_until_served(port)
                time.sleep(0.5)
                idle = memory_kb(proxy.pid, "VmRSS")
                before = cpu_seconds(proxy.pid)
                run = subprocess.run(
                    self.on_load_core(
                        [self.options.mockllm, "bench-sse", "--url", f"http://127.0.0.1:{port}{CHAT_PATH}",
                         "--streams", str(count), "--gap-ms", str(gap_ms), "--seconds", str(seconds)]),
                    capture_output=True, text=True)
                cpu = cpu_seconds(proxy.pid) - before
                if run.returncode != 0:
                    sys.exit(f"{kind.name}: streams broke: {run.stdout} {run.stderr}")
                report = json.loads(run.stdout.strip().splitlines()[-1])
                peak = memory_kb(proxy.pid, "VmHWM")
                return {
                    "event_us": cpu / report["events"] * 1e6,
                    "event_p99_ms": report["latency_ms"].get("p99", 0),
                    "stream_kb": (peak - idle) / count,
                }

    def start_time(self, kind: type[proxies.Proxy]) -> float:
        """Seconds from the start of the process to the first connection taken."""
        port = free_port()
        begin = time.perf_counter()
        with running(kind(self.folder, port, free_port()).start(self.options.core)) as proxy:
            wait_for_port(proxy, port)
            return time.perf_counter() - begin

    def run(self, kinds: list[type[proxies.Proxy]]) -> dict[str, dict[str, float]]:
        """All rounds, alternating; the median of each number."""
        rounds: dict[str, list[dict]] = {kind.name: [] for kind in kinds}
        for number in range(1, self.options.rounds + 1):
            for kind in kinds:
                result = self.posts(kind)
                result |= self.streams(
                    kind, self.options.streams, self.options.gap_ms, self.options.stream_seconds)
                result["stream_kb"] = self.streams(
                    kind, self.options.many_streams, 1000, 5)["stream_kb"]
                result["start_s"] = self.start_time(kind)
                rounds[kind.name].append(result)
                print(f"round {number} {kind.name}: " + json.dumps({k: round(v, 3) for k, v in result.items()}),
                      flush=True)
        return {
            name: {key: statistics.median(result[key] for result in results) for key in results[0]}
            for name, results in rounds.items()
        }


ROWS = [
    ("CPU per POST, µs", "post_us", "{:.1f}"),
    ("CPU per relayed SSE event, µs", "event_us", "{:.1f}"),
    ("POST/s at this load", "requests_per_second", "{:.0f}"),
    ("POST p99, ms", "post_p99_ms", "{:.2f}"),
    ("SSE event p99, ms", "event_p99_ms", "{:.2f}"),
    ("Peak memory at {connections} connections, MB", "peak_mb", "{:.1f}"),
    ("Memory per open stream at {many_streams} streams, KB", "stream_kb", "{:.1f}"),
    ("Start to listening, s", "start_s", "{:.3f}"),
]


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(medians: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    names = list(medians)
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for title, key, form in ROWS:
        cells = [form.format(medians[name][key]) for name in names]
        lines.append(f"| {title.format(**vars(options))} | " + " | ".join(cells) + " |")
    if "Glasspot" in medians:
        for title, key in (("POST", "post_us"), ("SSE event", "event_us")):
            base = medians["Glasspot"][key]
            cells = ["1.00" if n == "Glasspot" else f"{base / medians[n][key]:.2f}" for n in names]
            lines.append(f"| Glasspot's CPU per {title} ÷ this | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def document(medians: dict, kinds: list[type[proxies.Proxy]], options: argparse.Namespace, folder: pathlib.Path) -> str:
    command = (f"Benchmarks/load/bench.py --rounds {options.rounds} --seconds {options.seconds} "
               f"--stream-seconds {options.stream_seconds:g} --warmup {options.warmup}")
    versions = ", ".join(f"{kind.name} {kind(folder, 0, 0).version()}" for kind in kinds)
    return f"""# Side by side with nginx and HAProxy

Made by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}; lower is better but for POST/s.

{table(medians, options)}

## Method

- Machine: {processor()}, {os.cpu_count()} processors, Linux {platform.release()}. {versions}.
- The proxy has core {options.core} for itself (one event loop, worker or thread); load and backend share core
  {options.load_core}. All traffic is on loopback. Each number is the median of {options.rounds} rounds that
  alternate between the proxies; every measurement has a fresh process.
- All do the same: strip the prefix `{proxies.PREFIX}`, add a request id and forwarded headers, keep backend
  connections open, and write one JSON line per request to a file. Glasspot also routes by the model in the
  body and records all its metrics.
- POST: a 250-byte JSON chat request, a 330-byte JSON reply from an nginx that answers by itself,
  {options.connections} kept-alive connections by `wrk` for {options.seconds} s after {options.warmup} s of warm-up.
  CPU is user and system time of all threads and worker processes (their CPU-time clocks) over the window, divided by
  the requests completed. Any failed request fails the run.
- SSE: {options.streams} streams for {options.stream_seconds:g} s, an event every {options.gap_ms:g} ms in each, from
  `mockllm serve --bench` to `mockllm bench-sse`. CPU likewise, divided by the events relayed (opening the
  streams is included). The events of a stream differ in the text of the delta alone, as those of LLM servers do.
- Memory: the peak resident set of all its processes in the POST run; per stream, the rise of the peak over the
  idle resident set at {options.many_streams} streams with an event a second, divided by their number.
- Start: from starting the process to the first connection taken.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glasspot", default=str(ROOT / ".build/release/glasspot"), help="the gateway's binary")
    parser.add_argument("--mockllm", default=str(ROOT / ".build/release/mockllm"), help="the mock's binary")
    parser.add_argument("--proxies", default="glasspot,nginx,haproxy", help="which to run, in this order")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="length of a POST measurement")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=40)
    parser.add_argument("--stream-seconds", type=float, default=10)
    parser.add_argument("--many-streams", type=int, default=1000, help="open streams of the memory measurement")
    parser.add_argument("--core", type=int, default=0, help="the core of the proxy")
    parser.add_argument("--load-core", type=int, default=1, help="the core of load and backend")
    parser.add_argument("--out", default=str(HERE / "RESULTS.md"), help="where the table goes; - prints it only")
    options = parser.parse_args()

    proxies.Glasspot.binary = pathlib.Path(options.glasspot).resolve()
    options.mockllm = str(pathlib.Path(options.mockllm).resolve())
    kinds = [proxies.ALL[name] for name in options.proxies.split(",")]
    for binary in [options.mockllm] + [str(k.binary) for k in kinds if k is proxies.Glasspot]:
        if not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is missing: run `make build` first")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    with tempfile.TemporaryDirectory(prefix="glasspot-bench-") as name:
        folder = pathlib.Path(name)
        medians = Bench(options, folder).run(kinds)
        text = document(medians, kinds, options, folder)
    if options.out == "-":
        print(text)
    else:
        pathlib.Path(options.out).write_text(text)
        print(table(medians, options))
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()
