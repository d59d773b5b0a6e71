"""The backends: which are well, which are slow, and who gets the work."""
from parts import (Board, Panel, Row, Variable, age, heatmap, level, mean, query, rate, slow_end, stat)

ENDPOINT = 'endpoint=~"$endpoint"'
UP = (("0", "down", "red"), ("1", "up", "green"))
BREAKER = (("0", "closed", "green"), ("1", "half open", "orange"), ("2", "open", "red"))

HEALTH = Row("Health", [
    stat("Endpoints up", "Share of the endpoints that may be given requests.", "percentunit",
         [query(f"avg(glasspot_endpoint_up{{,{ENDPOINT}}})", "up")], width=6,
         thresholds=((None, "red"), (0.5, "orange"), (1, "green")), maximum=1),
    stat("Attempts that failed", "Share of the attempts that the endpoint failed.", "percentunit", [query(
        f'sum(rate(glasspot_upstream_requests_total{{,{ENDPOINT}, outcome=~"upstream_.+"}}[$__rate_interval])) / '
        f"sum(rate(glasspot_upstream_requests_total{{,{ENDPOINT}}}[$__rate_interval]))", "failed")], width=6,
         thresholds=((None, "green"), (0.01, "orange"), (0.1, "red"))),
    stat("Attempts in flight", "Attempts now running.", "short",
         level("glasspot_upstream_requests_in_flight", match=ENDPOINT), width=6),
    stat("Breakers open", "Endpoints whose request breaker is not closed.", "short", [query(
        f'sum(glasspot_breaker_state{{,{ENDPOINT}, state!="closed"}})', "open")], width=6,
         thresholds=((None, "green"), (1, "red"))),
    Panel("Up", "Whether each endpoint may be given requests.", "short",
          level("glasspot_endpoint_up", "endpoint", "min", ENDPOINT), "state-timeline", 12, mappings=UP),
    Panel("Breakers", "The request breaker of each endpoint: closed, half open or open.", "short", [query(
        f'2 * max by (endpoint) (glasspot_breaker_state{{,{ENDPOINT}, state="open"}}) + '
        f'max by (endpoint) (glasspot_breaker_state{{,{ENDPOINT}, state="half_open"}})', "{{endpoint}}")],
          "state-timeline", 12, mappings=BREAKER),
    Panel("State", "1 for the state that each endpoint is in.", "short", [query(
        f"max by (endpoint, state) (glasspot_endpoint_state{{,{ENDPOINT}}}) == 1", "{{endpoint}} {{state}}")]),
    Panel("Fleet", "Configured endpoints, by whether they may be given requests.", "short",
          level("glasspot_endpoints", "state"), stacked=True),
    Panel("State changes", "Changes of health per second.", "ops",
          rate("glasspot_endpoint_state_changes_total", "endpoint", ENDPOINT), stacked=True),
    Panel("Breaker transitions", "Breaker state changes per second, by the state entered.", "ops",
          rate("glasspot_breaker_transitions_total", "endpoint, to", ENDPOINT), stacked=True),
    Panel("Health checks", "Health checks per second, by result.", "ops",
          rate("glasspot_health_checks_total", "endpoint, result", ENDPOINT), stacked=True),
    Panel("Health check duration", "The slow end (p95) of health checks, by endpoint.", "s",
          slow_end("glasspot_health_check_duration_seconds", "endpoint", ENDPOINT)),
    Panel("Since the last good check", "Time since an endpoint last passed its health check.", "s",
          age("glasspot_health_last_success_timestamp_seconds", "endpoint", ENDPOINT), width=16),
])

ERRORS = Row("Attempts and failures", [
    Panel("Attempts by outcome", "Attempts on endpoints per second, by how they ended.", "reqps",
          rate("glasspot_upstream_requests_total", "endpoint, outcome", ENDPOINT), stacked=True),
    Panel("Answers by status", "Attempts per second, by the status of the endpoint's answer; `none` gave none.",
          "reqps", rate("glasspot_upstream_requests_total", "endpoint, code", ENDPOINT), stacked=True),
    Panel("Failures by cause", "Failed attempts per second, by cause.", "reqps",
          rate("glasspot_upstream_errors_total", "endpoint, error_type", ENDPOINT), stacked=True),
    Panel("Retries", "Retries on another endpoint per second, by the failure before them.", "reqps",
          rate("glasspot_retries_total", "reason"), stacked=True),
    Panel("Retries refused", "Retries per second that the retry budget did not allow.", "reqps",
          rate("glasspot_retry_budget_exhausted_total"), stacked=True),
    Panel("Attempts per request", "The mean number of attempts that a request took.", "short",
          mean("glasspot_request_attempts")),
    Panel("Attempts refused by breakers", "Attempts not made because the breaker was open, per second.", "reqps",
          rate("glasspot_breaker_rejections_total", "endpoint", ENDPOINT), stacked=True),
    Panel("Streams broken off", "Streams that ended before their end marker, by who ended them.", "ops",
          rate("glasspot_stream_aborts_total", "endpoint, reason", ENDPOINT), stacked=True),
    Panel("Attempts in flight", "Attempts now running, by endpoint.", "short",
          level("glasspot_upstream_requests_in_flight", "endpoint", match=ENDPOINT), stacked=True),
])

TIME = Row("Time", [
    heatmap("Time to first byte", "From the request fully read to the first byte of the endpoint's answer. A dot is "
            "one request.", "glasspot_time_to_first_byte_seconds", ENDPOINT),
    Panel("Time to first byte, by endpoint", "The slow end (p95), by endpoint.", "s",
          slow_end("glasspot_time_to_first_byte_seconds", "endpoint", ENDPOINT), width=12),
    Panel("Attempt duration", "From the endpoint chosen to its last byte: the slow end (p95).", "s",
          slow_end("glasspot_upstream_attempt_duration_seconds", "endpoint", ENDPOINT)),
    Panel("Stages", "Seconds spent per second in each stage: get a connection, send, wait, stream.", "short",
          rate("glasspot_upstream_stage_duration_seconds_sum", "stage", ENDPOINT), stacked=True),
    Panel("Stages, slow end", "The slow end (p95) of each stage, by endpoint.", "s",
          slow_end("glasspot_upstream_stage_duration_seconds", "endpoint, stage", ENDPOINT)),
])

CONNECTIONS = Row("Connections", [
    Panel("Opening a connection", "Slow openings (p95) of a new connection, by step: name, TCP, TLS.", "s",
          slow_end("glasspot_upstream_connect_duration_seconds", "endpoint, step", ENDPOINT)),
    Panel("Connections used", "Connections acquired per second: kept ones, new ones, failures.", "ops",
          rate("glasspot_upstream_connections_total", "endpoint, result", ENDPOINT), stacked=True),
    Panel("Connections open", "Connections now open, at work and idle.", "short",
          level("glasspot_upstream_connections_open", "endpoint, state", match=ENDPOINT), stacked=True),
    Panel("Bytes", "Bytes exchanged per second, by direction.", "Bps",
          rate("glasspot_upstream_bytes_total", "endpoint, direction", ENDPOINT), stacked=True, width=12),
    Panel("Back-pressure", "Times per second that reading was paused because the other side could not follow.",
          "ops", rate("glasspot_backpressure_pauses_total", "side"), stacked=True, width=12),
])

ROUTING = Row("Routing", [
    Panel("Decisions by reason", "Endpoints chosen per second, by reason.", "ops",
          rate("glasspot_routing_decisions_total", "reason", ENDPOINT), stacked=True),
    Panel("Decisions by endpoint", "Endpoints chosen per second.", "ops",
          rate("glasspot_routing_decisions_total", "endpoint", ENDPOINT), stacked=True),
    Panel("Candidates", "The mean number of endpoints that a request could have gone to.", "short",
          mean("glasspot_routing_candidates")),
    Panel("Sticky sessions", "Lookups of sticky sessions per second, by result.", "ops",
          rate("glasspot_sticky_lookups_total", "result"), stacked=True),
    Panel("Sticky sessions held", "Sticky sessions now held.", "short", level("glasspot_sticky_sessions")),
    Panel("Sticky sessions dropped", "Sticky sessions dropped per second, by reason.", "ops",
          rate("glasspot_sticky_evictions_total", "reason"), stacked=True),
    Panel("Translated requests", "Requests in Anthropic's dialect per second, by mode and result.", "reqps",
          rate("glasspot_translator_requests_total", "translator, mode, result"), stacked=True, width=12),
    Panel("Translated though passthrough was wanted", "Requests translated although they could have been passed on, "
          "by reason.", "reqps", rate("glasspot_translator_fallbacks_total", "translator, reason"), stacked=True,
          width=12),
])

MODELS = Row("Models", [
    Panel("Models per endpoint", "Models found on each endpoint.", "short",
          level("glasspot_endpoint_models", "endpoint", "max", ENDPOINT)),
    Panel("Endpoints per model", "Healthy endpoints that serve each model; 0 means nobody does.", "short",
          level("glasspot_model_endpoints", "model", "min")),
    Panel("Discovery", "Runs of model discovery per second, by result.", "ops",
          rate("glasspot_discovery_runs_total", "endpoint, result", ENDPOINT), stacked=True),
    Panel("Discovery duration", "Slow runs (p95) of model discovery.", "s",
          slow_end("glasspot_discovery_duration_seconds", "endpoint", ENDPOINT), width=12),
    Panel("Since the last discovery", "Time since an endpoint's models were last listed.", "s",
          age("glasspot_discovery_last_success_timestamp_seconds", "endpoint", ENDPOINT), width=12),
])

ENGINES = Row("What the engines report", [
    Panel("Running", "Requests running, as the engines report.", "short",
          level("glasspot_backend_requests_running", "endpoint", "max", ENDPOINT), width=6),
    Panel("Waiting", "Requests waiting, as the engines report.", "short",
          level("glasspot_backend_requests_waiting", "endpoint", "max", ENDPOINT), width=6),
    Panel("KV cache", "Share of the KV cache in use, as the engines report.", "percentunit",
          level("glasspot_backend_kv_cache_usage_ratio", "endpoint", "max", ENDPOINT), width=6, maximum=1),
    Panel("Reports that failed", "Polls of the engines' own metrics that failed, per second.", "ops",
          rate("glasspot_backend_poll_failures_total", "endpoint", ENDPOINT), width=6, stacked=True),
])

BOARD = Board(
    "endpoints", "Glasspot / Endpoints", "The backends: health, failures, time, connections, models and load.",
    [HEALTH, ERRORS, TIME, CONNECTIONS, ROUTING, MODELS, ENGINES],
    variables=(Variable("endpoint", "glasspot_endpoint_up", 'job=~"$job", instance=~"$instance"'),))
