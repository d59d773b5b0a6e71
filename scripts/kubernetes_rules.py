#!/usr/bin/env python3
"""Makes deploy/kubernetes/prometheusrule.yaml of prometheus/rules/*.yml; `--check` only compares."""
import pathlib
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE = ROOT / "deploy/kubernetes/prometheusrule.yaml"
HEAD = """\
# Made by scripts/kubernetes_rules.py of prometheus/rules/.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: glasspot
spec:
  groups:
"""


def text() -> str:
    result = HEAD
    for path in sorted((ROOT / "prometheus/rules").glob("*.yml")):
        about, _, groups = path.read_text().partition("groups:\n")
        result += textwrap.indent(about, "    ") + textwrap.indent(groups, "  ")
    return result


def main() -> None:
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text())
    elif not FILE.exists() or FILE.read_text() != text():
        sys.exit(f"{FILE.name} is not what scripts/kubernetes_rules.py makes: run it")


if __name__ == "__main__":
    main()
