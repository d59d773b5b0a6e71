import Domain
import MetricKernel

/// What an engine says of its own load; what it does not say is nil.
public struct EngineLoad: Equatable, Sendable {
    /// Requests the engine is working on.
    public var running: Int?
    /// Requests the engine has not begun.
    public var waiting: Int?
    /// The share of the KV cache in use, 0 to 1.
    public var kvCacheUsage: Double?

    /// A load of which some parts may be unknown.
    public init(running: Int? = nil, waiting: Int? = nil, kvCacheUsage: Double? = nil) {
        self.running = running
        self.waiting = waiting
        self.kvCacheUsage = kvCacheUsage
    }
}

// MARK: - Engine polls

extension ControlRecorder {
    /// An engine told its load; parts it did not tell keep their series as they are.
    ///
    /// Negative counts are kept as 0, a ratio outside 0 to 1 is brought into that range, and one
    /// that is no number is left out.
    public func enginePolled(_ endpoint: EndpointSlot, _ load: EngineLoad) {
        self.update { shard in
            let labels = LabelIndexes(endpoint.rawValue)
            if let running = load.running {
                shard.set(.backendRequestsRunning, labels, to: Int64(max(running, 0)))
            }
            if let waiting = load.waiting {
                shard.set(.backendRequestsWaiting, labels, to: Int64(max(waiting, 0)))
            }
            if let usage = load.kvCacheUsage, usage.isFinite {
                let share = min(max(usage, 0), 1)
                shard.set(
                    .backendKVCacheUsageRatio, labels, to: Int64((share * 1_000).rounded()))
            }
        }
    }

    /// An engine could not be asked, or its answer not be read.
    public func enginePollFailed(_ endpoint: EndpointSlot) {
        self.update { $0.count(.backendPollFailuresTotal, .init(endpoint.rawValue)) }
    }
}

// MARK: - Sticky sessions and traces

extension ControlRecorder {
    /// Sessions were dropped off the loops; a count below 1 is ignored.
    public func stickyEvicted(_ reason: StickyEviction, count: Int = 1) {
        guard count > 0 else { return }
        self.update {
            $0.count(.stickyEvictionsTotal, .init(reason.position), by: UInt64(count))
        }
    }

    /// Trace spans were dropped off the loops; a count below 1 is ignored.
    public func spansDropped(_ reason: SpanDropReason, count: Int = 1) {
        guard count > 0 else { return }
        self.update {
            $0.count(.traceSpansDroppedTotal, .init(reason.position), by: UInt64(count))
        }
    }
}
