"""Reading PromQL as far as the checks need it: the selectors of an expression and what stands around them.

Whether an expression is PromQL at all is asked of Prometheus itself (`syntax_problems`).
"""
import dataclasses
import json
import pathlib
import re
import subprocess
import tempfile

WORDS = {
    "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless", "atan2",
    "inf", "nan",
}
# Words before a parenthesis that holds labels.
LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
TOKEN = re.compile(
    r'(?P<text>"(?:\\.|[^"\\])*")|(?P<matchers>\{(?:"(?:\\.|[^"\\])*"|[^}"])*\})|(?P<range>\[[^\]]*\])'
    r"|(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\$?\d[\w.]*)|(?P<space>\s+)|(?P<sign>.)")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"')


@dataclasses.dataclass
class Selector:
    """A metric with its matchers (label to operator and value), its range, and the functions that it stands in,
    innermost last."""
    metric: str
    functions: list[str]
    matchers: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    range: str = ""


def selectors(expression: str) -> list[Selector]:
    """All selectors of an expression, from left to right."""
    tokens = [
        (match.lastgroup, match.group()) for match in TOKEN.finditer(expression) if match.lastgroup != "space"]
    found: list[Selector] = []
    open_functions: list[str] = []
    label_list_depth = -1
    last: Selector | None = None
    for index, (kind, text) in enumerate(tokens):
        following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if kind == "sign" and text == "(":
            before = tokens[index - 1] if index else ("sign", "")
            if before[0] == "name" and before[1] in LABEL_LISTS and label_list_depth < 0:
                label_list_depth = len(open_functions)
            open_functions.append(before[1] if before[0] == "name" else "")
        elif kind == "sign" and text == ")":
            if open_functions:
                open_functions.pop()
            if len(open_functions) == label_list_depth:
                label_list_depth = -1
        elif kind == "name" and label_list_depth < 0 and text not in WORDS and following not in ("(", "by", "without"):
            last = Selector(text, [name for name in open_functions if name])
            found.append(last)
            continue
        elif kind == "matchers" and last is not None:
            last.matchers = {label: (sign, value) for label, sign, value in MATCHER.findall(text)}
            continue
        elif kind == "range" and last is not None:
            last.range = text[1:-1]
        last = None
    return found


def syntax_problems(expressions: list[str]) -> dict[str, str]:
    """The expressions that Prometheus does not parse, each with what it says, as `promtool check rules` reads them."""
    unique = sorted(set(expressions))
    problems: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="glasspot-promql-") as folder:
        path = pathlib.Path(folder) / "rules.yml"
        rules = [{"record": f"expression{index}", "expr": text} for index, text in enumerate(unique)]
        # JSON is YAML.
        path.write_text(json.dumps({"groups": [{"name": "expressions", "rules": rules}]}))
        answer = subprocess.run(
            ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False, timeout=60)
    output = answer.stdout + answer.stderr
    for line in output.splitlines():
        if match := re.search(r'"expression(\d+)": (?:could not parse expression: )?(.*)', line):
            problems[unique[int(match[1])]] = match[2]
    if answer.returncode and not problems:
        problems = {text: output.strip() for text in unique}
    return problems
