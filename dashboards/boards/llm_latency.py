"""How the answers feel: first token, flow, stalls, speed."""
from parts import (Board, Panel, Row, Variable, heatmap, level, quantile, quantiles, rate, slow_end, stat)

MODEL = 'model=~"$model"'
ENDPOINT = 'endpoint=~"$endpoint"'
BOTH = f"{MODEL}, {ENDPOINT}"
TTFT = "glasspot_time_to_first_token_seconds"
GAP = "glasspot_inter_chunk_duration_seconds"
TPOT = "glasspot_time_per_output_token_seconds"
STALL = "glasspot_stream_longest_stall_seconds"

GLANCE = Row("At a glance", [
    stat("Time to first token, p50", "Half of the streams have their first content by then.", "s",
         [quantile(0.5, TTFT, match=BOTH)]),
    stat("Time to first token, p95", "Nineteen of twenty streams have their first content by then.", "s",
         [quantile(0.95, TTFT, match=BOTH)]),
    stat("Gap, p95", "Nineteen of twenty gaps between two deltas are shorter.", "s",
         [quantile(0.95, GAP, match=MODEL)]),
    stat("Output speed, p50", "Output tokens per second after the first token, in the median request.", "cps",
         [quantile(0.5, "glasspot_output_tokens_per_second", match=MODEL)]),
    stat("Streams open", "Streams now open.", "short", level("glasspot_streams_in_flight", match=ENDPOINT)),
    stat("Tokens", "Tokens per second, in and out.", "cps", rate("glasspot_tokens_total", match=BOTH)),
])

FIRST = Row("Time to first token", [
    heatmap("Time to first token", "Streams: from the request fully read to the first delta with content, reasoning "
            "or a tool call. A dot is one request.", TTFT, BOTH),
    Panel("Time to first token, quantiles", "Streams: from the request fully read to the first content.", "s",
          quantiles(TTFT, BOTH), width=12),
    Panel("By model", "The slow end (p95) of the time to first token, by model.", "s",
          slow_end(TTFT, "model", BOTH), width=12),
    Panel("By endpoint", "The slow end (p95) of the time to first token, by endpoint.", "s",
          slow_end(TTFT, "endpoint", BOTH), width=12),
])

FLOW = Row("The flow of tokens", [
    heatmap("Gap between deltas", "Streams: time between two deltas that carry content. A dot is one request.",
            GAP, MODEL),
    Panel("Gap between deltas, by model", "The slow end (p95) of the gaps, by model.", "s",
          slow_end(GAP, "model", MODEL), width=12),
    heatmap("Time per output token", "Streams: the mean time per token after the first, once per request.", TPOT, BOTH),
    Panel("Time per output token, by model", "The slow end (p95) of the mean time per token, by model.", "s",
          slow_end(TPOT, "model", BOTH), width=12),
    heatmap("Longest stall", "Streams: the longest gap of each stream. A dot is one request.", STALL, MODEL),
    Panel("Longest stall, by model", "The slow end (p95) of the longest gap of a stream, by model.", "s",
          slow_end(STALL, "model", MODEL), width=12),
])

SPEED = Row("Speed and size", [
    Panel("Output speed", "Output tokens per second after the first token: the median request, by model.", "cps",
          slow_end("glasspot_output_tokens_per_second", "model", MODEL, share=0.5)),
    Panel("Operation duration", "From the endpoint chosen to the last byte: the slow end (p95), by operation.", "s",
          slow_end("glasspot_operation_duration_seconds", "operation", MODEL)),
    Panel("Operation duration by model", "From the endpoint chosen to the last byte: the slow end (p95), by model.",
          "s", slow_end("glasspot_operation_duration_seconds", "model", MODEL)),
    Panel("Tokens by model", "Tokens per second, by model and direction, as the endpoints report them.", "cps",
          rate("glasspot_tokens_total", "model, token_type", BOTH), stacked=True),
    Panel("Kinds of tokens", "Parts of the totals: read from a cache, written to it, spent on reasoning.", "cps",
          rate("glasspot_token_details_total", "token_type", MODEL), stacked=True),
    Panel("Tokens per request", "Large requests (p95), by direction.", "short",
          slow_end("glasspot_request_tokens", "token_type", MODEL)),
])

ENDINGS = Row("How answers end", [
    Panel("Outcomes by model", "Requests finished per second, by model and outcome.", "reqps",
          rate("glasspot_model_requests_total", "model, outcome", MODEL), stacked=True),
    Panel("Finish reasons", "Completions per second, by the reason the model gave for stopping.", "ops",
          rate("glasspot_finish_reasons_total", "reason", MODEL), stacked=True),
    Panel("Streams broken off", "Streams that ended before their end marker, by who ended them.", "ops",
          rate("glasspot_stream_aborts_total", "reason", ENDPOINT), stacked=True),
    Panel("Deltas relayed", "Deltas with content per second, by endpoint.", "ops",
          rate("glasspot_stream_chunks_total", "endpoint", ENDPOINT), stacked=True),
    Panel("Answers without usage", "Successful answers per second whose tokens could not be counted.", "ops",
          rate("glasspot_usage_missing_total", "endpoint", ENDPOINT), stacked=True),
    Panel("Aliases used", "Requests per second whose model name was rewritten by an alias.", "reqps",
          rate("glasspot_model_alias_rewrites_total", "model", MODEL), stacked=True),
])

BOARD = Board(
    "llm-latency", "Glasspot / LLM latency", "What users feel: time to first token, gaps, stalls and speed.",
    [GLANCE, FIRST, FLOW, SPEED, ENDINGS],
    variables=(Variable("model", "glasspot_model_requests_total", 'job=~"$job", instance=~"$instance"'),
               Variable("endpoint", "glasspot_endpoint_up", 'job=~"$job", instance=~"$instance"')),
    tags=("llm",))
