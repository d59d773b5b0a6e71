"""Reading LogQL as far as the checks need it: the grammar of the queries that the dashboards use.

A log query is a stream selector and a pipeline; a metric query wraps ranges of log queries in functions and
aggregations (https://grafana.com/docs/loki/latest/query/).
"""
import re

TOKEN = re.compile(
    r'(?P<text>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<space>\s+)|(?P<filter>\|=|\|~|\|>|!=|!~|!>)|(?P<compare>=~|==|>=|<=|=|>|<)'
    r"|(?P<range>\[[^\]]*\])|(?P<number>\d+(?:\.\d+)?[a-zµ]*)|(?P<name>[a-zA-Z_]\w*)|(?P<sign>[{}(),|+*/%^-])")
PARSERS = {"json", "logfmt", "unpack", "decolorize"}
TEXT_STAGES = {"line_format", "regexp", "pattern"}
LABEL_STAGES = {"drop", "keep"}
RANGE_FUNCTIONS = {
    "rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time", "sum_over_time",
    "avg_over_time", "max_over_time", "min_over_time", "first_over_time", "last_over_time", "stddev_over_time",
    "stdvar_over_time", "quantile_over_time"}
AGGREGATIONS = {"sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc"}


class Malformed(Exception):
    """Why a text is no LogQL."""


class Parser:
    """Recursive descent over one query; collects selectors and ranges on the way."""

    def __init__(self, text: str):
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            match = TOKEN.match(text, place)
            if not match:
                raise Malformed(f"unexpected '{text[place]}'")
            place = match.end()
            if match.lastgroup != "space":
                self.tokens.append((match.lastgroup or "", match.group()))
        self.place = 0
        self.ranges: list[str] = []
        self.selectors: list[dict[str, tuple[str, str]]] = []

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "the end")

    def take(self, kind: str = "", text: str = "") -> str:
        found = self.peek()
        if (kind and found[0] != kind) or (text and found[1] != text):
            raise Malformed(f"{text or kind} expected, found {found[1]}")
        self.place += 1
        return found[1]

    def accept(self, text: str) -> bool:
        if self.peek()[1] != text or self.peek()[0] == "text":
            return False
        self.place += 1
        return True

    def selector(self) -> None:
        self.take(text="{")
        matchers: dict[str, tuple[str, str]] = {}
        while True:
            label = self.take("name")
            sign = self.take()
            if sign not in ("=", "=~", "!=", "!~"):
                raise Malformed(f"a matcher expected after {label}, found {sign}")
            matchers[label] = (sign, self.take("text")[1:-1])
            if not self.accept(","):
                break
        self.take(text="}")
        if not any(sign in ("=", "=~") and value not in ("", ".*") for sign, value in matchers.values()):
            raise Malformed("at least one matcher must not match the empty value")
        self.selectors.append(matchers)

    def comparison(self) -> None:
        self.take("name")
        if self.peek()[1] not in ("=", "==", "!=", "=~", "!~", ">", ">=", "<", "<="):
            raise Malformed(f"a comparison expected, found {self.peek()[1]}")
        self.take()
        if self.peek()[0] not in ("text", "number"):
            raise Malformed(f"a value expected, found {self.peek()[1]}")
        self.take()

    def stage(self) -> None:
        name = self.peek()[1]
        if name in PARSERS:
            self.take()
        elif name in TEXT_STAGES:
            self.take()
            self.take("text")
        elif name in LABEL_STAGES:
            self.take()
            self.take("name")
            while self.accept(","):
                self.take("name")
        elif name == "unwrap":
            self.take()
            function = self.take("name")
            if function in ("duration", "duration_seconds", "bytes"):
                self.take(text="(")
                self.take("name")
                self.take(text=")")
        else:
            self.comparison()
            while self.peek()[1] in ("and", "or", ","):
                self.take()
                self.comparison()

    def log_query(self) -> None:
        self.selector()
        while self.peek()[0] == "filter" or self.peek()[1] == "|":
            if self.peek()[0] == "filter":
                self.take()
                self.take("text")
            else:
                self.take()
                self.stage()

    def grouping(self) -> None:
        if self.peek()[1] in ("by", "without"):
            self.take()
            self.take(text="(")
            while not self.accept(")"):
                self.take("name")
                self.accept(",")

    def metric_query(self) -> None:
        name = self.take("name")
        if name in AGGREGATIONS:
            self.grouping()
            self.take(text="(")
            if name in ("topk", "bottomk"):
                self.take("number")
                self.take(text=",")
            self.metric_query()
            self.take(text=")")
            self.grouping()
        elif name in RANGE_FUNCTIONS:
            self.take(text="(")
            if name == "quantile_over_time":
                self.take("number")
                self.take(text=",")
            self.log_query()
            self.ranges.append(self.take("range")[1:-1])
            self.take(text=")")
            self.grouping()
        else:
            raise Malformed(f"unknown function {name}")

    def query(self) -> None:
        if self.peek()[1] == "{":
            self.log_query()
        else:
            self.metric_query()
        if self.peek()[0] != "end":
            raise Malformed(f"nothing expected after the query, found {self.peek()[1]}")


def parse(text: str) -> Parser:
    """Reads a query; raises Malformed when it is none."""
    parser = Parser(text)
    parser.query()
    return parser
