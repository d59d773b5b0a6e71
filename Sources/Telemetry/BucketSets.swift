import MetricKernel

/// The bucket sets of the catalogue.
///
/// Every SLO threshold is a bound of its own: 0.5, 1, 2.5 and 5 s for the first token, 0.05 and
/// 0.1 s for gaps. The sets for tokens, first token, token time and operations hold every bound
/// that the OpenTelemetry GenAI conventions advise, so those views are projections.
extension BucketSet? {
    /// Gateway work: microseconds.
    static let gw = Self.microseconds([
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
        500_000, 1_000_000, 5_000_000,
    ])
    /// Gateway stages: as gateway work, with room for slow clients and queues.
    static let stage = Self.microseconds([
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
        500_000, 1_000_000, 5_000_000, 30_000_000, 120_000_000,
    ])
    /// Connecting, health checks, discovery.
    static let conn = Self.microseconds([
        250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000,
    ])
    /// Upstream stages.
    static let upst = Self.microseconds([
        100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 120_000_000, 300_000_000,
        600_000_000,
    ])
    /// LLM operations: 0.01 s doubling to 22 minutes.
    static let llm = Self.microseconds((0..<18).map { 10_000 << $0 })
    /// Whole requests and attempts: as LLM operations, with room for fast internal answers.
    static let req = Self.microseconds([1_000, 2_500, 5_000] + (0..<18).map { 10_000 << $0 })
    /// Time to the first token: GenAI advice, long prefill and cold loads.
    static let ttft = Self.microseconds([
        1_000, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000,
        1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000, 15_000_000, 20_000_000, 30_000_000,
        45_000_000, 60_000_000, 120_000_000, 300_000_000,
    ])
    /// Gaps between tokens: GenAI advice, fast engines and pauses.
    static let itl = Self.microseconds([
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000,
        400_000, 500_000, 750_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
    ])
    /// The longest gap of a stream.
    static let stall = Self.microseconds([
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
        60_000_000, 120_000_000,
    ])
    /// Tokens of a request: powers of four (GenAI advice).
    static let tok = BucketSet(bounds: (0..<14).map { 1 << (2 * $0) })
    /// Tokens per second, stored in thousandths.
    static let tps = BucketSet(
        bounds: [1, 2, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 1_000].map { $0 * 1_000 })
    /// Body sizes in bytes: 256 B to 256 MiB by four.
    static let bytes = BucketSet(bounds: (0..<11).map { 256 << (2 * $0) })
    /// Scrapes.
    static let scr = Self.microseconds([
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    ])
    /// Candidates of a routing decision.
    static let cand = BucketSet(bounds: [0, 1, 2, 3, 5, 10, 20])
    /// Attempts of a request.
    static let att = BucketSet(bounds: [1, 2, 3, 4, 5])

    private static func microseconds(_ bounds: [Int64]) -> BucketSet? {
        BucketSet(bounds: bounds.map { $0 * 1_000 })
    }
}
