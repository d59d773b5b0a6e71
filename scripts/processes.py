"""Starting and ending the processes that a check needs, on loopback."""
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

# Below those that the system gives to outgoing connections, which could take one between our look and its use.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    sys.exit("no free port")


def start(command: list[str], output, errors=subprocess.STDOUT, **environment: str) -> subprocess.Popen:
    """Starts a command in a process group of its own, its output to a file or descriptor, its errors with it or apart."""
    return subprocess.Popen(
        command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment}, start_new_session=True)


def end(process: subprocess.Popen) -> None:
    """SIGTERM, then SIGKILL, to a process and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def running(command: list[str], log: str, errors: str | None = None, **environment: str):
    """Runs a command, its output in a file, its errors in it or in another, and ends it when the block is left."""
    with open(log, "wb") as output, open(errors or log, "ab") as error_output:
        process = start(command, output, error_output if errors else subprocess.STDOUT, **environment)
    try:
        yield process
    finally:
        end(process)


def wait_for(url: str, process: subprocess.Popen, log: str, limit: float = 30) -> None:
    """Waits until a URL answers with 200; ends the check when the process dies or the time is over."""
    end_time = time.monotonic() + limit
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > end_time:
            with open(log, errors="replace") as output:
                sys.stderr.write(output.read()[-4000:])
            sys.exit(f"{url} does not answer")
        time.sleep(0.1)


def get(url: str, timeout: float = 10) -> str:
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()
