"""Reading PromQL as far as the checks need it: the selectors of an expression and what stands around them."""
import re

WORDS = {
    "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless",
    "inf", "nan",
}
TOKEN = re.compile(
    r'(?P<text>"(?:\\.|[^"\\])*")|(?P<matchers>\{(?:"(?:\\.|[^"\\])*"|[^}"])*\})|(?P<range>\[[^\]]*\])'
    r"|(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\$?\d[\w.]*)|(?P<space>\s+)|(?P<sign>.)")


class Selector:
    """A metric with its matchers, its range and the functions that it stands in, innermost last."""

    def __init__(self, metric: str, functions: list[str]):
        self.metric = metric
        self.matchers: dict[str, str] = {}
        self.range = ""
        self.functions = functions


def selectors(expression: str) -> list[Selector]:
    """All selectors of an expression, from left to right."""
    tokens = [
        (match.lastgroup, match.group()) for match in TOKEN.finditer(expression) if match.lastgroup != "space"]
    found: list[Selector] = []
    functions: list[str] = []
    label_list_depth = -1
    last: Selector | None = None
    for index, (kind, text) in enumerate(tokens):
        following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if kind == "sign" and text == "(":
            before = tokens[index - 1] if index else ("sign", "")
            if before[0] == "name" and before[1] in WORDS and before[1] not in ("and", "or", "unless"):
                label_list_depth = len(functions)
            functions.append(before[1] if before[0] == "name" else "")
        elif kind == "sign" and text == ")":
            if functions:
                functions.pop()
            if len(functions) == label_list_depth:
                label_list_depth = -1
        elif kind == "name" and label_list_depth < 0 and text not in WORDS and following not in ("(", "by", "without"):
            last = Selector(text, [name for name in functions if name])
            found.append(last)
            continue
        elif kind == "matchers" and last is not None:
            last.matchers = dict(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"', text))
            continue
        elif kind == "range" and last is not None:
            last.range = text[1:-1]
        last = None
    return found
