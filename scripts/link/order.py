#!/usr/bin/env python3
"""Puts the functions of the release in the order in which they are used: writes functions.order for the linker.

The program has some 27 MB of code, of which 3 MB ever run. The kernel maps 64 KB around each page that is touched
(fault_around_bytes), so scattered functions cost many times their size in resident memory. This runs the release under
callgrind: first start and warm-up, then requests and streams, then the pages; what requests need comes first, each
function behind its busiest caller (the call-chain clustering of Ottoni and Maher, "Optimizing function placement for
large-scale data-center applications", CGO 2017), then what pages and start need. A name that no longer exists is
ignored by the linker; `--check` fails when too many are stale.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ORDER = HERE / "functions.order"
sys.path.append(str(ROOT / "Benchmarks/load"))

import bench  # noqa: E402 - after its folder is known
import proxies  # noqa: E402

# Clusters above this would push the next ones off the page (and 64 KB window) of their neighbours for little.
CLUSTER_BYTES_MAX = 16_384
# Below this share of names that the program still has, the order is worth making again.
FRESH_MIN = 0.75
CHAT = {"model": "bench", "messages": [{"role": "user", "content": "Is the kettle on?"}]}


class Profile:
    """What ran between two dumps: instructions of each function of the program itself, and who called whom."""

    def __init__(self, path: pathlib.Path, binary: str):
        self.cost: collections.Counter[str] = collections.Counter()
        self.calls: collections.Counter[tuple[str, str]] = collections.Counter()
        owner = callee_owner = function = callee = ""
        is_call = False
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            if key == "ob":
                owner = value
            elif key == "cob":
                callee_owner = value
            elif key == "fn":
                # 'N marks the N-th level of a recursion.
                function, callee_owner = re.sub(r"'\d+$", "", value), ""
            elif key == "cfn":
                callee = re.sub(r"'\d+$", "", value)
            elif key == "calls":
                if binary in owner and (not callee_owner or binary in callee_owner):
                    self.calls[function, callee] += int(value.split()[0])
                is_call, callee_owner = True, ""
            elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
                # The line behind a call counts what the callee did.
                if not is_call and binary in owner:
                    self.cost[function] += int(line.split()[1])
                is_call = False


def cluster(profile: Profile, sizes: dict[str, int]) -> list[str]:
    """Its functions, each behind its busiest caller, the densest clusters first."""
    functions = [name for name in profile.cost if name in sizes]
    known = set(functions)
    busiest: dict[str, tuple[int, str]] = {}
    for (caller, callee), count in profile.calls.items():
        if caller != callee and caller in known and callee in known:
            busiest[callee] = max(busiest.get(callee, (0, "")), (count, caller))
    home = {name: name for name in functions}
    members = {name: [name] for name in functions}
    size = {name: sizes[name] for name in functions}
    cost = {name: profile.cost[name] for name in functions}
    for name in sorted(functions, key=lambda name: -profile.cost[name] / max(sizes[name], 1)):
        if name not in busiest:
            continue
        caller, own = home[busiest[name][1]], home[name]
        if caller == own or members[own][0] != name or size[caller] + size[own] > CLUSTER_BYTES_MAX:
            continue
        for member in members[own]:
            home[member] = caller
        members[caller] += members.pop(own)
        size[caller] += size.pop(own)
        cost[caller] += cost.pop(own)
    return [name for first in sorted(members, key=lambda first: -cost[first] / max(size[first], 1))
            for name in members[first]]


def symbols(binary: pathlib.Path) -> tuple[dict[str, int], collections.Counter[str]]:
    """The functions of a program: their sizes, and how many of that name there are (each module has its helpers)."""
    sizes: dict[str, int] = {}
    count: collections.Counter[str] = collections.Counter()
    listing = subprocess.run(["nm", "-S", str(binary)], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwW":
            sizes.setdefault(fields[3], int(fields[1], 16))
            count[fields[3]] += 1
    return sizes, count


def sharing() -> set[str]:
    """Functions of the toolchain's libraries that share one section with others: naming one moves all of them."""
    target = json.loads(subprocess.run(
        ["swiftc", "-print-target-info", "-static-stdlib"], capture_output=True, text=True, check=True).stdout)
    folder = pathlib.Path(target["paths"]["runtimeResourcePath"]) / "linux"
    names = set()
    for library in folder.glob("*.a"):
        listing = subprocess.run(["objdump", "-t", str(library)], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            fields = line.split()
            if len(fields) >= 5 and ".text" in fields:
                names.add(fields[-1])
    return names


def ask(port: int, path: str, body: dict | None = None, **headers: str) -> None:
    """One request; any answer will do."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


def requests(runner: bench.Bench, port: int) -> None:
    """What the data path is there for."""
    runner.wrk(port, 3)
    subprocess.run(
        [runner.options.mockllm, "bench-sse", "--url", f"http://127.0.0.1:{port}{bench.CHAT_PATH}",
         "--streams", "20", "--gap-ms", "40", "--seconds", "5"], check=True, stdout=subprocess.DEVNULL)


def pages(port: int) -> None:
    """What is asked for now and then."""
    accept = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0",
              "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
    for kind in accept:
        ask(port, "/internal/metrics", Accept=kind)
        ask(port, "/internal/metrics", **{"Accept": kind, "Accept-Encoding": "gzip"})
    for path in ("/internal/status", "/internal/health", "/internal/status/endpoints", "/internal/status/models",
                 "/internal/stats/models", "/internal/process", "/internal/requests", "/olla/models",
                 "/olla/openai/v1/models", "/nothing", "/version"):
        ask(port, path)
    for stream in (False, True):
        ask(port, "/olla/anthropic/v1/messages", {**CHAT, "max_tokens": 10, "stream": stream})
    ask(port, bench.CHAT_PATH, {**CHAT, "model": "nobody-has-this"})


def profiles(options: argparse.Namespace, folder: pathlib.Path) -> list[Profile]:
    """Of requests, of pages, and of the start."""
    # Valgrind cannot read the compiler's debug information.
    binary = folder / "glasspot"
    subprocess.run(["strip", "-g", options.glasspot, "-o", str(binary)], check=True)
    out = folder / "callgrind"

    class Observed(proxies.Glasspot):
        def command(self) -> list[str]:
            return ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}",
                    "--dump-line=no", "--compress-strings=no", "--compress-pos=no", *super().command()]

    Observed.binary = binary
    runner = bench.Bench(options, folder)
    backend_port, port = bench.free_port(), bench.free_port()
    with bench.running(runner.mock(backend_port, 40)) as backend:
        bench.wait_for_port(backend, backend_port)
        with bench.running(Observed(folder, port, backend_port).start(options.core)) as proxy:
            def dump() -> None:
                subprocess.run(["callgrind_control", "-d", str(proxy.pid)], check=True, stdout=subprocess.DEVNULL)

            bench.wait_for_port(proxy, port, 60)
            bench.wait_until_served(port, 60)
            # Long enough for the probes and the discovery of the first seconds.
            time.sleep(3)
            ask(port, bench.CHAT_PATH, {**CHAT, "stream": True})
            dump()
            requests(runner, port)
            dump()
            pages(port)
    # The dumps are numbered; the end of the process writes the last without a number.
    return [Profile(path, str(binary)) for path in (folder / "callgrind.2", out, folder / "callgrind.1")]


def make(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="glasspot-order-") as name:
        steps = profiles(options, pathlib.Path(name))
    sizes, count = symbols(options.glasspot)
    # A helper that many modules have is in sections of its own elsewhere.
    shared = {name for name in sharing() if count[name] == 1}
    own = {name: size for name, size in sizes.items() if name not in shared}
    order: dict[str, None] = {}
    for step in steps:
        order.update(dict.fromkeys(cluster(step, own)))
    # Little of a shared section runs: they lie behind what is dense.
    for step in steps:
        order.update(dict.fromkeys(name for name, _ in step.cost.most_common() if name in shared))
    ORDER.write_text("\n".join(order) + "\n")
    total = sum(sizes[name] for name in order)
    print(f"{len(order)} functions, {total / 1e6:.1f} MB, written to {ORDER.relative_to(ROOT)}")


def check(options: argparse.Namespace) -> None:
    names = ORDER.read_text().split()
    known, _ = symbols(options.glasspot)
    share = sum(name in known for name in names) / max(len(names), 1)
    print(f"{ORDER.relative_to(ROOT)}: the program still has {share:.0%} of its functions")
    if share < FRESH_MIN:
        sys.exit(f"below {FRESH_MIN:.0%}, the order of functions saves little memory: run `make order`")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glasspot", type=pathlib.Path, default=ROOT / ".build/release/glasspot")
    parser.add_argument("--mockllm", default=str(ROOT / ".build/release/mockllm"))
    parser.add_argument("--check", action="store_true", help="only tell how much of the order is still true")
    options = parser.parse_args()
    if not os.access(options.glasspot, os.X_OK):
        sys.exit(f"{options.glasspot} is missing: run `make build` first")
    options.core, options.load_core, options.connections = 0, (os.cpu_count() or 1) - 1, 4
    (check if options.check else make)(options)


if __name__ == "__main__":
    main()
