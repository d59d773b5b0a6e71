#!/usr/bin/env python3
"""Compiles Python files in memory: finds what can't be parsed and leaves no cache behind."""
import sys

failures = 0
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec")
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}", file=sys.stderr)
        failures += 1
sys.exit(1 if failures else 0)
