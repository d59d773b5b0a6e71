#!/usr/bin/env python3
"""Builds overview.json, the dashboard that Grafana gets.

A dashboard is a list of rows, a row a list of panels, a panel a line or two below; everything that the panels
have in common is said once here. `build.py` writes the file, `build.py --check` only compares.
"""
import json
import pathlib
import sys

FILE = pathlib.Path(__file__).with_name("overview.json")
SELECTOR = 'job=~"$job", instance=~"$instance"'
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 24, 8


def query(expression: str, legend: str) -> dict:
    """A query; `{}` or `{label="x"}` after a metric is completed by the dashboard's own matchers."""
    return {"expr": expression.replace("{}", "{" + SELECTOR + "}").replace("{,", "{" + SELECTOR + ","),
            "legend": legend}


def quantiles(metric: str, by: str = "", legend: str = "") -> list[dict]:
    labels = f"le, {by}" if by else "le"
    return [
        query(f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{}}[$__rate_interval])))",
              f"p{round(q * 100)}" + (f" {legend}" if legend else ""))
        for q in ((0.5, 0.95, 0.99) if not by else (0.95,))
    ]


def rate(metric: str, by: str = "") -> list[dict]:
    labels = f" by ({by})" if by else ""
    legend = " ".join("{{" + label.strip() + "}}" for label in by.split(",")) if by else "all"
    return [query(f"sum{labels} (rate({metric}{{}}[$__rate_interval]))", legend)]


def level(metric: str, by: str = "", of: str = "sum") -> list[dict]:
    labels = f" by ({by})" if by else ""
    legend = " ".join("{{" + label.strip() + "}}" for label in by.split(",")) if by else "all"
    return [query(f"{of}{labels} ({metric}{{}})", legend)]


def panel(title: str, description: str, unit: str, queries: list[dict], kind: str = "timeseries",
          width: int = 8, stacked: bool = False) -> dict:
    return {"title": title, "description": description, "unit": unit, "queries": queries, "kind": kind,
            "width": width, "stacked": stacked}


ROWS = [
    ("Traffic", [
        panel("Requests", "Requests finished per second.", "reqps",
              rate("glasspot_requests_total"), "stat", 6),
        panel("Availability", "Share of requests that ended well, of those that did not fail through the client.",
              "percentunit", [query(
                  'sum(rate(glasspot_requests_total{,outcome="ok"}[$__rate_interval])) / sum(rate(glasspot_requests_total'
                  '{,outcome=~"ok|upstream_error|upstream_timeout|no_endpoint|gateway_error"}[$__rate_interval]))',
                  "availability")], "stat", 6),
        panel("In flight", "Requests now being served.", "short", level("glasspot_requests_in_flight"), "stat", 6),
        panel("Endpoints up", "Endpoints that may be given requests.", "short",
              level("glasspot_endpoint_up"), "stat", 6),
        panel("Requests by outcome", "Requests finished per second, by how they ended.", "reqps",
              rate("glasspot_requests_total", "outcome"), stacked=True),
        panel("Requests by status", "Requests finished per second, by the status that the client saw.", "reqps",
              rate("glasspot_requests_total", "code"), stacked=True),
        panel("Request duration", "From the first byte read to the last byte flushed.", "s",
              quantiles("glasspot_request_duration_seconds")),
        panel("In flight by age", "Requests now being served, by how long they have been.", "short",
              level("glasspot_requests_in_flight_by_age", "age"), stacked=True),
        panel("Cancellations by stage", "Requests that the client gave up, by the stage they were in.", "reqps",
              rate("glasspot_client_cancellations_total", "stage"), stacked=True),
        panel("Heads refused", "Requests dropped before their head was parsed, by reason.", "reqps",
              rate("glasspot_request_parse_failures_total", "reason"), stacked=True),
    ]),
    ("Where the time goes", [
        panel("Waiting for whom", "Seconds of request time per second, by the party that was waited for.", "short",
              rate("glasspot_request_party_seconds_total", "party"), stacked=True),
        panel("Gateway stages", "Seconds spent per second in each stage of the gateway and its client side.", "short",
              rate("glasspot_request_stage_duration_seconds_sum", "stage"), stacked=True),
        panel("Upstream stages", "Seconds spent per second in each stage at the endpoints.", "short",
              rate("glasspot_upstream_stage_duration_seconds_sum", "stage"), stacked=True),
        panel("Overhead", "Time that the gateway itself took of a request.", "s",
              quantiles("glasspot_overhead_seconds")),
        panel("Gateway stages, p95", "The slow end of each stage of the gateway and its client side.", "s",
              quantiles("glasspot_request_stage_duration_seconds", "stage", "{{stage}}")),
        panel("Upstream stages, p95", "The slow end of each stage at the endpoints.", "s",
              quantiles("glasspot_upstream_stage_duration_seconds", "stage", "{{stage}}")),
    ]),
    ("LLM", [
        panel("Time to first token", "Streams: from the request fully read to the first content, by model.", "s",
              quantiles("glasspot_time_to_first_token_seconds", "model", "{{model}}")),
        panel("Gap between deltas", "Streams: time between two deltas that carry content, by model.", "s",
              quantiles("glasspot_inter_chunk_duration_seconds", "model", "{{model}}")),
        panel("Longest stall", "Streams: the longest gap of a stream, by model.", "s",
              quantiles("glasspot_stream_longest_stall_seconds", "model", "{{model}}")),
        panel("Tokens", "Tokens per second, as the endpoints report them.", "short",
              rate("glasspot_tokens_total", "token_type"), stacked=True),
        panel("Requests by model", "Requests finished per second, by model.", "reqps",
              rate("glasspot_model_requests_total", "model"), stacked=True),
        panel("Streams open", "Streams now open, by endpoint.", "short",
              level("glasspot_streams_in_flight", "endpoint"), stacked=True),
    ]),
    ("Endpoints", [
        panel("Attempts by outcome", "Attempts on endpoints per second, by how they ended.", "reqps",
              rate("glasspot_upstream_requests_total", "endpoint, outcome"), stacked=True),
        panel("Attempt errors", "Failed attempts per second, by cause.", "reqps",
              rate("glasspot_upstream_errors_total", "endpoint, error_type"), stacked=True),
        panel("Retries", "Retries per second, by the failure before them.", "reqps",
              rate("glasspot_retries_total", "reason"), stacked=True),
        panel("Attempts in flight", "Attempts now running, by endpoint.", "short",
              level("glasspot_upstream_requests_in_flight", "endpoint"), stacked=True),
        panel("Time to first byte", "From the request fully read to the response head, by endpoint.", "s",
              quantiles("glasspot_time_to_first_byte_seconds", "endpoint", "{{endpoint}}")),
        panel("State", "1 for the state that each endpoint is in.", "short",
              level("glasspot_endpoint_state", "endpoint, state", "max")),
        panel("Connections", "Connections now open to the endpoints.", "short",
              level("glasspot_upstream_connections_open", "endpoint, state"), stacked=True),
        panel("Health check duration", "Time of a health check, by endpoint.", "s",
              quantiles("glasspot_health_check_duration_seconds", "endpoint", "{{endpoint}}")),
        panel("Breakers open", "Endpoints whose request breaker is not closed.", "short", [query(
            'sum by (endpoint) (glasspot_breaker_state{,state!="closed"})', "{{endpoint}}")]),
    ]),
    ("The gateway itself", [
        panel("Memory", "Resident memory of the process.", "bytes",
              level("process_resident_memory_bytes", "instance")),
        panel("CPU", "Processors in use.", "short", rate("process_cpu_seconds_total", "instance")),
        panel("Event loop lag", "How late a timer ran on an event loop.", "s",
              quantiles("swift_event_loop_lag_seconds")),
        panel("Client connections", "Client connections now open.", "short",
              level("glasspot_client_connections_open", "instance")),
        panel("Log records", "Log records accepted per second, by level.", "short",
              rate("glasspot_log_records_total", "level"), stacked=True),
        panel("Log records dropped", "Log records not written per second, by reason.", "short",
              rate("glasspot_log_dropped_total", "reason"), stacked=True),
        panel("Series", "Series that the gateway holds.", "short", level("glasspot_metrics_series", "instance")),
        panel("Scrape duration", "Time to render and send a scrape.", "s",
              quantiles("glasspot_metrics_scrape_duration_seconds")),
        panel("File descriptors", "Open file descriptors.", "short",
              level("process_open_fds", "instance")),
    ]),
]


def variable(name: str, label: str, expression: str) -> dict:
    return {
        "name": name, "label": label, "type": "query", "datasource": DATASOURCE,
        "query": {"query": expression, "refId": f"{name}-variable"}, "definition": expression,
        "multi": True, "includeAll": True, "allValue": ".+", "current": {"text": "All", "value": "$__all"},
        "refresh": 2, "sort": 1, "hide": 0, "regex": "", "options": [],
    }


def grafana_panel(number: int, source: dict, x: int, y: int) -> dict:
    custom = {
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if source["stacked"] else 8, "showPoints": "never",
        "stacking": {"mode": "normal" if source["stacked"] else "none", "group": "A"},
    }
    result = {
        "id": number, "type": source["kind"], "title": source["title"], "description": source["description"],
        "datasource": DATASOURCE, "gridPos": {"x": x, "y": y, "w": source["width"], "h": HEIGHT if
                                              source["kind"] == "timeseries" else HEIGHT // 2},
        "fieldConfig": {"defaults": {"unit": source["unit"], "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": one["expr"],
             "legendFormat": one["legend"], "range": True}
            for index, one in enumerate(source["queries"])
        ],
    }
    if source["kind"] == "timeseries":
        result["fieldConfig"]["defaults"]["custom"] = custom
        result["options"] = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                             "tooltip": {"mode": "multi", "sort": "desc"}}
    else:
        result["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                             "colorMode": "value", "graphMode": "area", "textMode": "auto"}
    return result


def dashboard() -> dict:
    panels: list[dict] = []
    y = 0
    for title, sources in ROWS:
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        y += 1
        x = height = 0
        for source in sources:
            if x + source["width"] > WIDTH or (x and source["kind"] != panels[-1]["type"]):
                x, y = 0, y + height
            panels.append(grafana_panel(len(panels) + 1, source, x, y))
            height = panels[-1]["gridPos"]["h"]
            x += source["width"]
        y += height
    return {
        "uid": "glasspot-overview", "title": "Glasspot / Overview",
        "description": "Requests through the gateway: how many, how they end, and where their time goes.",
        "tags": ["glasspot", "llm"], "schemaVersion": 42, "version": 1, "editable": False, "graphTooltip": 1,
        "refresh": "10s", "time": {"from": "now-30m", "to": "now"}, "timezone": "browser", "links": [],
        "annotations": {"list": [{
            "name": "Reloads", "datasource": DATASOURCE, "enable": True, "iconColor": "blue",
            "expr": f"changes(glasspot_config_last_reload_success_timestamp_seconds{{{SELECTOR}}}[$__rate_interval]) > 0",
            "titleFormat": "configuration reloaded"}]},
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
             "current": {"text": "Prometheus", "value": "prometheus"}, "refresh": 1, "hide": 0, "regex": "",
             "options": [], "multi": False, "includeAll": False},
            variable("job", "Job", "label_values(glasspot_build_info, job)"),
            variable("instance", "Instance", 'label_values(glasspot_build_info{job=~"$job"}, instance)'),
        ]},
        "panels": panels,
    }


def main() -> None:
    text = json.dumps(dashboard(), indent=2) + "\n"
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.exit(f"{FILE} is not what build.py makes: run dashboards/build.py")


if __name__ == "__main__":
    main()
