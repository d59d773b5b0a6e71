import Domain
import MetricKernel

/// The names of the OpenTelemetry conventions, as projections of our families.
///
/// Each family is one of ours with fewer labels and, where the convention advises bounds, only those; every bound it
/// advises for these is one of ours. Families of the conventions that need a dimension none of ours has are left out:
/// `gen_ai.client.operation.time_to_first_chunk` (streams apart) and `gen_ai.server.request.duration` (operations
/// apart).
enum OTelView {
    private struct Projection {
        let name: String
        let source: Metric
        /// The attribute and the label it is taken from.
        let labels: [(name: String, source: String)]
        /// The bounds kept: from the first to the last one; nil keeps all.
        var bounds: ClosedRange<Int64>?
    }

    private static let model = (name: "gen_ai_request_model", source: "model")
    private static let server = (name: "server_address", source: "endpoint")
    private static let route = (name: "http_route", source: "route")
    private static let ms: Int64 = 1_000_000

    private static let projections: [Projection] = [
        Projection(
            name: "gen_ai_client_operation_duration_seconds", source: .operationDurationSeconds,
            labels: [(name: "gen_ai_operation_name", source: "operation"), Self.model],
            bounds: 10 * Self.ms...81_920 * Self.ms),
        Projection(
            name: "gen_ai_client_operation_time_per_output_chunk_seconds", source: .interChunkDurationSeconds,
            labels: [Self.model]),
        Projection(
            name: "gen_ai_client_token_usage", source: .requestTokens,
            labels: [Self.model, (name: "gen_ai_token_type", source: "token_type")]),
        Projection(
            name: "gen_ai_server_time_per_output_token_seconds", source: .timePerOutputTokenSeconds,
            labels: [Self.model], bounds: 10 * Self.ms...2_500 * Self.ms),
        Projection(
            name: "gen_ai_server_time_to_first_token_seconds", source: .timeToFirstTokenSeconds,
            labels: [Self.model], bounds: Self.ms...10_000 * Self.ms),
        Projection(
            name: "http_client_active_requests", source: .upstreamRequestsInFlight, labels: [Self.server]),
        Projection(
            name: "http_client_open_connections", source: .upstreamConnectionsOpen,
            labels: [(name: "http_connection_state", source: "state"), Self.server]),
        Projection(
            name: "http_client_request_duration_seconds", source: .upstreamAttemptDurationSeconds,
            labels: [Self.server]),
        Projection(name: "http_server_active_requests", source: .requestsInFlight, labels: [Self.route]),
        Projection(
            name: "http_server_request_body_size_bytes", source: .requestBodyBytes, labels: [Self.route]),
        Projection(
            name: "http_server_request_duration_seconds", source: .requestDurationSeconds, labels: [Self.route]),
        Projection(
            name: "http_server_response_body_size_bytes", source: .responseBodyBytes, labels: [Self.route]),
    ]

    static let rows: [MetricView.Row] = Self.projections.map { projection in
        let row = MetricCatalog.row(projection.source)
        return MetricView.Row(
            name: projection.name, kind: row.kind, labels: projection.labels.map { $0.name },
            help: Self.help(projection))
    }

    private static func help(_ projection: Projection) -> String {
        let row = MetricCatalog.row(projection.source)
        return "\(row.help.dropLast()) (OpenTelemetry's name for \(row.name))."
    }

    /// The families of the view that have series.
    static func families(_ reader: SnapshotReader) -> [FamilySnapshot] {
        Self.projections.compactMap { projection in
            reader.family(projection.source).map { Self.project($0, projection) }
        }
    }

    private static func project(_ source: FamilySnapshot, _ projection: Projection) -> FamilySnapshot {
        let places = projection.labels.map { label in
            source.descriptor.labels.firstIndex { $0.name == label.source } ?? 0
        }
        let kept = Self.keptBounds(source.descriptor, projection)
        var cells: [LabelIndexes: [UInt64]] = [:]
        for series in 0..<source.seriesCount {
            let labels = source.labels(of: series)
            let positions = places.map { UInt16(labels[$0]) } + [0, 0]
            let key = LabelIndexes(positions[0], positions[1])
            let own = kept.map { Self.buckets(of: source, series, $0) } ?? [source.total(of: series)]
            if let sum = cells[key] {
                cells[key] = zip(sum, own).map { $0 &+ $1 }
            } else {
                cells[key] = own
            }
        }
        let bounds = source.descriptor.buckets?.bounds ?? []
        let descriptor = FamilyDescriptor(
            name: projection.name, help: Self.help(projection), kind: source.descriptor.kind,
            unit: source.descriptor.unit,
            labels: projection.labels.map { LabelDescriptor(name: $0.name, domain: .closed([])) },
            buckets: kept.flatMap { kept in BucketSet(bounds: kept.map { bounds[$0] }) })
        return FamilySnapshot(
            descriptor: descriptor, labelValues: places.map { source.labelValues[$0].values },
            series: cells.map { ($0.key, $0.value) },
            startTime: (0..<source.seriesCount).map { source.startTime(of: $0) }.min() ?? 0)
    }

    /// The places of the bounds that stay; nil for what is no histogram.
    private static func keptBounds(_ source: FamilyDescriptor, _ projection: Projection) -> [Int]? {
        guard let bounds = source.buckets?.bounds else { return nil }
        return bounds.indices.filter { projection.bounds?.contains(bounds[$0]) ?? true }
    }

    /// The counts of fewer buckets, each the sum of those it covers, and the sum.
    private static func buckets(of source: FamilySnapshot, _ series: Int, _ kept: [Int]) -> [UInt64] {
        let own = Array(source.buckets(of: series))
        var result: [UInt64] = []
        var next = 0
        for bound in kept {
            result.append(own[next...bound].reduce(0, &+))
            next = bound + 1
        }
        return result + [own[next...].reduce(0, &+), source.sum(of: series)]
    }
}
