import Domain
import MetricKernel

extension MetricCatalog {
    /// The families about the client side.
    static let edge: [CatalogRow] = [
        CatalogRow(
            .requestsStartedTotal, .counter, "glasspot_requests_started_total",
            "Requests whose head was parsed.",
            recorded: "head parsed",
            labels: [.closed("route", RouteClass.self)],
            start: .zero),
        CatalogRow(
            .requestParseFailuresTotal, .counter, "glasspot_request_parse_failures_total",
            "Requests dropped before their head was parsed; not in the started or finished totals.",
            recorded: "parse given up",
            labels: [.closed("reason", ParseFailureReason.self)],
            start: .zero),
        CatalogRow(
            .requestsTotal, .counter, "glasspot_requests_total",
            "Requests finished, by outcome.",
            recorded: "last byte flushed, or request abandoned",
            labels: [
                .closed("route", RouteClass.self),
                .closed("method", MethodLabel.self),
                .code,
                .closed("outcome", RequestOutcome.self),
            ],
            start: .exactly(Self.firstRequests)),
        CatalogRow(
            .requestDurationSeconds, .histogram, "glasspot_request_duration_seconds",
            "Request time from first byte read to last byte flushed.",
            recorded: "request finished",
            labels: [
                .closed("route", RouteClass.self),
                .closed("stream", StreamFlag.self),
                .codeClass,
            ],
            unit: .seconds, buckets: .req, start: .firstSight),
        CatalogRow(
            .requestsInFlight, .gauge, "glasspot_requests_in_flight",
            "Requests now being served.",
            recorded: "+1 head parsed, -1 finished",
            labels: [.closed("route", RouteClass.self)],
            start: .zero),
        CatalogRow(
            .requestsInFlightByAge, .gauge, "glasspot_requests_in_flight_by_age",
            "Requests now being served, by age class.",
            recorded: "computed at scrape",
            labels: [.closed("age", AgeClass.self)],
            start: .zero),
        CatalogRow(
            .oldestRequestStartTimestampSeconds, .gauge,
            "glasspot_oldest_request_start_timestamp_seconds",
            "Unix time at which the oldest request still being served began; 0 when idle.",
            recorded: "computed at scrape",
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .requestBodyBytes, .histogram, "glasspot_request_body_bytes",
            "Request body size.",
            recorded: "body read",
            labels: [.closed("route", RouteClass.self)],
            unit: .bytes, buckets: .bytes, start: .zero),
        CatalogRow(
            .responseBodyBytes, .histogram, "glasspot_response_body_bytes",
            "Response body size sent to the client.",
            recorded: "request finished",
            labels: [.closed("route", RouteClass.self)],
            unit: .bytes, buckets: .bytes, start: .zero),
        CatalogRow(
            .clientAcceptDurationSeconds, .histogram, "glasspot_client_accept_duration_seconds",
            "Time from a socket being accepted to its event loop being ready to read it.",
            recorded: "channel active",
            unit: .seconds, buckets: .gw, start: .zero),
        CatalogRow(
            .clientConnectionsOpen, .gauge, "glasspot_client_connections_open",
            "Client connections now open.",
            recorded: "accept/close",
            start: .zero),
        CatalogRow(
            .clientConnectionsTotal, .counter, "glasspot_client_connections_total",
            "Client connections, by result.",
            recorded: "accept",
            labels: [.closed("result", AcceptResult.self)],
            start: .zero),
        CatalogRow(
            .clientCancellationsTotal, .counter, "glasspot_client_cancellations_total",
            "Requests the client gave up, by the stage they were in.",
            recorded: "client closed before last byte",
            labels: [.closed("stage", Stage.self)],
            start: .zero),
        CatalogRow(
            .clientKeyRequestsTotal, .counter, "glasspot_client_key_requests_total",
            "Requests by client key, with client keys on.",
            recorded: "request finished",
            labels: [.clientKey, .closed("outcome", RequestOutcome.self)],
            start: .firstSight),
    ]

    /// The families about the gateway's own stages.
    static let gatewayStages: [CatalogRow] = [
        CatalogRow(
            .requestStageDurationSeconds, .histogram, "glasspot_request_stage_duration_seconds",
            "Time a request spent in each gateway stage; stages do not overlap.",
            recorded: "request finished (all marks of the timeline at once)",
            labels: [.closed("stage", Stage.self)],
            unit: .seconds, buckets: .stage, start: .exactly(Self.gatewayStagePositions)),
        CatalogRow(
            .overheadSeconds, .histogram, "glasspot_overhead_seconds",
            "Gateway time per request: total minus time spent waiting for the client or the "
                + "endpoint.",
            recorded: "request finished",
            labels: [.closed("stream", StreamFlag.self)],
            unit: .seconds, buckets: .gw, start: .zero),
        CatalogRow(
            .requestPartySecondsTotal, .counter, "glasspot_request_party_seconds_total",
            "Request time, by the party being waited for; the three add up to the request "
                + "duration sum.",
            recorded: "request finished",
            labels: [.closed("route", RouteClass.self), .closed("party", Party.self)],
            unit: .seconds, start: .zero),
    ]

    /// The families about admission.
    static let admission: [CatalogRow] = [
        CatalogRow(
            .queueDepth, .gauge, "glasspot_queue_depth",
            "Requests waiting for admission.",
            recorded: "enqueue/dequeue",
            start: .zero),
        CatalogRow(
            .admissionTotal, .counter, "glasspot_admission_total",
            "Admission decisions.",
            recorded: "decision",
            labels: [.closed("decision", AdmissionDecision.self)],
            start: .zero),
        CatalogRow(
            .rateLimitDecisionsTotal, .counter, "glasspot_rate_limit_decisions_total",
            "Rate limiter decisions.",
            recorded: "decision",
            labels: [
                .closed("limit", RateLimitKind.self), .closed("decision", RateLimitDecision.self),
            ],
            start: .zero),
        CatalogRow(
            .rateLimitTrackedClients, .gauge, "glasspot_rate_limit_tracked_clients",
            "Client buckets now held by the rate limiter.",
            recorded: "computed at scrape",
            start: .zero),
    ]

    /// The families about routing.
    static let routing: [CatalogRow] = [
        CatalogRow(
            .routingDecisionsTotal, .counter, "glasspot_routing_decisions_total",
            "Endpoints chosen, by reason.",
            recorded: "route chosen",
            labels: [
                .endpoint,
                .closed("balancer", Balancer.self),
                .closed("reason", RoutingReason.self),
            ],
            start: .firstSight),
        CatalogRow(
            .routingFailuresTotal, .counter, "glasspot_routing_failures_total",
            "Requests for which no endpoint could be chosen; no_model = model_not_found, "
                + "no_healthy = every other rejection and a provider prefix without endpoint.",
            recorded: "route failed",
            labels: [.closed("reason", RoutingFailure.self)],
            start: .zero),
        CatalogRow(
            .routingCandidates, .histogram, "glasspot_routing_candidates",
            "Endpoints eligible for a request before balancing.",
            recorded: "route chosen",
            buckets: .cand, start: .zero),
        CatalogRow(
            .modelRequestsTotal, .counter, "glasspot_model_requests_total",
            "Requests by model: the unified id after alias, else other; none when the request "
                + "names no model.",
            recorded: "request finished",
            labels: [.model, .closed("outcome", RequestOutcome.self)],
            start: .firstSight),
        CatalogRow(
            .modelAliasRewritesTotal, .counter, "glasspot_model_alias_rewrites_total",
            "Requests whose model name was rewritten by an alias.",
            recorded: "alias applied",
            labels: [.model],
            start: .firstSight),
    ]
}
