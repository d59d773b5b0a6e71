import MetricKernel

extension OllaView {
    /// A family of the view.
    struct TableRow {
        let row: MetricView.Row
        let unit: MetricUnit

        init(
            _ name: String, _ kind: MetricKind, _ help: String, _ labels: [String] = [], unit: MetricUnit = .none
        ) {
            self.row = MetricView.Row(name: name, kind: kind, labels: labels, help: help)
            self.unit = unit
        }
    }

    static let rows: [MetricView.Row] = Self.table.map { $0.row }

    /// The families, sorted by name.
    ///
    /// Percentages are kept in thousandths.
    static let table: [TableRow] = (Self.process + Self.endpoint + Self.models + Self.model + Self.pair)
        .sorted { $0.row.name < $1.row.name }

    private static let process: [TableRow] = [
        TableRow(
            "olla_info", .gauge, "Build and configuration; native: glasspot_build_info, glasspot_config_info.",
            ["version", "commit", "engine", "profile", "balancer"]),
        TableRow("olla_system_status", .gauge, "2 healthy, 1 degraded, 0 critical; native: glasspot_endpoints."),
        TableRow("olla_endpoints_total", .gauge, "Configured endpoints; native: glasspot_endpoints."),
        TableRow("olla_endpoints_healthy", .gauge, "Endpoints that may be given requests; native: glasspot_endpoints."),
        TableRow(
            "olla_success_rate_percent", .gauge,
            "Attempts that did not fail; 100 without any; native: glasspot_upstream_requests_total.",
            unit: .thousandths),
        TableRow(
            "olla_avg_latency_ms", .gauge,
            "Mean time of successful attempts; native: glasspot_upstream_attempt_duration_seconds.",
            unit: .milliseconds),
        TableRow("olla_total_traffic_bytes", .gauge, "Response bytes received; native: glasspot_upstream_bytes_total."),
        TableRow(
            "olla_uptime_seconds", .gauge, "Time since start; native: process_start_time_seconds.", unit: .seconds),
        TableRow(
            "olla_active_connections", .gauge, "Client connections now open; native: glasspot_client_connections_open."),
        TableRow("olla_requests_total", .counter, "Attempts; native: glasspot_upstream_requests_total."),
        TableRow("olla_failures_total", .counter, "Attempts that failed; native: glasspot_upstream_requests_total."),
        TableRow(
            "olla_security_violations_total", .counter,
            "Requests refused for their rate or size; native: glasspot_admission_total."),
        TableRow(
            "olla_security_blocked_ips", .gauge,
            "Client addresses refused for their rate within the last hour; native: glasspot_rate_limit_decisions_total."
        ),
        TableRow(
            "olla_security_rate_limit_violations_total", .counter,
            "Requests refused for their rate; native: glasspot_admission_total."),
        TableRow(
            "olla_security_size_limit_violations_total", .counter,
            "Requests refused for their size; native: glasspot_admission_total."),
        TableRow(
            "olla_security_status", .gauge,
            "1 normal, 0 elevated: more than 100 refusals or 10 addresses; native: glasspot_admission_total."),
    ]

    private static let endpoint: [TableRow] = [
        TableRow(
            "olla_endpoint_up", .gauge,
            "1 when the endpoint may be given requests; the label status moves with its state, "
                + "glasspot_endpoint_state is the steady one.", ["endpoint", "status"]),
        TableRow(
            "olla_endpoint_requests_total", .counter, "Attempts; native: glasspot_upstream_requests_total.",
            ["endpoint"]),
        TableRow(
            "olla_endpoint_connections", .gauge, "Attempts now running; native: glasspot_upstream_requests_in_flight.",
            ["endpoint"]),
        TableRow(
            "olla_endpoint_success_rate_percent", .gauge,
            "Attempts that did not fail; 100 without any; native: glasspot_upstream_requests_total.", ["endpoint"],
            unit: .thousandths),
        TableRow(
            "olla_endpoint_avg_latency_ms", .gauge,
            "Mean time of successful attempts; native: glasspot_upstream_attempt_duration_seconds.", ["endpoint"],
            unit: .milliseconds),
        TableRow(
            "olla_endpoint_traffic_bytes", .counter, "Response bytes received; native: glasspot_upstream_bytes_total.",
            ["endpoint"]),
        TableRow("olla_endpoint_priority", .gauge, "The configured priority.", ["endpoint"]),
        TableRow(
            "olla_endpoint_models_count", .gauge, "Models found; native: glasspot_endpoint_models.", ["endpoint"]),
    ]

    private static let models: [TableRow] = [
        TableRow("olla_models_total", .gauge, "Models known; native: glasspot_model_endpoints."),
        TableRow(
            "olla_models_active", .gauge,
            "Models asked for within the last hour; native: glasspot_model_requests_total."),
        TableRow(
            "olla_models_requests_total", .counter, "Attempts for any model; native: glasspot_model_requests_total."),
        TableRow(
            "olla_models_success_rate_percent", .gauge,
            "Attempts for any model that did not fail; 100 without any; native: glasspot_model_requests_total.",
            unit: .thousandths),
        TableRow(
            "olla_models_traffic_bytes", .counter,
            "Response bytes for any model; native: glasspot_upstream_bytes_total."),
    ]

    private static let model: [TableRow] = [
        ("requests_total", .counter, "Attempts; native: glasspot_model_requests_total.", .none),
        (
            "successful_requests_total", .counter, "Attempts that did not fail; native: glasspot_model_requests_total.",
            .none
        ),
        ("failed_requests_total", .counter, "Attempts that failed; native: glasspot_model_requests_total.", .none),
        (
            "success_rate_percent", .gauge, "Attempts that did not fail; native: glasspot_model_requests_total.",
            .thousandths
        ),
        ("traffic_bytes", .counter, "Response bytes received.", .none),
        (
            "avg_latency_ms", .gauge, "Mean time of successful attempts; native: glasspot_operation_duration_seconds.",
            .milliseconds
        ),
        (
            "p95_latency_ms", .gauge,
            "Time that 95 % of the operations stayed below; native: "
                + "glasspot_operation_duration_seconds.", .milliseconds
        ),
        (
            "p99_latency_ms", .gauge,
            "Time that 99 % of the operations stayed below; native: "
                + "glasspot_operation_duration_seconds.", .milliseconds
        ),
        ("unique_clients", .gauge, "Client addresses within the last hour; at most 100.", .none),
        ("routing_hits_total", .counter, "Requests served by the first endpoint tried.", .none),
        ("routing_misses_total", .counter, "Requests that needed a retry; native: glasspot_retries_total.", .none),
        (
            "routing_fallbacks_total", .counter,
            "Requests sent to an endpoint that does not serve the model; native: "
                + "glasspot_routing_decisions_total.", .none
        ),
    ].map { (name: String, kind: MetricKind, help: String, unit: MetricUnit) in
        TableRow("olla_model_" + name, kind, help, ["model"], unit: unit)
    }

    private static let pair: [TableRow] = [
        TableRow("olla_model_endpoint_requests_total", .counter, "Attempts.", ["model", "endpoint"]),
        TableRow(
            "olla_model_endpoint_success_rate_percent", .gauge, "Attempts that did not fail.", ["model", "endpoint"],
            unit: .thousandths),
        TableRow(
            "olla_model_endpoint_avg_latency_ms", .gauge, "Mean time of successful attempts.", ["model", "endpoint"],
            unit: .milliseconds),
        TableRow(
            "olla_model_endpoint_consecutive_errors", .gauge,
            "Failed attempts since the last success, added up over the event loops.", ["model", "endpoint"]),
    ]
}
