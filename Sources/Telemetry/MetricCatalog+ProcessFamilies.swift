import Domain
import MetricKernel

extension MetricCatalog {
    /// The families about health checks and breakers.
    static let health: [CatalogRow] = [
        CatalogRow(
            .endpointUp, .gauge, "glasspot_endpoint_up",
            "1 when the endpoint may be given requests, else 0.",
            recorded: "state change",
            labels: [.endpoint],
            start: .firstSight),
        CatalogRow(
            .endpointState, .gauge, "glasspot_endpoint_state",
            "1 for the state the endpoint is in, 0 for the others.",
            recorded: "state change",
            labels: [.endpoint, .closed("state", EndpointState.self)],
            start: .firstSight),
        CatalogRow(
            .endpointStateChangesTotal, .counter, "glasspot_endpoint_state_changes_total",
            "Health state changes.",
            recorded: "state change",
            labels: [.endpoint],
            start: .perEndpoint),
        CatalogRow(
            .healthChecksTotal, .counter, "glasspot_health_checks_total",
            "Health checks.",
            recorded: "check finished",
            labels: [.endpoint, .closed("result", HealthCheckResult.self)],
            start: .perEndpoint),
        CatalogRow(
            .healthCheckDurationSeconds, .histogram, "glasspot_health_check_duration_seconds",
            "Health check time.",
            recorded: "check finished",
            labels: [.endpoint],
            unit: .seconds, buckets: .conn, start: .firstSight),
        CatalogRow(
            .healthLastSuccessTimestampSeconds, .gauge,
            "glasspot_health_last_success_timestamp_seconds",
            "Unix time of the last health check that succeeded.",
            recorded: "check ok",
            labels: [.endpoint],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .breakerState, .gauge, "glasspot_breaker_state",
            "1 for the state the request breaker is in, 0 for the others; failed probes show "
                + "in endpoint_state.",
            recorded: "state change",
            labels: [.endpoint, .closed("state", BreakerState.self)],
            start: .firstSight),
        CatalogRow(
            .breakerTransitionsTotal, .counter, "glasspot_breaker_transitions_total",
            "Breaker state changes.",
            recorded: "state change",
            labels: [.endpoint, .closed("to", BreakerState.self)],
            start: .perEndpoint),
        CatalogRow(
            .breakerRejectionsTotal, .counter, "glasspot_breaker_rejections_total",
            "Attempts not made because the breaker was open.",
            recorded: "rejection",
            labels: [.endpoint],
            start: .perEndpoint),
    ]

    /// The families about discovery.
    static let discovery: [CatalogRow] = [
        CatalogRow(
            .endpoints, .gauge, "glasspot_endpoints",
            "Configured endpoints, by state.",
            recorded: "computed at scrape",
            labels: [.closed("state", EndpointHealthLabel.self)],
            start: .firstSight),
        CatalogRow(
            .endpointModels, .gauge, "glasspot_endpoint_models",
            "Models found on an endpoint.",
            recorded: "discovery",
            labels: [.endpoint],
            start: .firstSight),
        CatalogRow(
            .modelEndpoints, .gauge, "glasspot_model_endpoints",
            "Healthy endpoints that serve a model.",
            recorded: "discovery or health change",
            labels: [.model],
            start: .firstSight),
        CatalogRow(
            .discoveryRunsTotal, .counter, "glasspot_discovery_runs_total",
            "Model discovery runs.",
            recorded: "run finished",
            labels: [.endpoint, .closed("result", RunResult.self)],
            start: .perEndpoint),
        CatalogRow(
            .discoveryDurationSeconds, .histogram, "glasspot_discovery_duration_seconds",
            "Model discovery time.",
            recorded: "run finished",
            labels: [.endpoint],
            unit: .seconds, buckets: .conn, start: .firstSight),
        CatalogRow(
            .discoveryLastSuccessTimestampSeconds, .gauge,
            "glasspot_discovery_last_success_timestamp_seconds",
            "Unix time of the last discovery that succeeded.",
            recorded: "run ok",
            labels: [.endpoint],
            unit: .seconds, start: .firstSight),
    ]

    /// The families about log lines.
    static let logs: [CatalogRow] = [
        CatalogRow(
            .logRecordsTotal, .counter, "glasspot_log_records_total",
            "Log records accepted.",
            recorded: "record queued",
            labels: [.closed("level", LogLevelLabel.self)],
            start: .zero),
        CatalogRow(
            .logDroppedTotal, .counter, "glasspot_log_dropped_total",
            "Log records not written.",
            recorded: "drop",
            labels: [.closed("reason", LogDropReason.self)],
            start: .zero),
        CatalogRow(
            .logQueueRecords, .gauge, "glasspot_log_queue_records",
            "Log records waiting to be written.",
            recorded: "computed at scrape",
            start: .zero),
        CatalogRow(
            .logWrittenBytesTotal, .counter, "glasspot_log_written_bytes_total",
            "Log bytes written.",
            recorded: "write",
            unit: .bytes, start: .zero),
    ]

    /// The families about the telemetry pipeline itself.
    static let pipeline: [CatalogRow] = [
        CatalogRow(
            .metricsScrapesTotal, .counter, "glasspot_metrics_scrapes_total",
            "Scrapes served.",
            recorded: "scrape finished",
            labels: [.closed("format", ScrapeFormat.self), .code],
            start: .firstSight),
        CatalogRow(
            .metricsScrapeDurationSeconds, .histogram, "glasspot_metrics_scrape_duration_seconds",
            "Time to render and send a scrape.",
            recorded: "scrape finished",
            labels: [.closed("format", ScrapeFormat.self)],
            unit: .seconds, buckets: .scr, start: .firstSight),
        CatalogRow(
            .metricsScrapeBodyBytes, .gauge, "glasspot_metrics_scrape_body_bytes",
            "Size of the last scrape body.",
            recorded: "scrape finished",
            labels: [.closed("encoding", ScrapeEncoding.self)],
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .metricsSeries, .gauge, "glasspot_metrics_series",
            "Series now held.",
            recorded: "computed at scrape",
            start: .firstSight),
        CatalogRow(
            .metricsLabelOverflowTotal, .counter, "glasspot_metrics_label_overflow_total",
            "Observations folded into the overflow value because a label was full.",
            recorded: "fold",
            labels: [.closed("label", BoundedLabel.self)],
            start: .zero),
        CatalogRow(
            .metricsSeriesEvictedTotal, .counter, "glasspot_metrics_series_evicted_total",
            "Series removed.",
            recorded: "removal",
            labels: [.closed("reason", EvictionReason.self)],
            start: .zero),
        CatalogRow(
            .metricsShardFallbackReadsTotal, .counter,
            "glasspot_metrics_shard_fallback_reads_total",
            "Shards read from outside because their event loop did not answer in time.",
            recorded: "fallback read",
            start: .zero),
        CatalogRow(
            .metricsExemplarsTotal, .counter, "glasspot_metrics_exemplars_total",
            "Exemplars stored.",
            recorded: "exemplar stored",
            start: .zero),
        CatalogRow(
            .traceSpansDroppedTotal, .counter, "glasspot_trace_spans_dropped_total",
            "Trace spans not delivered.",
            recorded: "drop",
            labels: [.closed("reason", SpanDropReason.self)],
            start: .zero),
        CatalogRow(
            .bugsTotal, .counter, "glasspot_bugs_total",
            "Impossible things seen; each is a bug of the gateway.",
            recorded: "seen",
            labels: [.closed("site", BugSite.self)],
            start: .zero),
    ]

    /// The families about the build, the configuration and the process.
    static let process: [CatalogRow] = [
        CatalogRow(
            .buildInfo, .info, "glasspot_build_info",
            "Build information; always 1.",
            recorded: "start",
            labels: [.version, .revision, .swiftVersion],
            start: .firstSight),
        CatalogRow(
            .configInfo, .info, "glasspot_config_info",
            "Running configuration; always 1.",
            recorded: "reload",
            labels: [
                .closed("engine", EngineLabel.self),
                .closed("balancer", Balancer.self),
                .closed("profile", ProxyProfileLabel.self),
            ],
            start: .firstSight),
        CatalogRow(
            .configReloadsTotal, .counter, "glasspot_config_reloads_total",
            "Configuration reloads.",
            recorded: "reload",
            labels: [.closed("result", RunResult.self)],
            start: .zero),
        CatalogRow(
            .configLastReloadSuccessful, .gauge, "glasspot_config_last_reload_successful",
            "1 when the last reload succeeded, else 0.",
            recorded: "reload",
            start: .firstSight),
        CatalogRow(
            .configLastReloadSuccessTimestampSeconds, .gauge,
            "glasspot_config_last_reload_success_timestamp_seconds",
            "Unix time of the last reload that succeeded.",
            recorded: "reload",
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .processCPUSecondsTotal, .counter, "process_cpu_seconds_total",
            "CPU time.",
            recorded: "computed at scrape",
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .processResidentMemoryBytes, .gauge, "process_resident_memory_bytes",
            "Resident memory.",
            recorded: "computed at scrape",
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .processVirtualMemoryBytes, .gauge, "process_virtual_memory_bytes",
            "Virtual memory.",
            recorded: "computed at scrape",
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .processOpenFDs, .gauge, "process_open_fds",
            "Open file descriptors.",
            recorded: "computed at scrape",
            start: .firstSight),
        CatalogRow(
            .processMaxFDs, .gauge, "process_max_fds",
            "Most file descriptors allowed.",
            recorded: "computed at scrape",
            start: .firstSight),
        CatalogRow(
            .processStartTimeSeconds, .gauge, "process_start_time_seconds",
            "Unix time of start.",
            recorded: "computed at scrape",
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .processNetworkReceiveBytesTotal, .counter, "process_network_receive_bytes_total",
            "Bytes received.",
            recorded: "computed at scrape",
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .processNetworkTransmitBytesTotal, .counter, "process_network_transmit_bytes_total",
            "Bytes sent.",
            recorded: "computed at scrape",
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .swiftEventLoopLagSeconds, .histogram, "swift_event_loop_lag_seconds",
            "Delay between when a timer was due on an event loop and when it ran.",
            recorded: "probe, once a second per loop",
            unit: .seconds, buckets: .gw, start: .zero),
        CatalogRow(
            .swiftEventLoopCPUSecondsTotal, .counter, "swift_event_loop_cpu_seconds_total",
            "CPU time of each event loop thread.",
            recorded: "computed at scrape",
            labels: [.loop],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .swiftEventLoopThreads, .gauge, "swift_event_loop_threads",
            "Event loop threads.",
            recorded: "start",
            start: .firstSight),
        CatalogRow(
            .swiftAllocatedBytes, .gauge, "swift_allocated_bytes",
            "Heap bytes in use, as the allocator reports.",
            recorded: "computed at scrape",
            unit: .bytes, start: .firstSight),
    ]
}
