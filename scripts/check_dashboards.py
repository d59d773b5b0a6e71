#!/usr/bin/env python3
"""Checks dashboards: the 17 rules of Grafana's dashboard-linter, and that every metric is in the catalogue.

The rules are named as the linter names them and none has an exclusion. PromQL is parsed by promtool. The
catalogue is read from the one place that spells metric names, Sources/Telemetry.
"""
import json
import pathlib
import re
import sys

import logql
import promql

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = (
    "template-datasource", "template-job", "template-instance", "template-label-promql",
    "template-on-time-change-reload", "panel-datasource", "panel-title-description", "panel-units", "panel-no-targets",
    "target-logql", "target-logql-auto", "target-promql", "target-rate-interval", "target-job", "target-instance",
    "target-counter-agg", "uneditable-dashboard")
SUFFIXES = ("_bucket", "_sum", "_count")
COUNTER_FUNCTIONS = ("rate", "irate", "increase")
# Those of Grafana's units that our boards need.
UNITS = {"s", "ms", "short", "none", "reqps", "ops", "cps", "percentunit", "bytes", "Bps", "dateTimeAsIso"}
SOURCES = {"prometheus": {"datasource": "Data source", "prometheus_datasource": "Prometheus data source"},
           "loki": {"datasource": "Data source", "loki_datasource": "Loki data source"}}
# What Prometheus itself adds to each scrape.
SCRAPE_METRICS = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
# For parsing: what Grafana puts in.
GLOBALS = {"$__rate_interval": "60s", "$__interval": "30s", "$__range": "3600s", "$__auto": "60s"}


def catalogue() -> set[str]:
    """The families that the gateway exports."""
    names: set[str] = set()
    for path in (ROOT / "Sources/Telemetry").rglob("*.swift"):
        names |= set(re.findall(r'"((?:glasspot|process|swift)_[a-z0-9_]+)"', path.read_text()))
    # A label, not a family.
    return names - {"swift_version"}


def family(metric: str, known: set[str]) -> str | None:
    """The family of a series name."""
    if metric in known or metric in SCRAPE_METRICS:
        return metric
    for suffix in SUFFIXES:
        if metric.endswith(suffix) and metric[: -len(suffix)] in known:
            return metric[: -len(suffix)]
    return None


def expanded(text: str, board: dict) -> str:
    """A query as the data source gets it."""
    for name, value in GLOBALS.items():
        text = text.replace(name, value)
    for variable in variables(board):
        text = re.sub(rf"\$({variable['name']}\b|\{{{variable['name']}\}})", ".+", text)
    return text


def variables(board: dict) -> list[dict]:
    return board.get("templating", {}).get("list", [])


def sources(board: dict) -> dict[str, str]:
    """The data source variables and their kinds."""
    return {one.get("name"): one.get("query") for one in variables(board) if one.get("type") == "datasource"}


def panels(board: dict) -> list[dict]:
    """All panels, those in closed rows too."""
    found = []
    for panel in board.get("panels", []):
        found += panel.get("panels", []) if panel.get("type") == "row" else [panel]
    return found


def check_board(board: dict) -> list[str]:
    problems = []
    found = [one for one in variables(board) if one.get("type") == "datasource"]
    if not found:
        problems.append("template-datasource: no variable for the data source")
    for one in found:
        allowed = dict(SOURCES.get(one.get("query"), {}))
        if len(found) > 1:
            # The short name is for boards with one source.
            allowed.pop("datasource", None)
        if one.get("name") not in allowed or one.get("label") != allowed[one["name"]]:
            problems.append(f"template-datasource: '{one.get('name')}' labelled '{one.get('label')}' is none of "
                            f"{allowed}")
    for name in ("job", "instance"):
        problems += check_filter(board, name)
    for one in variables(board):
        if one.get("type") != "query":
            continue
        if one.get("refresh") != 2:
            problems.append(f"template-on-time-change-reload: '{one.get('name')}'")
        text = one.get("query", {}).get("query", "")
        of_prometheus = one.get("datasource", {}).get("type") != "loki"
        if of_prometheus and not re.fullmatch(r"label_values\([a-z_]+(\{[^}]*\})?, \w+\)", text):
            problems.append(f"template-label-promql: '{text}'")
    if board.get("editable") is not False:
        problems.append("uneditable-dashboard: editable is not false")
    return problems


def check_filter(board: dict, name: str) -> list[str]:
    variable = next((one for one in variables(board) if one.get("name") == name), None)
    if variable is None:
        return [f"template-{name}: no variable '{name}'"]
    problems = []
    for key, value in {"type": "query", "label": name.capitalize(), "multi": True, "allValue": ".+"}.items():
        if variable.get(key) != value:
            problems.append(f"template-{name}: {key} is {variable.get(key)!r}, not {value!r}")
    if not is_variable(variable.get("datasource"), board):
        problems.append(f"template-{name}: not on the data source variable")
    return problems


def is_variable(value: object, board: dict) -> bool:
    uid = value.get("uid") if isinstance(value, dict) else value
    return uid in [form % name for name in sources(board) for form in ("$%s", "${%s}")]


def check_panel(panel: dict, board: dict, known: set[str]) -> list[str]:
    where = panel.get("title") or f"panel {panel.get('id')}"
    problems = []
    if not panel.get("title") or not panel.get("description"):
        problems.append(f"panel-title-description: {where}")
    if not is_variable(panel.get("datasource"), board):
        problems.append(f"panel-datasource: {where}: not on a data source variable")
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    if unit not in UNITS:
        problems.append(f"panel-units: {where}: {unit!r}")
    if not panel.get("targets"):
        problems.append(f"panel-no-targets: {where}")
    for target in panel.get("targets", []):
        kind = target.get("datasource", panel.get("datasource", {})).get("type")
        check = check_logql if kind == "loki" else check_promql
        problems += check(where, target.get("expr", ""), board, known)
    return problems


def check_logql(where: str, expression: str, board: dict, _known: set[str]) -> list[str]:
    try:
        parsed = logql.parse(expanded(expression, board))
    except logql.Malformed as problem:
        return [f"target-logql: {where}: {problem} in '{expression}'"]
    problems = []
    ranges = re.findall(r"\[([^\]]*)\]", expression)
    if len(ranges) != len(parsed.ranges) or any(one != "$__auto" for one in ranges):
        problems.append(f"target-logql-auto: {where}: ranges {ranges} are not $__auto")
    for label in ("job", "instance"):
        if f'{label}=~"${label}"' not in expression:
            problems.append(f'target-{label}: {where}: lacks {label}=~"${label}"')
    return problems


def check_promql(where: str, expression: str, _board: dict, known: set[str]) -> list[str]:
    problems = []
    found = promql.selectors(expression)
    if not found:
        problems.append(f"target-promql: {where}: no selector in '{expression}'")
    for selector in found:
        for label in ("job", "instance"):
            if selector.matchers.get(label) != ("=~", f"${label}"):
                problems.append(f'target-{label}: {where}: {selector.metric} lacks {label}=~"${label}"')
        function = selector.functions[-1] if selector.functions else ""
        # A window of an objective is what it is; rates follow the resolution of the panel.
        if selector.range and function in ("rate", "irate") and selector.range != "$__rate_interval":
            problems.append(f"target-rate-interval: {where}: {selector.metric} over [{selector.range}]")
        if selector.metric.endswith("_total") and (not selector.range or function not in COUNTER_FUNCTIONS):
            problems.append(f"target-counter-agg: {where}: {selector.metric} outside of rate and increase")
        if family(selector.metric, known) is None:
            problems.append(f"catalogue: {where}: {selector.metric} is no family of the gateway")
    return problems


def queries(board: dict) -> list[tuple[str, str]]:
    """The PromQL of panels and annotations, with its place."""
    found = [
        (panel.get("title", ""), target.get("expr", "")) for panel in panels(board)
        for target in panel.get("targets", []) if target.get("datasource", {}).get("type") != "loki"]
    return found + [(one["name"], one["expr"]) for one in board.get("annotations", {}).get("list", []) if "expr" in one]


def check(board: dict, known: set[str]) -> list[str]:
    problems = check_board(board)
    if not panels(board):
        problems.append("panel-no-targets: no panel at all")
    for panel in panels(board):
        problems += check_panel(panel, board, known)
    found = queries(board)
    bad = promql.syntax_problems([expanded(text, board) for _, text in found]) if found else {}
    problems += [
        f"target-promql: {where}: {bad[expanded(text, board)]} in '{text}'"
        for where, text in found if expanded(text, board) in bad]
    numbers = [panel.get("id") for panel in board.get("panels", []) + panels(board)]
    if len(set(numbers)) != len({id(panel) for panel in board.get("panels", []) + panels(board)}):
        problems.append("panels share an id")
    return problems


def check_links(boards: list[dict]) -> list[str]:
    """Links must lead to boards that exist, and uids must differ."""
    uids = [board.get("uid") for board in boards]
    problems = [f"{uid}: two boards have this uid" for uid in set(uids) if uids.count(uid) > 1]
    for board in boards:
        for link in board.get("links", []):
            if link.get("url", "").removeprefix("/d/") not in uids:
                problems.append(f"{board.get('uid')}: a link leads to '{link.get('url')}', which is no board")
    return problems


def unshown(boards: list[dict], known: set[str]) -> set[str]:
    """Families that no panel shows."""
    shown = {family(one.metric, known) for board in boards for _, text in queries(board)
             for one in promql.selectors(text)}
    return known - shown


def main() -> None:
    known = catalogue()
    if not known:
        sys.exit("no metric names found in Sources/Telemetry")
    boards = {path: json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:]}
    problems = [f"{path}: {problem}" for path, board in boards.items() for problem in check(board, known)]
    problems += check_links(list(boards.values()))
    problems += [f"catalogue: no panel shows {name}" for name in sorted(unshown(list(boards.values()), known))]
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
