#!/usr/bin/env python3
"""Checks dashboards: Grafana's dashboard-linter rules, and that every metric is in the catalogue.

The rules are named as the linter names them. The catalogue is read from the one place that spells metric
names, Sources/Telemetry.
"""
import json
import pathlib
import re
import sys

import promql

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUFFIXES = ("_bucket", "_sum", "_count")
COUNTER_FUNCTIONS = {"rate", "irate", "increase"}
UNITS = {"s", "ms", "short", "none", "reqps", "ops", "percentunit", "bytes", "Bps", "dateTimeAsIso"}


def catalogue() -> set[str]:
    """The families that the gateway exports."""
    names: set[str] = set()
    for path in (ROOT / "Sources/Telemetry").glob("*.swift"):
        names |= set(re.findall(r'"((?:glasspot|process|swift)_[a-z0-9_]+)"', path.read_text()))
    return names


def family(metric: str, known: set[str]) -> str | None:
    """The family of a series name."""
    if metric in known:
        return metric
    for suffix in SUFFIXES:
        if metric.endswith(suffix) and metric[: -len(suffix)] in known:
            return metric[: -len(suffix)]
    return None


def is_variable(value: object) -> bool:
    uid = value.get("uid") if isinstance(value, dict) else value
    return uid in ("$datasource", "${datasource}")


def check_variables(board: dict) -> list[str]:
    problems = []
    variables = {variable.get("name"): variable for variable in board.get("templating", {}).get("list", [])}
    source = variables.get("datasource", {})
    if (source.get("type"), source.get("query"), source.get("label")) != ("datasource", "prometheus", "Data source"):
        problems.append("template-datasource: no prometheus variable 'datasource' labelled 'Data source'")
    for name in ("job", "instance"):
        variable = variables.get(name)
        if variable is None:
            problems.append(f"template-{name}: no variable '{name}'")
            continue
        expected = {"type": "query", "label": name.capitalize(), "multi": True, "allValue": ".+"}
        for key, value in expected.items():
            if variable.get(key) != value:
                problems.append(f"template-{name}: {key} is {variable.get(key)!r}, not {value!r}")
        if not is_variable(variable.get("datasource")):
            problems.append(f"template-{name}: not on $datasource")
        text = variable.get("query", {}).get("query", "")
        if not re.fullmatch(r"label_values\([a-z_]+(\{[^}]*\})?, \w+\)", text):
            problems.append(f"template-label-promql: '{text}'")
    for variable in variables.values():
        if variable.get("type") == "query" and variable.get("refresh") != 2:
            problems.append(f"template-on-time-change-reload: '{variable.get('name')}'")
    if board.get("editable") is not False:
        problems.append("uneditable-dashboard: editable is not false")
    return problems


def check_expression(where: str, expression: str, known: set[str]) -> list[str]:
    problems = []
    found = promql.selectors(expression)
    if not found or expression.count("(") != expression.count(")"):
        problems.append(f"target-promql: {where}: no expression in '{expression}'")
    for selector in found:
        for label in ("job", "instance"):
            if selector.matchers.get(label) != f"${label}":
                problems.append(f'target-{label}: {where}: {selector.metric} lacks {label}=~"${label}"')
        if selector.range not in ("", "$__rate_interval"):
            problems.append(f"target-rate-interval: {where}: {selector.metric} over [{selector.range}]")
        if selector.metric.endswith("_total") and not COUNTER_FUNCTIONS & set(selector.functions):
            problems.append(f"target-counter-agg: {where}: {selector.metric} outside of rate and increase")
        if family(selector.metric, known) is None:
            problems.append(f"catalogue: {where}: {selector.metric} is no family of the gateway")
    return problems


def check_panel(panel: dict, known: set[str]) -> list[str]:
    where = panel.get("title") or f"panel {panel.get('id')}"
    problems = []
    if not panel.get("title") or not panel.get("description"):
        problems.append(f"panel-title-description: {where}")
    if not is_variable(panel.get("datasource")):
        problems.append(f"panel-datasource: {where}: not on $datasource")
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    if unit not in UNITS:
        problems.append(f"panel-units: {where}: {unit!r}")
    if not panel.get("targets"):
        problems.append(f"panel-no-targets: {where}")
    for target in panel.get("targets", []):
        problems += check_expression(where, target.get("expr", ""), known)
    return problems


def check(board: dict, known: set[str]) -> list[str]:
    problems = check_variables(board)
    panels = [panel for panel in board.get("panels", []) if panel.get("type") != "row"]
    if not panels:
        problems.append("panel-no-targets: no panel at all")
    for panel in panels:
        problems += check_panel(panel, known)
    numbers = [panel.get("id") for panel in board.get("panels", [])]
    if len(numbers) != len(set(numbers)):
        problems.append("panels share an id")
    return problems


def main() -> None:
    known = catalogue()
    if not known:
        sys.exit("no metric names found in Sources/Telemetry")
    failed = False
    for path in sys.argv[1:]:
        for problem in check(json.loads(pathlib.Path(path).read_text()), known):
            print(f"{path}: {problem}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
