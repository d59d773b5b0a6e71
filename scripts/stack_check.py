#!/usr/bin/env python3
"""Runs the stack behind a real Prometheus and proves dashboards, rules and alerts on it.

- Every query of every panel and every recording rule returns data, and every rule evaluates.
- Requests, errors and time to first token as Prometheus has them agree with what the load maker counted.
- Real faults make the alerts fire, and their end makes them resolve: with the shipped rules where the alert waits two
  minutes at most, else in a copy of the rules whose durations are divided by a stated factor.

Prometheus gets the shipped configuration with the addresses of this run in it and a shorter interval. Takes about twelve
minutes; the outcome is written as Markdown to --report.
"""
import argparse
import datetime
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import yaml

import check_dashboards
import stack_world

ROOT = check_dashboards.ROOT
VARIABLES = {"$__rate_interval": "30s", "$job": "glasspot", "$instance": ".+", "$model": ".+", "$endpoint": ".+"}
# Alerts that no fault of this check brings about, each with its reason; their unit tests fire them.
UNPROVOKED = {
    "GlasspotBug": "would need a bug",
    "GlasspotQueueNearFull": "would need 800 waiting requests, more than this run's descriptors allow",
    "GlasspotQueueRefusing": "no endpoint of this run has a cap",
}
BAD = "upstream_error|upstream_timeout|no_endpoint|gateway_error"
BACKEND_ROUTES = 'route=~"proxy|provider|translator"'


class Report:
    """What the check found, printed as it goes and written as Markdown at the end."""

    def __init__(self):
        self.sections: list[str] = []
        self.failures: list[str] = []
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"stack-check: {time.monotonic() - self.started:4.0f} s: {text}", flush=True)

    def fail(self, text: str) -> None:
        self.failures.append(text)
        self.say(f"FAILED: {text}")

    def table(self, title: str, about: str, head: tuple[str, ...], rows: list[tuple]) -> None:
        lines = [f"## {title}", "", about, ""]
        if rows:
            lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
        self.sections.append("\n".join(lines).rstrip() + "\n")


def questions() -> list[tuple[str, str]]:
    """Every PromQL query of every panel, with its place."""
    found = []
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in check_dashboards.panels(board):
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == "loki":
                    continue
                expression = target["expr"]
                for name, value in VARIABLES.items():
                    expression = expression.replace(name, value)
                found.append((f"{path.stem}: {panel['title']}", expression))
    return found


def rules() -> list[dict]:
    documents = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "prometheus/rules").glob("*.yml"))]
    return [rule for document in documents for group in document["groups"] for rule in group["rules"]]


def seconds(duration: str) -> int:
    return sum(int(number) * stack_world.UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))


# Panels, recording rules, figures


def check_panels(world: stack_world.World, report: Report, patience: float) -> None:
    waiting = questions()
    total = len(waiting)
    end = time.monotonic() + patience
    while True:
        waiting = [question for question in waiting if not world.shipped.ask(question[1])]
        if time.monotonic() > end or not waiting:
            break
        time.sleep(2)
    for place, expression in waiting:
        report.fail(f"no data: {place}: {expression}")
    report.say(f"{total - len(waiting)} of {total} panel queries return data")
    report.table(
        "Panels", f"{total - len(waiting)} of {total} queries of all panels return data. Loki's panels are checked by grammar "
        "(`scripts/logql.py`).", ("Without data", "Query"), sorted(waiting))


def check_recordings(world: stack_world.World, report: Report, patience: float) -> None:
    names = sorted({rule["record"] for rule in rules() if "record" in rule})
    end = time.monotonic() + patience
    missing = names
    while missing and time.monotonic() < end:
        missing = [name for name in missing if not world.shipped.ask(name)]
        time.sleep(1)
    for name in missing:
        report.fail(f"recording rule {name} returns nothing")
    sick = {name: health for server in (world.shipped, world.copy) for name, health in server.health().items()
            if not health.startswith("ok")}
    for name, health in sick.items():
        report.fail(f"rule {name}: {health}")
    count = len(world.shipped.health())
    report.say(f"{len(names) - len(missing)} of {len(names)} recorded series have data; {count - len(sick)} of {count} rules "
               "evaluate")
    report.table("Rules", f"All {len(names)} recorded series have data, {len(rules())} rules evaluate without error."
                 if not missing and not sick else f"Missing: {missing}. Sick: {sick}.", (), [])


def check_figures(world: stack_world.World, report: Report, length: int, since: float) -> None:
    """The load maker has stopped: its counts against the counters, to the request."""
    time.sleep(6)
    summary = world.summary("load-figures")
    cells = summary["cells"]

    def sent(*outcomes: str) -> int:
        return sum(cell["requests"] for cell in cells if cell["outcome"] in outcomes and cell["operation"] != "listing")

    def counted(match: str) -> float:
        return world.shipped.number(f"sum(glasspot_requests_total{{{BACKEND_ROUTES}, {match}}})")

    family = "glasspot_time_to_first_token_seconds"
    median = 1000 * world.shipped.number(f"histogram_quantile(0.5, sum by (le) ({family}_bucket))")
    bounds = sorted(float(one["metric"]["le"]) * 1000 for one in world.shipped.ask(f"{family}_bucket"))
    told = summary["ttft_ms"]["p50"]
    # One bucket of tolerance: the client's clock also holds the way to the gateway and back.
    near = [bound for bound in sorted(set(bounds)) if bound >= min(told, median)][:2]
    # In the middle of the load, when every series was there already.
    rate = world.shipped.number(f"sum(rate(glasspot_requests_total{{{BACKEND_ROUTES}}}[40s]))", at=since + length - 5)
    failed = sent("server_error", "broken")
    rows = [
        ("requests", sent(*{cell["outcome"] for cell in cells}), counted('outcome!=""'), 0),
        ("ended well", sent("ok"), counted('outcome="ok"'), None),
        ("failed (5xx, broken off)", failed, counted(f'outcome=~"{BAD}"'), 2),
        ("refused (4xx)", sent("client_error"), counted('outcome="client_error"'), 0),
        ("left by the client", sent("cancelled"), counted('outcome="client_cancelled"'), None),
        ("requests per second", round(sent(*{cell["outcome"] for cell in cells}) / length, 2), round(rate, 2), 0.15 * rate),
    ]
    for what, by_load, by_metrics, tolerance in rows:
        if tolerance is not None and abs(by_load - by_metrics) > tolerance:
            report.fail(f"{what}: the load maker counted {by_load}, the gateway {by_metrics}")
    # Whoever is left may have had its last byte already: the two share what they differ by.
    both = (sent("ok") + sent("cancelled"), counted('outcome=~"ok|client_cancelled"'))
    if abs(both[0] - both[1]) > 2:
        report.fail(f"well or left: the load maker counted {both[0]}, the gateway {both[1]}")
    if not near or max(told, median) > near[-1]:
        report.fail(f"median time to first token: {told:.0f} ms for the load maker, {median:.0f} ms for Prometheus")
    shown = [(what, load, f"{metrics:g}") for what, load, metrics, _ in rows]
    shown.append(("time to first token, median, ms", f"{told:.0f}", f"{median:.0f}"))
    for row in shown:
        report.say("%s: load maker %s, Prometheus %s" % row)
    report.table("Figures", f"What the load maker counted in {length} s with faults in all backends, against Prometheus. Failures "
                 "may differ by the streams that broke for the client while it was leaving; the median by one bucket.",
                 ("What", "Load maker", "Prometheus"), shown)


# Alerts


class Watch:
    """Waits for alerts to fire and to resolve, and keeps how long they took."""

    def __init__(self, report: Report):
        self.report = report
        self.rows: list[tuple] = []
        self.pending: dict[tuple[str, str], tuple] = {}

    def fire(self, server: stack_world.Prometheus, fault: str, since: float, names: list[str], patience: float) -> None:
        """Waits until all of these alerts fire."""
        end = time.monotonic() + patience
        while time.monotonic() < end and not all(server.is_firing(name) for name in names):
            time.sleep(0.5)
        for name in names:
            if server.is_firing(name):
                took = max(0, server.fired[name][0] - since)
                self.report.say(f"{name} fires ({server.name}, {took:.0f} s after: {fault})")
                self.pending[server.name, name] = (fault, took)
            else:
                self.report.fail(f"{name} does not fire ({server.name}) though {fault}")
                self.rows.append((name, server.name, fault, "**no**", ""))

    def resolve(self, server: stack_world.Prometheus, since: float, names: list[str], patience: float) -> None:
        """Waits until those of these alerts that fired are over."""
        names = [name for name in names if (server.name, name) in self.pending]
        end = time.monotonic() + patience
        while time.monotonic() < end and any(server.is_firing(name) for name in names):
            time.sleep(0.5)
        for name in names:
            fault, took = self.pending.pop((server.name, name))
            if server.is_firing(name):
                self.report.fail(f"{name} does not resolve ({server.name}) though no longer: {fault}")
                self.rows.append((name, server.name, fault, f"{took:.0f} s", "**no**"))
            else:
                over = max(0, server.fired[name][1] - since)
                self.report.say(f"{name} resolves ({server.name}, {over:.0f} s after)")
                self.rows.append((name, server.name, fault, f"{took:.0f} s", f"{over:.0f} s"))


FAULTS = {
    "GlasspotEndpointDown": "a backend stops listening",
    "GlasspotModelUnavailable": "the only backend of a model stops listening",
    "GlasspotBreakerOpen": "a backend passes health checks and answers 503",
    "GlasspotErrorBudgetBurn 1h": "a backend passes health checks and answers 503",
    "GlasspotRetryBudgetExhausted": "a backend passes health checks and answers 503",
    "GlasspotLogsDropped": "nobody reads standard output",
    "GlasspotDescriptorsNearLimit": "clients hold idle connections",
    "GlasspotReloadFailed": "a reload finds a file that is no configuration",
}


def fault_set_real(world: stack_world.World, watch: Watch, report: Report) -> None:
    """Faults that the shipped rules notice within a few minutes."""
    report.say("faults: a backend away, two failing, the log blocked, descriptors held, a bad configuration")
    since = time.monotonic()
    world.behave("openai", listening=False)
    for name in ("vllm", "ollama"):
        world.behave(name, fault="503")
    world.burst(60)
    world.reads_log.clear()
    world.hold_connections(int(stack_world.DESCRIPTORS * 0.86) - 40)
    faults = dict(FAULTS)
    if world.reloads():
        world.write_configuration("broken: [")
        world.gateway.send_signal(signal.SIGHUP)
    else:
        UNPROVOKED["GlasspotReloadFailed"] = "this version does not reload"
        faults.pop("GlasspotReloadFailed")
    flood(world, 20)
    for name, fault in faults.items():
        watch.fire(world.shipped, fault, since, [name], max(5, since + 230 - time.monotonic()))
    held = world.alerts()
    for name in {name.split()[0] for name in faults} - held:
        # What another alert inhibits is held all the same.
        if world.shipped.is_firing(name):
            report.fail(f"{name} fires, but Alertmanager does not hold it")
    report.say(f"Alertmanager holds {len(held)} alerts")
    world.let_go()
    world.reads_log.set()
    if "GlasspotReloadFailed" in faults:
        world.write_configuration()
        world.gateway.send_signal(signal.SIGHUP)
    world.behave("openai", listening=True)
    for name in ("vllm", "ollama"):
        world.behave(name, fault=None)


def flood(world: stack_world.World, length: float) -> None:
    """Enough log lines to fill the queues: requests that the gateway refuses itself, with long queries."""
    end = time.monotonic() + length
    padding = "x" * 3000
    while time.monotonic() < end:
        world.post(f"/nowhere?q={padding}", {}, timeout=5)


def fault_set_divided(world: stack_world.World, watch: Watch, report: Report) -> None:
    """Faults that the shipped rules would need longer for, in the copy."""
    report.say("faults: streams that stand still, late first tokens, stale listing, no usage, a request that hangs, too many models")
    since = time.monotonic()
    world.quiet.lists = False
    hanging = subprocess.Popen(
        [sys.executable, "-c", "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {'x-api-key': sys.argv[3]}), timeout=600)",
         f"http://127.0.0.1:{world.port}/olla/ollama/api/chat",
         json.dumps({"model": "quiet:1b", "stream": False, "messages": [{"role": "user", "content": "please hang"}]}), stack_world.KEY],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    world.children.append(hanging)
    world.behave("vllm", models=[f"model-{index}" for index in range(9)] + ["qwen2.5-7b-instruct", "llama3.2:3b"])
    world.behave("ollama", fault="slow-first-token:3200")
    world.behave("vllm", fault="slow-first-token:3200")
    world.behave("openai", fault="stall:2:3000")
    names = ["GlasspotStallsRising", "GlasspotUsageMissing", "GlasspotLabelOverflow", "GlasspotTTFTBudgetBurn 6h"]
    late = ["GlasspotDiscoveryStale", "GlasspotStreamHung"]
    faults = {
        "GlasspotStallsRising": "streams of a model stand still for 3 s", "GlasspotUsageMissing": "a backend reports no usage",
        "GlasspotLabelOverflow": "a backend lists more models than metrics.max_models",
        "GlasspotTTFTBudgetBurn 6h": "first tokens take 3.2 s", "GlasspotDiscoveryStale": "a backend's listing answers 500",
        "GlasspotStreamHung": "a request gets no answer"}
    end = since + 160
    while time.monotonic() < end and not all(world.copy.is_firing(name) for name in names + late):
        world.post("/olla/ollama/api/chat", {"model": "quiet:1b", "stream": False, "messages": []})
        # The first of them still found room.
        for index in range(6, 9):
            world.ask_for(f"model-{index}")
    for name in names + late:
        watch.fire(world.copy, faults[name], since, [name], 0.1)
    world.quiet.lists = True
    world.quiet.released.set()
    world.behave("vllm", models=["qwen2.5-7b-instruct", "llama3.2:3b"])
    for name in ("vllm", "ollama", "openai"):
        world.behave(name, fault=None)
    ended = time.monotonic()
    watch.resolve(world.copy, ended, names + late, 200)


def fault_set_loops(world: stack_world.World, watch: Watch, report: Report) -> None:
    report.say("faults: a gateway that is stopped again and again, scrapes that take long")
    since = time.monotonic()
    world.door.delay = 1.2
    end = since + 75
    while time.monotonic() < end and not world.copy.is_firing("GlasspotEventLoopLag"):
        world.gateway.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        world.gateway.send_signal(signal.SIGCONT)
        # No divisor of the second at which the loops look at their clocks.
        time.sleep(0.47)
    watch.fire(world.copy, "the process is stopped for 0.4 s again and again", since, ["GlasspotEventLoopLag"], 1)
    watch.fire(world.copy, "each scrape takes 1.2 s longer", since, ["GlasspotScrapeSlow"], 40)
    world.door.delay = 0
    watch.resolve(world.copy, time.monotonic(), ["GlasspotEventLoopLag", "GlasspotScrapeSlow"], 90)


def fault_set_away(world: stack_world.World, watch: Watch, report: Report) -> None:
    report.say("faults: the gateway ends; Prometheus forgets it")
    since = time.monotonic()
    world.forget_gateway(True)
    watch.fire(world.copy, "the target is taken out of Prometheus", since, ["GlasspotAbsent"], 60)
    world.forget_gateway(False)
    watch.resolve(world.copy, time.monotonic(), ["GlasspotAbsent"], 60)
    since = time.monotonic()
    world.stop_gateway()
    watch.fire(world.shipped, "the gateway ends", since, ["GlasspotDown"], 180)
    world.start_gateway()
    watch.resolve(world.shipped, time.monotonic(), ["GlasspotDown"], 60)


def check_alerts(world: stack_world.World, report: Report) -> None:
    watch = Watch(report)
    if not world.shipped.is_firing("GlasspotWatchdog"):
        report.fail("GlasspotWatchdog does not fire")
    load = world.load("load-faults", "--rate", "20")
    fault_set_real(world, watch, report)
    over = time.monotonic()
    fault_set_divided(world, watch, report)
    fault_set_loops(world, watch, report)
    load.send_signal(signal.SIGTERM)
    fault_set_away(world, watch, report)
    # What looks back five minutes takes as long to be over.
    watch.resolve(world.shipped, over, list(FAULTS), max(30, over + 420 - time.monotonic()))

    names = {rule["alert"] for rule in rules() if "alert" in rule}
    fired = {row[0].split()[0] for row in watch.rows} | {"GlasspotWatchdog"}
    for name in sorted(names - fired - UNPROVOKED.keys()):
        report.fail(f"{name}: neither made to fire nor listed as not to be provoked")
    for name in sorted(fired & UNPROVOKED.keys()):
        report.fail(f"{name} fired: take it off the list of those that can't")
    report.table("Alerts", f"Made to fire by real faults and to resolve after them. `shipped` are the rules as they are; in `copy` "
                 f"every duration is divided by {stack_world.FACTOR}. GlasspotWatchdog fires from the start, and for ever.",
                 ("Alert", "Rules", "Fault", "Fires after", "Resolves after"), sorted(watch.rows))
    report.table("Alerts not provoked", "Their expressions evaluate, and their unit tests fire them.", ("Alert", "Why"),
                 sorted(UNPROVOKED.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glasspot", default=str(ROOT / ".build/release/glasspot"))
    parser.add_argument("--mockllm", default=str(ROOT / ".build/release/mockllm"))
    parser.add_argument("--report", default=str(ROOT / "docs/STACK_REPORT.md"))
    parser.add_argument("--without-alerts", action="store_true", help="panels, rules and figures only; writes no report")
    options = parser.parse_args()

    report = Report()
    world = stack_world.World(options.glasspot, options.mockllm)
    try:
        report.say("the stack stands; a minute of load")
        length, since = 60, time.time()
        world.load("load-figures", "--rate", "12", "--duration", str(length)).wait(timeout=length + 60)
        check_panels(world, report, 20)
        check_recordings(world, report, 45)
        check_figures(world, report, length, since)
        if not options.without_alerts:
            check_alerts(world, report)
    finally:
        world.close()
    if not options.without_alerts:
        version = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
        head = [
            "# Stack report", "", f"Made by `make stack-check` on {datetime.date.today()}: gateway, four backends, Prometheus "
            f"{version} twice, Alertmanager, all on loopback. " + ("Everything held." if not report.failures else "**Not everything "
            "held:**"), "", *[f"- {failure}" for failure in report.failures]]
        pathlib.Path(options.report).write_text("\n".join(head).rstrip() + "\n\n" + "\n".join(report.sections))
    print(f"stack-check: {'passed' if not report.failures else f'{len(report.failures)} failures'}; files in {world.folder}")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
