"""What dashboards are made of: queries, panels, rows, boards. Knows PromQL and LogQL, nothing of Grafana's JSON.

In an expression `{}` stands for the dashboard's own matchers (job and instance), and `{,label="x"}` for these
and more: no panel can forget them.
"""
import dataclasses

SELECTOR = 'job=~"$job", instance=~"$instance"'
INTERVAL = "$__rate_interval"
PROMETHEUS, LOKI = "prometheus", "loki"


def complete(expression: str) -> str:
    """An expression with the dashboard's matchers in all its selectors."""
    return expression.replace("{}", "{" + SELECTOR + "}").replace("{,", "{" + SELECTOR + ", ")


@dataclasses.dataclass(frozen=True)
class Query:
    """One query of a panel."""
    expression: str
    legend: str = ""
    # The dots that lead from a histogram to the log lines of the requests in it.
    exemplars: bool = False
    # Prometheus only: one value per series (tables) instead of a range.
    instant: bool = False


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    description: str
    unit: str
    queries: list[Query]
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    # (value, colour) from the lowest on; the first has no value.
    thresholds: tuple = ()
    # Value to (text, colour), for state timelines.
    mappings: tuple = ()
    maximum: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    panels: list[Panel]
    collapsed: bool = False


@dataclasses.dataclass(frozen=True)
class Variable:
    """A filter filled from label values: the label `name` of `metric`."""
    name: str
    metric: str
    matchers: str = ""


@dataclasses.dataclass(frozen=True)
class Board:
    file: str
    title: str
    description: str
    rows: list[Row]
    source: str = PROMETHEUS
    variables: tuple[Variable, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        return "glasspot-" + self.file


def query(expression: str, legend: str = "", exemplars: bool = False, instant: bool = False) -> Query:
    return Query(complete(expression), legend, exemplars, instant)


def legend_of(by: str) -> str:
    return " ".join("{{" + label.strip() + "}}" for label in by.split(",")) if by else "all"


def grouping(*labels: str) -> str:
    named = ", ".join(label for label in labels if label)
    return f" by ({named})" if named else ""


def rate(metric: str, by: str = "", match: str = "") -> list[Query]:
    """A counter's growth per second."""
    return [query(f"sum{grouping(by)} (rate({metric}{{{match and ',' + match}}}[{INTERVAL}]))", legend_of(by))]


def level(metric: str, by: str = "", of: str = "sum", match: str = "") -> list[Query]:
    """A gauge."""
    return [query(f"{of}{grouping(by)} ({metric}{{{match and ',' + match}}})", legend_of(by))]


def age(metric: str, by: str, match: str = "") -> list[Query]:
    """Seconds since the moment that a gauge holds."""
    return [query(f"time() - max{grouping(by)} ({metric}{{{match and ',' + match}}})", legend_of(by))]


def quantile(share: float, metric: str, by: str = "", match: str = "", legend: str = "") -> Query:
    return query(
        f"histogram_quantile({share}, sum{grouping('le', by)} "
        f"(rate({metric}_bucket{{{match and ',' + match}}}[{INTERVAL}])))",
        legend or f"p{share * 100:g}" + (" " + legend_of(by) if by else ""), exemplars=True)


def quantiles(metric: str, match: str = "") -> list[Query]:
    """The middle and the slow end of a distribution."""
    return [quantile(share, metric, match=match) for share in (0.5, 0.95, 0.99)]


def slow_end(metric: str, by: str, match: str = "", share: float = 0.95) -> list[Query]:
    """One line per label value: where its slow end lies."""
    return [quantile(share, metric, by, match, legend=legend_of(by))]


def mean(metric: str, by: str = "", match: str = "") -> list[Query]:
    """The mean of a histogram's observations."""
    some = match and "," + match
    return [query(
        f"sum{grouping(by)} (rate({metric}_sum{{{some}}}[{INTERVAL}])) / "
        f"sum{grouping(by)} (rate({metric}_count{{{some}}}[{INTERVAL}]))", legend_of(by))]


def stat(title: str, description: str, unit: str, queries: list[Query], width: int = 4,
         thresholds: tuple = (), **more) -> Panel:
    return Panel(title, description, unit, queries, "stat", width, thresholds=thresholds, **more)


def heatmap(title: str, description: str, metric: str, match: str = "", unit: str = "s", width: int = 12) -> Panel:
    """A distribution over time, each dot on it a request one can look up."""
    return Panel(title, description, unit, [query(
        f"sum by (le) (increase({metric}_bucket{{{match and ',' + match}}}[{INTERVAL}]))", "{{le}}",
        exemplars=True)], "heatmap", width)
