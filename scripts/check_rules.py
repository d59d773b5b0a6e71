#!/usr/bin/env python3
"""Checks Prometheus rules beyond promtool: every metric exists, every alert says all it must, has its page in
docs/runbooks, and has a unit test in which it fires and one in which it is silent.

    check_rules.py RULES.yml... TESTS.yml...
"""
import pathlib
import sys

import yaml

import check_dashboards
import promql

ROOT = check_dashboards.ROOT
RUNBOOKS = ROOT / "docs/runbooks"
SEVERITIES = {"critical", "warning", "info", "none"}
SECTIONS = ("## Meaning", "## Causes", "## Check", "## Cure")
# The one alert that is never silent.
WATCHDOG = "GlasspotWatchdog"


def all_rules(documents: list[dict]) -> list[dict]:
    return [rule for document in documents for group in document.get("groups", []) for rule in group["rules"]]


def check_alert(rule: dict) -> list[str]:
    name = rule["alert"]
    problems = []
    if rule.get("labels", {}).get("severity") not in SEVERITIES:
        problems.append(f"{name}: severity is {rule.get('labels', {}).get('severity')!r}")
    annotations = rule.get("annotations", {})
    problems += [f"{name}: no {key}" for key in ("summary", "description") if not annotations.get(key)]
    page = ROOT / annotations.get("runbook_url", "nothing")
    if page != RUNBOOKS / f"{name}.md":
        problems.append(f"{name}: its runbook_url is {annotations.get('runbook_url')!r}")
    elif not page.exists():
        problems.append(f"{name}: {page.name} does not exist")
    else:
        text = page.read_text()
        problems += [f"{page.name}: no section '{section}'" for section in SECTIONS if section not in text]
    return problems


def variants(rules: list[dict]) -> dict[str, int]:
    """How many rules share an alert's name."""
    names = [rule["alert"] for rule in rules if "alert" in rule]
    return {name: names.count(name) for name in names}


def check_tests(rules: list[dict], tests: list[dict]) -> list[str]:
    fires: dict[str, set[str]] = {}
    silent: set[str] = set()
    for document in tests:
        for case in document.get("tests", []):
            for check in case.get("alert_rule_test", []):
                expected = check.get("exp_alerts") or []
                if not expected:
                    silent.add(check["alertname"])
                # Rules that share a name are told apart by their own labels.
                keys = {str((one["exp_labels"].get("slo"), one["exp_labels"].get("long"))) for one in expected}
                fires.setdefault(check["alertname"], set()).update(keys)
    problems = []
    for name, count in sorted(variants(rules).items()):
        if len(fires.get(name, ())) < count:
            problems.append(f"{name}: {len(fires.get(name, ()))} of its {count} rules fire in a unit test")
        if name not in silent and name != WATCHDOG:
            problems.append(f"{name}: no unit test in which it is silent")
    problems += [f"{name}: tested, but no such alert" for name in sorted((silent | fires.keys()) - variants(rules).keys())]
    return problems


def check_metrics(rules: list[dict], known: set[str]) -> list[str]:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    problems = []
    for rule in rules:
        for selector in promql.selectors(rule["expr"]):
            if selector.metric not in recorded and check_dashboards.family(selector.metric, known) is None:
                problems.append(f"{rule.get('alert') or rule['record']}: {selector.metric} is no family of the gateway")
    return problems


def check(rules: list[dict], tests: list[dict], known: set[str]) -> list[str]:
    problems = [problem for rule in rules if "alert" in rule for problem in check_alert(rule)]
    problems += check_metrics(rules, known) + check_tests(rules, tests)
    named = {rule.get("alert") for rule in rules}
    problems += [f"docs/runbooks/{page.name}: no such alert" for page in sorted(RUNBOOKS.glob("*.md"))
                 if page.stem not in named | {"README"}]
    return problems


def load(paths: list[str]) -> tuple[list[dict], list[dict]]:
    """The rules and the documents of unit tests in these files."""
    documents = [yaml.safe_load(pathlib.Path(path).read_text()) for path in paths]
    return all_rules(documents), [document for document in documents if "tests" in document]


def main() -> None:
    problems = check(*load(sys.argv[1:]), check_dashboards.catalogue())
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
