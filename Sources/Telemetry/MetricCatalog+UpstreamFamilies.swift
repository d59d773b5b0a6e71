import Domain
import MetricKernel

extension MetricCatalog {
    /// The families about attempts and endpoint connections.
    static let upstream: [CatalogRow] = [
        CatalogRow(
            .upstreamRequestsTotal, .counter, "glasspot_upstream_requests_total",
            "Attempts sent to an endpoint.",
            recorded: "attempt finished",
            labels: [.endpoint, .code, .closed("outcome", AttemptOutcome.self)],
            start: .firstSight),
        CatalogRow(
            .upstreamAttemptDurationSeconds, .histogram,
            "glasspot_upstream_attempt_duration_seconds",
            "Time of one attempt, from route chosen to last upstream byte.",
            recorded: "attempt finished",
            labels: [.endpoint],
            unit: .seconds, buckets: .req, start: .firstSight),
        CatalogRow(
            .upstreamStageDurationSeconds, .histogram, "glasspot_upstream_stage_duration_seconds",
            "Time an attempt spent in each upstream stage; stages do not overlap.",
            recorded: "request finished (all marks of the timeline at once)",
            labels: [.endpoint, .closed("stage", Stage.self)],
            unit: .seconds, buckets: .upst, start: .firstSight),
        CatalogRow(
            .upstreamConnectDurationSeconds, .histogram,
            "glasspot_upstream_connect_duration_seconds",
            "Time to open a new endpoint connection, by step (olla engine; AsyncHTTPClient "
                + "shows no such steps).",
            recorded: "step finished",
            labels: [.endpoint, .closed("step", ConnectStep.self)],
            unit: .seconds, buckets: .conn, start: .firstSight),
        CatalogRow(
            .upstreamConnectionsTotal, .counter, "glasspot_upstream_connections_total",
            "Connections acquired for attempts.",
            recorded: "connection acquired",
            labels: [.endpoint, .closed("result", ConnectionResult.self)],
            start: .perEndpoint),
        CatalogRow(
            .upstreamConnectionsOpen, .gauge, "glasspot_upstream_connections_open",
            "Endpoint connections now open.",
            recorded: "pool change",
            labels: [.endpoint, .closed("state", ConnectionState.self)],
            start: .perEndpoint),
        CatalogRow(
            .upstreamRequestsInFlight, .gauge, "glasspot_upstream_requests_in_flight",
            "Attempts now running on an endpoint.",
            recorded: "attempt start/finish",
            labels: [.endpoint],
            start: .perEndpoint),
        CatalogRow(
            .upstreamBytesTotal, .counter, "glasspot_upstream_bytes_total",
            "Bytes exchanged with an endpoint.",
            recorded: "attempt finished and every flush",
            labels: [.endpoint, .closed("direction", ByteDirection.self)],
            unit: .bytes, start: .perEndpoint),
        CatalogRow(
            .upstreamErrorsTotal, .counter, "glasspot_upstream_errors_total",
            "Attempt failures, by cause.",
            recorded: "attempt failed",
            labels: [.endpoint, .closed("error_type", UpstreamErrorType.self)],
            start: .perEndpoint),
        CatalogRow(
            .requestAttempts, .histogram, "glasspot_request_attempts",
            "Attempts used by a request.",
            recorded: "request finished, at least one attempt made",
            buckets: .att, start: .zero),
        CatalogRow(
            .retriesTotal, .counter, "glasspot_retries_total",
            "Retries on another endpoint, by the reason of the failure before.",
            recorded: "retry decided",
            labels: [.closed("reason", RetryReason.self)],
            start: .zero),
        CatalogRow(
            .backpressurePausesTotal, .counter, "glasspot_backpressure_pauses_total",
            "Times reading was paused because the peer named could not keep up.",
            recorded: "reading paused",
            labels: [.closed("side", BackpressureSide.self)],
            start: .zero),
        CatalogRow(
            .retryBudgetExhaustedTotal, .counter, "glasspot_retry_budget_exhausted_total",
            "Retries not made because the retry budget was spent.",
            recorded: "retry refused",
            start: .zero),
    ]

    /// The families about tokens and streams.
    static let llm: [CatalogRow] = [
        CatalogRow(
            .timeToFirstByteSeconds, .histogram, "glasspot_time_to_first_byte_seconds",
            "Time from request fully read to the first upstream response byte.",
            recorded: "upstream head received",
            labels: [.endpoint],
            unit: .seconds, buckets: .ttft, start: .firstSight),
        CatalogRow(
            .timeToFirstTokenSeconds, .histogram, "glasspot_time_to_first_token_seconds",
            "Streaming only: time from request fully read to the first delta that carries "
                + "content, reasoning or a tool call.",
            recorded: "first content-bearing delta",
            labels: [.model, .endpoint],
            unit: .seconds, buckets: .ttft, start: .firstSight),
        CatalogRow(
            .interChunkDurationSeconds, .histogram, "glasspot_inter_chunk_duration_seconds",
            "Streaming only: gap between successive content-bearing deltas.",
            recorded: "each delta after the first",
            labels: [.model],
            unit: .seconds, buckets: .itl, start: .firstSight),
        CatalogRow(
            .timePerOutputTokenSeconds, .histogram, "glasspot_time_per_output_token_seconds",
            "Streaming only: mean time per output token after the first, once per request.",
            recorded: "stream finished, usage known",
            labels: [.model, .endpoint],
            unit: .seconds, buckets: .itl, start: .firstSight),
        CatalogRow(
            .streamLongestStallSeconds, .histogram, "glasspot_stream_longest_stall_seconds",
            "Streaming only: longest gap between two deltas of one stream.",
            recorded: "stream finished",
            labels: [.model],
            unit: .seconds, buckets: .stall, start: .firstSight),
        CatalogRow(
            .outputTokensPerSecond, .histogram, "glasspot_output_tokens_per_second",
            "Output tokens per second after the first token, once per request.",
            recorded: "request finished, usage known",
            labels: [.model],
            unit: .thousandths, buckets: .tps, start: .firstSight),
        CatalogRow(
            .operationDurationSeconds, .histogram, "glasspot_operation_duration_seconds",
            "LLM operation time, from route chosen to last byte.",
            recorded: "request finished",
            labels: [.model, .closed("operation", LLMOperation.self)],
            unit: .seconds, buckets: .llm, start: .firstSight),
        CatalogRow(
            .tokensTotal, .counter, "glasspot_tokens_total",
            "Tokens, as reported by the endpoint.",
            recorded: "usage seen",
            labels: [.model, .endpoint, .closed("token_type", TokenType.self)],
            start: .firstSight),
        CatalogRow(
            .tokenDetailsTotal, .counter, "glasspot_token_details_total",
            "Subsets of the token totals; never add them to the totals.",
            recorded: "usage seen",
            labels: [.model, .closed("token_type", TokenDetail.self)],
            start: .firstSight),
        CatalogRow(
            .requestTokens, .histogram, "glasspot_request_tokens",
            "Tokens per request.",
            recorded: "usage seen",
            labels: [.model, .closed("token_type", TokenType.self)],
            buckets: .tok, start: .firstSight),
        CatalogRow(
            .usageMissingTotal, .counter, "glasspot_usage_missing_total",
            "Successful LLM responses that carried no usage.",
            recorded: "request finished",
            labels: [.endpoint],
            start: .perEndpoint),
        CatalogRow(
            .streamChunksTotal, .counter, "glasspot_stream_chunks_total",
            "Content-bearing deltas relayed.",
            recorded: "each flush",
            labels: [.endpoint],
            start: .perEndpoint),
        CatalogRow(
            .streamsInFlight, .gauge, "glasspot_streams_in_flight",
            "Streams now open.",
            recorded: "stream start/finish",
            labels: [.endpoint],
            start: .perEndpoint),
        CatalogRow(
            .streamAbortsTotal, .counter, "glasspot_stream_aborts_total",
            "Streams that ended before their end marker.",
            recorded: "stream aborted",
            labels: [.endpoint, .closed("reason", StreamAbortReason.self)],
            start: .perEndpoint),
        CatalogRow(
            .finishReasonsTotal, .counter, "glasspot_finish_reasons_total",
            "Completions, by finish reason.",
            recorded: "finish reason seen",
            labels: [.model, .closed("reason", FinishReason.self)],
            start: .firstSight),
    ]
}
