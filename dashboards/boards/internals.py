"""The gateway itself: what it adds, what it uses, and whether its own telemetry is sound."""
from parts import (Board, Panel, Row, heatmap, level, mean, quantile, quantiles, query, rate, slow_end, stat)

STAGE = "glasspot_request_stage_duration_seconds"
OVERHEAD = "glasspot_overhead_seconds"
LAG = "swift_event_loop_lag_seconds"

GLANCE = Row("At a glance", [
    stat("Overhead, p50", "What the gateway adds to the median request.", "s", [quantile(0.5, OVERHEAD)]),
    stat("Event loop lag, p99", "How late timers run on the event loops.", "s", [quantile(0.99, LAG)],
         thresholds=((None, "green"), (0.025, "orange"), (0.1, "red"))),
    stat("CPU", "Processors in use.", "short", rate("process_cpu_seconds_total")),
    stat("Memory", "Resident memory.", "bytes", level("process_resident_memory_bytes")),
    stat("Descriptors", "Share of the allowed file descriptors in use.", "percentunit",
         [query("max(process_open_fds{} / process_max_fds{})", "used")],
         thresholds=((None, "green"), (0.6, "orange"), (0.8, "red"))),
    stat("Impossible things", "Bugs of the gateway that it noticed itself, per second. Please report them.", "ops",
         rate("glasspot_bugs_total"), thresholds=((None, "green"), (1e-9, "red"))),
])

STAGES = Row("Stages", [
    Panel("Time by stage", "Seconds spent per second in each stage of the gateway and its client side, stacked: the "
          "height is the mean number of requests in them.", "short", rate(STAGE + "_sum", "stage"), stacked=True,
          width=12),
    Panel("Waiting for whom", "Seconds of request time per second, by the party that was waited for.", "short",
          rate("glasspot_request_party_seconds_total", "party"), stacked=True, width=12),
    heatmap("Overhead", "Time of each request that was neither the client's nor the endpoint's. A dot is one "
            "request.", OVERHEAD),
    Panel("Overhead, quantiles", "Time that the gateway itself took of a request.", "s", quantiles(OVERHEAD),
          width=12),
    Panel("Stages, slow end", "The slow end (p95) of each stage.", "s", slow_end(STAGE, "stage")),
    Panel("Stages, mean", "The mean time per request in each stage.", "s", mean(STAGE, "stage")),
    Panel("Overhead by kind", "The slow end (p95) of the overhead, streams and whole answers apart.", "s",
          [quantile(0.95, OVERHEAD, "stream", legend="stream {{stream}}")]),
])

EDGE = Row("The client side", [
    Panel("Connections open", "Client connections now open.", "short",
          level("glasspot_client_connections_open", "instance"), stacked=True),
    Panel("Connections accepted", "Client connections per second, by result.", "ops",
          rate("glasspot_client_connections_total", "result"), stacked=True),
    Panel("Accepting", "From a socket being accepted to its event loop being ready to read it.", "s",
          quantiles("glasspot_client_accept_duration_seconds")),
    Panel("Request bodies", "Large request bodies (p95), by route.", "bytes",
          slow_end("glasspot_request_body_bytes", "route")),
    Panel("Response bodies", "Large response bodies (p95), by route.", "bytes",
          slow_end("glasspot_response_body_bytes", "route")),
    Panel("Back-pressure", "Times per second that reading was paused because the other side could not follow.",
          "ops", rate("glasspot_backpressure_pauses_total", "side"), stacked=True),
    Panel("Queue", "Requests waiting for room on an endpoint.", "short", level("glasspot_queue_depth", "instance"),
          stacked=True),
    Panel("Clients of the rate limiter", "Client buckets that the rate limiter holds.", "short",
          level("glasspot_rate_limit_tracked_clients", "instance"), stacked=True),
    Panel("Requests by key", "Requests finished per second by client key; only with keys configured.", "reqps",
          rate("glasspot_client_key_requests_total", "key"), stacked=True),
])

LOOPS = Row("Event loops and process", [
    heatmap("Event loop lag", "Delay between when a timer was due on an event loop and when it ran, probed once a "
            "second per loop.", LAG),
    Panel("Event loop lag, quantiles", "Delay between when a timer was due and when it ran.", "s", quantiles(LAG),
          width=12),
    Panel("CPU by loop", "Share of a processor that each event loop uses.", "percentunit",
          rate("swift_event_loop_cpu_seconds_total", "instance, loop")),
    Panel("CPU", "Processors in use.", "short", rate("process_cpu_seconds_total", "instance")),
    Panel("Event loops", "Event loop threads.", "short", level("swift_event_loop_threads", "instance")),
    Panel("Memory", "Resident memory of the process and its heap in use.", "bytes", [
        query("sum by (instance) (process_resident_memory_bytes{})", "{{instance}} resident"),
        query("sum by (instance) (swift_allocated_bytes{})", "{{instance}} heap")]),
    Panel("Descriptors", "Open file descriptors, and the most allowed.", "short", [
        query("sum by (instance) (process_open_fds{})", "{{instance}} open"),
        query("min by (instance) (process_max_fds{})", "{{instance}} allowed")]),
    Panel("Network", "Bytes per second through all sockets.", "Bps", [
        query("sum by (instance) (rate(process_network_receive_bytes_total{}[$__rate_interval]))",
              "{{instance}} received"),
        query("sum by (instance) (rate(process_network_transmit_bytes_total{}[$__rate_interval]))",
              "{{instance}} sent")]),
    Panel("Address space", "Virtual memory of the process.", "bytes",
          level("process_virtual_memory_bytes", "instance")),
    Panel("Up since", "Time since the process started.", "s",
          [query("time() - max by (instance) (process_start_time_seconds{})", "{{instance}}")]),
    Panel("Oldest request", "Age of the oldest request still being served; 0 when idle.", "s", [query(
        "(time() - max by (instance) (glasspot_oldest_request_start_timestamp_seconds{} > 0)) or max by (instance) "
        "(glasspot_oldest_request_start_timestamp_seconds{})", "{{instance}}")]),
])

LOGS = Row("Logs and traces", [
    Panel("Records", "Log records accepted per second, by level.", "ops", rate("glasspot_log_records_total", "level"),
          stacked=True),
    Panel("Records dropped", "Log records not written per second, by reason.", "ops",
          rate("glasspot_log_dropped_total", "reason"), stacked=True),
    Panel("Records waiting", "Log records waiting to be written.", "short",
          level("glasspot_log_queue_records", "instance")),
    Panel("Written", "Bytes of log written per second.", "Bps",
          rate("glasspot_log_written_bytes_total", "instance"), width=12),
    Panel("Spans dropped", "Trace spans not delivered per second, by reason.", "ops",
          rate("glasspot_trace_spans_dropped_total", "reason"), stacked=True, width=12),
])

PIPELINE = Row("Metrics about metrics", [
    Panel("Scrapes", "Scrapes served per second, by format and status.", "ops",
          rate("glasspot_metrics_scrapes_total", "format, code"), stacked=True),
    Panel("Scrape duration", "Slow scrapes (p95), by format.", "s",
          slow_end("glasspot_metrics_scrape_duration_seconds", "format")),
    Panel("Scrape size", "Size of the last page, by encoding.", "bytes",
          level("glasspot_metrics_scrape_body_bytes", "encoding", "max")),
    Panel("Series", "Series that the gateway holds.", "short", level("glasspot_metrics_series", "instance")),
    Panel("Labels full", "Observations per second that went to `other` because a label was full.", "ops",
          rate("glasspot_metrics_label_overflow_total", "label"), stacked=True),
    Panel("Series removed", "Series removed per second, by reason.", "ops",
          rate("glasspot_metrics_series_evicted_total", "reason"), stacked=True),
    Panel("Shards read from outside", "Shards per second that a busy event loop did not hand over in time.", "ops",
          rate("glasspot_metrics_shard_fallback_reads_total", "instance"), stacked=True),
    Panel("Exemplars", "Exemplars stored per second.", "ops", rate("glasspot_metrics_exemplars_total", "instance"),
          stacked=True),
    Panel("Scrapes as Prometheus sees them", "1 when the last scrape succeeded.", "short", level(
        "up", "instance", "min"), "state-timeline", mappings=(("0", "down", "red"), ("1", "up", "green"))),
])

CONFIGURATION = Row("Build and configuration", [
    Panel("Builds", "Version, revision and compiler of each gateway.", "none", [query(
        "max by (instance, version, revision, swift_version) (glasspot_build_info{})", instant=True)], "table", 12),
    Panel("Configurations", "Engine, balancer and profile of each gateway.", "none", [query(
        "max by (instance, engine, balancer, profile) (glasspot_config_info{})", instant=True)], "table", 12),
    Panel("Reloads", "Configuration reloads per second, by result.", "ops",
          rate("glasspot_config_reloads_total", "result"), stacked=True),
    Panel("Last reload", "Whether the last reload succeeded.", "short", level(
        "glasspot_config_last_reload_successful", "instance", "min"), "state-timeline",
          mappings=(("0", "failed", "red"), ("1", "succeeded", "green"))),
    Panel("Since the last reload", "Age of the running configuration.", "s", [query(
        "time() - max by (instance) (glasspot_config_last_reload_success_timestamp_seconds{})", "{{instance}}")]),
])

BOARD = Board(
    "internals", "Glasspot / Gateway internals", "The gateway itself: stages, event loops, memory, logs, and the "
    "metrics pipeline.", [GLANCE, STAGES, EDGE, LOOPS, LOGS, PIPELINE, CONFIGURATION])
