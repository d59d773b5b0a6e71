"""Single requests, from the log: what became of this one, and which were slow or failed."""
from parts import LOKI, Board, Panel, Query, Row, complete

LINES = complete("{} | json | __error__=``")
ACCESS = f"{LINES} | msg=`Access log`"
# A line that stands for a request, its own words first.
SHORT = ("| line_format `{{.status}} {{.outcome}}  {{.duration_ms}} ms  {{.method}} {{.path}}  model={{.model}} "
         "endpoint={{.endpoint}} attempts={{.attempts}} ttft={{.ttft_ms}} id={{.request_id}}`")
ID = complete("{} |= `$request_id` | json | __error__=``")


def logs(title: str, description: str, expression: str) -> Panel:
    return Panel(title, description, "none", [Query(expression)], "logs", 24)


BOARD = Board(
    "requests", "Glasspot / Requests", "Single requests, by id: exemplars on the other dashboards lead here.", [
        Row("One request", [
            logs("The lines of this request", "Every log line with the request id above; without one, the newest "
                 "lines. Paste the value of a response's X-Olla-Request-ID.", ID),
        ]),
        Row("All requests", [
            Panel("Requests by outcome", "Requests finished per second, counted from the log.", "reqps", [Query(
                f"sum by (outcome) (rate({ACCESS} [$__auto]))", "{{outcome}}")], stacked=True),
            Panel("Duration", "The slow end (p95) of request durations, by route.", "ms", [Query(
                f"quantile_over_time(0.95, {ACCESS} | unwrap duration_ms | __error__=`` [$__auto]) by (route)",
                "{{route}}")]),
            Panel("Time to first token", "The slow end (p95) of the time to first token, by model.", "ms", [Query(
                f"quantile_over_time(0.95, {ACCESS} | ttft_ms!=`` | unwrap ttft_ms | __error__=`` [$__auto]) by "
                "(model)", "{{model}}")]),
            logs("Failed", "Requests that did not end well and not through the client.",
                 f"{ACCESS} | outcome=~`upstream_error|upstream_timeout|no_endpoint|gateway_error` {SHORT}"),
            logs("Slow", "Requests that took more than ten seconds.", f"{ACCESS} | duration_ms>10000 {SHORT}"),
            logs("The gateway's own errors and warnings", "Lines of level WARN and ERROR.",
                 f"{LINES} | level=~`WARN|ERROR`"),
        ]),
    ], source=LOKI, tags=("logs",))
