public import MetricKernel

/// A format a scrape can be answered in.
public struct ExpositionFormat: Equatable, Sendable {
    /// The formats scrapers ask for.
    public enum Syntax: UInt8, CaseIterable, Sendable {
        /// Prometheus text 0.0.4.
        case text004
        /// Prometheus text 1.0.0.
        case text100
        /// OpenMetrics 0.0.1.
        case openMetrics001
        /// OpenMetrics 1.0.0.
        case openMetrics100
        /// OpenMetrics 2.0.0.
        case openMetrics200
        /// Delimited `io.prometheus.client.MetricFamily` messages.
        case protobuf
    }

    /// How names outside the legacy character set are written; ours need none, so it is only
    /// echoed.
    public enum Escaping: String, CaseIterable, Sendable {
        case allowUTF8 = "allow-utf-8"
        case underscores
        case dots
        case values
    }

    /// The format.
    public var syntax: Syntax
    /// The escaping the client asked for.
    public var escaping: Escaping

    /// Pairs a format with an escaping.
    public init(_ syntax: Syntax, escaping: Escaping = .underscores) {
        self.syntax = syntax
        self.escaping = escaping
    }

    /// The formats that are always offered; OpenMetrics 2.0 is experimental and offered on demand.
    public static let stable: Set<Syntax> = Set(Syntax.allCases).subtracting([.openMetrics200])

    /// Renders a page in this format; every format shows the same numbers.
    public func render(_ snapshot: MetricsSnapshot) -> [UInt8] {
        var page: [UInt8] = []
        self.render(snapshot, into: &page)
        return page
    }

    /// Appends a page in this format.
    public func render(_ snapshot: MetricsSnapshot, into page: inout [UInt8]) {
        switch self.syntax {
        case .text004, .text100: TextRenderer.render(snapshot, into: &page)
        case .openMetrics001, .openMetrics100:
            TextRenderer.render(snapshot, as: .openMetrics, into: &page)
        case .openMetrics200: OpenMetrics2Renderer.render(snapshot, into: &page)
        case .protobuf: ProtobufRenderer.render(snapshot, into: &page)
        }
    }

    /// The `Content-Type` of an answer.
    public var contentType: String {
        let escaping = "; escaping=\(self.escaping.rawValue)"
        switch self.syntax {
        case .text004: return "text/plain; version=0.0.4; charset=utf-8"
        case .text100: return "text/plain; version=1.0.0; charset=utf-8" + escaping
        case .openMetrics001:
            return "application/openmetrics-text; version=0.0.1; charset=utf-8"
        case .openMetrics100:
            return "application/openmetrics-text; version=1.0.0; charset=utf-8" + escaping
        case .openMetrics200:
            return "application/openmetrics-text; version=2.0.0; charset=utf-8" + escaping
        case .protobuf:
            return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                + "encoding=delimited" + escaping
        }
    }

    /// Chooses the format of an answer.
    ///
    /// The first range by weight, ties in the client's order, that names one of `served` and that
    /// no range with weight 0 forbids; when there is none, text 0.0.4: a scrape is never refused
    /// for its `Accept`.
    public static func negotiate(
        accept header: String?, served: Set<Syntax> = Self.stable
    ) -> ExpositionFormat {
        let ranges = MediaRange.parse(header ?? "")
        let forbidden = ranges.filter { $0.weight == 0 }.compactMap { Self.named(by: $0)?.syntax }
        for range in ranges where range.weight > 0 {
            guard let format = Self.named(by: range) else { continue }
            if served.contains(format.syntax), !forbidden.contains(format.syntax) { return format }
        }
        return ExpositionFormat(.text004)
    }

    /// The format a media range names, or nil when it is unknown or of an unknown version.
    private static func named(by range: MediaRange) -> ExpositionFormat? {
        let escaping = range.parameters["escaping"].flatMap { Escaping(rawValue: $0) }
        let version = range.parameters["version"]
        let syntax: Syntax? =
            switch (range.name, version) {
            case ("*/*", _), ("text/*", _): .text004
            case ("text/plain", nil), ("text/plain", "0.0.4"): .text004
            case ("text/plain", "1.0.0"): .text100
            case ("application/openmetrics-text", nil): .openMetrics001
            case ("application/openmetrics-text", "0.0.1"): .openMetrics001
            case ("application/openmetrics-text", "1.0.0"): .openMetrics100
            case ("application/openmetrics-text", "2.0.0"): .openMetrics200
            case ("application/vnd.google.protobuf", _) where Self.isMetricFamily(range): .protobuf
            default: nil
            }
        return syntax.map { ExpositionFormat($0, escaping: escaping ?? .underscores) }
    }

    private static func isMetricFamily(_ range: MediaRange) -> Bool {
        range.parameters["proto"] == "io.prometheus.client.MetricFamily"
            && range.parameters["encoding"] == "delimited"
    }
}

/// How a scrape body is coded.
public enum ContentCoding: String, Sendable {
    /// As it is.
    case identity
    /// Compressed by ``Gzip``.
    case gzip

    /// Chooses the coding of an answer: gzip when it is listed, itself or by `*`, with a weight
    /// above 0.
    public static func negotiate(acceptEncoding header: String?) -> ContentCoding {
        let codings = MediaRange.parse(header ?? "")
        let named = codings.first { $0.name == "gzip" || $0.name == "x-gzip" }
        let chosen = named ?? codings.first { $0.name == "*" }
        return (chosen?.weight ?? 0) > 0 ? .gzip : .identity
    }
}
