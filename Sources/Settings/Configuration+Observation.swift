public import Domain

extension Configuration {
    /// Log lines.
    public struct Logging: Equatable, Sendable {
        /// The least severity that is written.
        public enum Level: String, CaseIterable, Sendable {
            /// Everything.
            case debug
            /// What happens.
            case info
            /// What may need attention.
            case warn
            /// What went wrong.
            case error
        }

        /// The shape of a line.
        public enum Format: String, CaseIterable, Sendable {
            /// One JSON object a line.
            case json
            /// For people.
            case text
            /// For people, in colour wherever it goes.
            case pretty
        }

        /// Where lines go.
        public enum Output: String, CaseIterable, Sendable {
            /// Standard output.
            case stdout
            /// A rotating file beside standard output.
            case file
        }

        /// The least severity that is written.
        public var level = Level.info
        /// The shape of a line.
        public var format = Format.json
        /// Where lines go.
        public var output = Output.stdout
        /// Whether `OLLA_LOGGING_FORMAT` chose the format, which then also holds on a terminal.
        public var formatIsForced = false

        /// Makes the default: JSON from info up, to standard output.
        public init() {}
    }

    /// Developer conveniences.
    public struct Engineering: Equatable, Sendable {
        /// Whether process statistics are written at shutdown.
        public var showNerdStats = false

        /// Makes the default, everything off.
        public init() {}
    }

    /// The dashboard page and who may see it.
    public struct Dashboard: Equatable, Sendable {
        /// Whether the page exists.
        public var enabled = true
        /// The peers that may see it; not empty while enabled.
        public var allowedCIDRs = ["127.0.0.0/8", "::1/128"]
        /// The `Host` values that are accepted besides address literals.
        public var allowedHosts = ["localhost"]
        /// Whether the internal routes follow the same policy.
        public var gateInternalAPI = false

        /// Makes the default: local browsers only.
        public init() {}
    }

    /// What the metrics page shows beyond its fixed families.
    public struct Metrics: Equatable, Sendable {
        /// A second set of names over the same measurements.
        public enum View: String, CaseIterable, Sendable {
            /// The compatible system's names.
            case olla
            /// OpenTelemetry's names.
            case otel
        }

        /// The views that are on.
        public var views: [View] = []
        /// The most model names that get series of their own.
        public var maxModels = 200
        /// Whether series by model and endpoint exist.
        public var modelEndpointPairs = true
        /// The histograms that are also native ones.
        public var nativeHistograms = ["request", "ttft", "itl", "overhead"]
        /// Whether OpenMetrics 2.0 is offered.
        public var openMetrics2 = false

        /// Makes the default page.
        public init() {}
    }

    /// Export of spans by OTLP/HTTP.
    public struct Tracing: Equatable, Sendable {
        /// The collector's URL; nil means that nothing is exported.
        public var endpoint: String?
        /// The share of traces that are exported, 0…1.
        public var sampleRatio = 1.0
        /// The time for one export.
        public var timeout = Nanoseconds.seconds(10)
        /// The most spans that wait; more are dropped and counted.
        public var queue = 2_048

        /// Makes the default, which is off.
        public init() {}
    }
}
