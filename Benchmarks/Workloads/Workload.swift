import Domain

/// One piece of work of the data path, repeated: `microbench` times it, `AllocationTests` counts its allocations.
///
/// - Isolation: one thread.
public protocol Workload: AnyObject {
    /// What is done once per round, in words.
    var name: String { get }
    /// The size of what is worked on, where it matters; empty otherwise.
    var note: String { get }
    /// The most nanoseconds a round may take, where the gateway promises one.
    var limit: Double? { get }
    /// Whether it runs per request or more often, so that its allocations are limited.
    var isOnDataPath: Bool { get }
    /// Does the work `rounds` times.
    func run(rounds: Int)
    /// Explains what spoiled the rounds so far; nil when nothing did.
    func complaint() -> String?
}

extension Workload {
    /// Nothing to note.
    public var note: String { "" }
    /// Promises nothing.
    public var limit: Double? { nil }
    /// On the data path.
    public var isOnDataPath: Bool { true }
    /// Nothing to complain about.
    public func complaint() -> String? { nil }
}

/// All workloads.
public enum Workloads {
    /// Makes every workload, the cheapest first.
    public static func all() throws -> [any Workload] {
        let instruments = try Instruments()
        let site = try TypicalSite()
        let picks = try Balancer.allCases.map { try RoutingPick($0) } + [RoutingPick(.leastConnections, isSticky: true)]
        return [
            try CounterWorkload(instruments, isResolved: true), try CounterWorkload(instruments, isResolved: false),
            try HistogramWorkload(instruments, isResolved: true), try HistogramWorkload(instruments, isResolved: false),
            try NativeWorkload(instruments, hasExemplar: false), try NativeWorkload(instruments, hasExemplar: true),
            ChunkObservation(instruments), RequestInstrumentation(instruments), HeadParse(), BodyScan(),
            EventObservation(repeats: true), EventObservation(repeats: false), try AccessLine(), RequestMemory(),
        ] + picks + [ShardCopy(site), SnapshotMerge(site)] + TypicalSite.formats.map { PageRender(site, $0) }
            + [PageCompression(site)]
    }
}

/// Something a workload needs is not there.
public struct WorkloadFailure: Error, CustomStringConvertible {
    /// What is missing.
    public let description: String

    init(_ description: String) { self.description = description }
}
