"""Is everything well, and if not, where to look?"""
from parts import (Board, Panel, Row, heatmap, level, quantile, quantiles, query, rate, slow_end, stat)

# What the availability objective counts: requests for a backend that did not fail through the client's own doing.
LLM = 'route=~"proxy|provider|translator"'
BAD = 'outcome=~"upstream_error|upstream_timeout|no_endpoint|gateway_error"'
COUNTED = 'outcome=~"ok|upstream_error|upstream_timeout|no_endpoint|gateway_error"'
# The objectives of prometheus/rules/slo.yml.
AVAILABILITY_BUDGET, TTFT_BUDGET, TTFT_BOUND = 0.005, 0.05, "2.5"


def bad_share(window: str) -> str:
    return (f"sum(increase(glasspot_requests_total{{,{LLM}, {BAD}}}[{window}])) / "
            f"(sum(increase(glasspot_requests_total{{,{LLM}, {COUNTED}}}[{window}])) > 0)")


def slow_share(window: str) -> str:
    family = "glasspot_time_to_first_token_seconds"
    return (f'1 - sum(increase({family}_bucket{{,le="{TTFT_BOUND}"}}[{window}])) / '
            f"(sum(increase({family}_count{{}}[{window}])) > 0)")


def burn(share, budget: float) -> list:
    return [query(f"({share(window)}) / {budget:g}", window) for window in ("5m", "1h", "6h", "3d")]


GLANCE = Row("At a glance", [
    stat("Requests", "Requests finished per second, on all routes.", "reqps", rate("glasspot_requests_total")),
    stat("Availability", "Of the requests for a backend that did not fail through the client, the share that ended "
         "well.", "percentunit", [query(f"1 - ({bad_share('$__rate_interval')})", "availability")],
         thresholds=((None, "red"), (0.98, "orange"), (1 - AVAILABILITY_BUDGET, "green")), maximum=1),
    stat("Time to first token", "The slowest twentieth of streams waits at least this long for its first content.",
         "s", [quantile(0.95, "glasspot_time_to_first_token_seconds")],
         thresholds=((None, "green"), (2.5, "orange"), (10, "red"))),
    stat("Overhead", "What the gateway itself adds to the slowest hundredth of requests.", "s",
         [quantile(0.99, "glasspot_overhead_seconds")],
         thresholds=((None, "green"), (0.01, "orange"), (0.1, "red"))),
    stat("In flight", "Requests now being served.", "short", level("glasspot_requests_in_flight")),
    stat("Endpoints up", "Share of the endpoints that may be given requests.", "percentunit",
         [query("avg(glasspot_endpoint_up{})", "up")],
         thresholds=((None, "red"), (0.5, "orange"), (1, "green")), maximum=1),
])

TRAFFIC = Row("Rate, errors, duration", [
    Panel("Requests by outcome", "Requests finished per second, by how they ended.", "reqps",
          rate("glasspot_requests_total", "outcome"), stacked=True),
    Panel("Requests by status", "Requests finished per second, by the status that the client saw.", "reqps",
          rate("glasspot_requests_total", "code"), stacked=True),
    Panel("Requests by route", "Requests finished per second, by the part of the surface they asked.", "reqps",
          rate("glasspot_requests_total", "route"), stacked=True),
    heatmap("Request duration", "From the first byte read to the last byte flushed. A dot is one request: click it "
            "for its log line.", "glasspot_request_duration_seconds"),
    Panel("Request duration, quantiles", "From the first byte read to the last byte flushed.", "s",
          quantiles("glasspot_request_duration_seconds"), width=12),
    Panel("Started and finished", "Requests per second whose head was parsed, and those that came to an end.", "reqps", [
        query("sum(rate(glasspot_requests_started_total{}[$__rate_interval]))", "started"),
        query("sum(rate(glasspot_requests_total{}[$__rate_interval]))", "finished")], width=6),
    Panel("In flight by age", "Requests now being served, by how long they have been.", "short",
          level("glasspot_requests_in_flight_by_age", "age"), stacked=True, width=6),
    Panel("Cancellations", "Requests that the client gave up, by the stage they were in.", "reqps",
          rate("glasspot_client_cancellations_total", "stage"), stacked=True, width=6),
    Panel("Requests not understood", "Requests dropped before their head was parsed, by reason.", "reqps",
          rate("glasspot_request_parse_failures_total", "reason"), stacked=True, width=6),
])

OBJECTIVES = Row("Objectives", [
    Panel("Availability: budget burn", "How many times faster than allowed the error budget is being spent, over "
          "four windows; at 1 it lasts exactly the month. The alerts fire at 14.4 (1h and 5m), 6, 3 and 1.", "short",
          burn(bad_share, AVAILABILITY_BUDGET), width=12,
          thresholds=((None, "transparent"), (1, "orange"), (14.4, "red"))),
    Panel("Time to first token: budget burn", f"How many times faster than allowed the budget of streams beyond "
          f"{TTFT_BOUND} s is being spent, over four windows.", "short", burn(slow_share, TTFT_BUDGET), width=12,
          thresholds=((None, "transparent"), (1, "orange"), (14.4, "red"))),
    Panel("Failed requests", "Share of the counted requests that failed; the budget is the line.", "percentunit",
          [query(bad_share("$__rate_interval"), "failed")], width=12,
          thresholds=((None, "transparent"), (AVAILABILITY_BUDGET, "red"))),
    Panel("Slow first tokens", f"Share of the streams whose first token took longer than {TTFT_BOUND} s; the budget "
          "is the line.", "percentunit", [query(slow_share("$__rate_interval"), "slow")], width=12,
          thresholds=((None, "transparent"), (TTFT_BUDGET, "red"))),
])

SLOW = Row("What is slow?", [
    Panel("Waiting for whom", "Seconds of request time per second, by the party that was waited for: client, gateway "
          "or endpoint. The three add up to all request time.", "short",
          rate("glasspot_request_party_seconds_total", "party"), stacked=True),
    Panel("In which stage of the gateway", "Seconds spent per second in each stage of the gateway and its client "
          "side.", "short", rate("glasspot_request_stage_duration_seconds_sum", "stage"), stacked=True),
    Panel("In which stage at the endpoints", "Seconds spent per second in each stage at the endpoints.", "short",
          rate("glasspot_upstream_stage_duration_seconds_sum", "stage"), stacked=True),
    Panel("Which model", "The slow end (p95) of the time to first token, by model.", "s",
          slow_end("glasspot_time_to_first_token_seconds", "model"), width=12),
    Panel("Which endpoint", "The slow end (p95) of the time to first byte, by endpoint.", "s",
          slow_end("glasspot_time_to_first_byte_seconds", "endpoint"), width=12),
])

DEMAND = Row("Who asks for what", [
    Panel("Requests by model", "Requests finished per second, by model; `none` named no model, `other` one that is "
          "not known.", "reqps", rate("glasspot_model_requests_total", "model"), stacked=True),
    Panel("Tokens", "Tokens per second, as the endpoints report them.", "cps",
          rate("glasspot_tokens_total", "token_type"), stacked=True),
    Panel("Endpoints chosen", "Routing decisions per second, by endpoint.", "ops",
          rate("glasspot_routing_decisions_total", "endpoint"), stacked=True),
    Panel("Admission", "What became of requests at the door, per second.", "reqps",
          rate("glasspot_admission_total", "decision"), stacked=True),
    Panel("Rate limits", "Decisions of the rate limiter per second.", "reqps",
          rate("glasspot_rate_limit_decisions_total", "limit, decision"), stacked=True),
    Panel("Not routed", "Requests for which no endpoint could be chosen, by reason.", "reqps",
          rate("glasspot_routing_failures_total", "reason"), stacked=True),
])

BOARD = Board(
    "overview", "Glasspot / Overview", "Requests through the gateway: how many, how they end, and where their time "
    "goes.", [GLANCE, TRAFFIC, OBJECTIVES, SLOW, DEMAND], tags=("llm",))
