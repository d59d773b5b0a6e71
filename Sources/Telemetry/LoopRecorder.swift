public import Domain
public import MetricKernel

/// Records what happens on one event loop.
///
/// Every method is one group of writes: a snapshot shows all of it or nothing. Series are created
/// at first sight; from then on no method allocates (``requestFinished(_:exemplar:)`` included), locks or
/// reads a clock, and each costs some nanoseconds per number it records.
///
/// - Isolation: one event loop. `@unchecked Sendable` only so that the loop's owner can hand it
///   over; the one method for other threads is ``copyFromOutside(attempts:into:)``.
/// - Bounds: those of its ``MetricShard``.
public final class LoopRecorder: @unchecked Sendable {
    /// Which event loop this is, from 0.
    public let loop: Int
    @usableFromInline let shard: MetricShard
    private let splitsPairs: Bool
    var clients = ClientPlaces()
    /// The shortest and the longest success on each endpoint.
    var extremes: [EndpointSlot: (quickest: Nanoseconds, slowest: Nanoseconds)] = [:]

    init(loop: Int, schema: MetricSchema, splitsPairs: Bool) {
        self.loop = loop
        self.shard = MetricShard(schema: schema)
        self.splitsPairs = splitsPairs
    }

    /// Copies the shard, on its loop: exact across all its metrics.
    public func copy(into snapshot: inout ShardSnapshot) { self.shard.copy(into: &snapshot) }

    /// Copies the shard from another thread; false when writes disturbed all `attempts`.
    public func copyFromOutside(attempts: Int, into snapshot: inout ShardSnapshot) -> Bool {
        self.shard.copyFromOutside(attempts: attempts, into: &snapshot)
    }

    /// The endpoint value of families split by model and endpoint.
    func pair(_ endpoint: EndpointSlot) -> EndpointSlot { self.splitsPairs ? endpoint : .other }
}

// MARK: - Client connections

extension LoopRecorder {
    /// A client connection is open; `wait` runs from the accept to its loop being ready to read it.
    public func connectionAccepted(wait: Nanoseconds) {
        self.shard.update {
            $0.observe(.clientAcceptDurationSeconds, wait)
            $0.count(.clientConnectionsTotal, .init(AcceptResult.accepted.position))
            $0.move(.clientConnectionsOpen, by: 1)
        }
    }

    /// A client connection was refused; ``connectionClosed()`` does not follow.
    public func connectionRejected() {
        self.shard.update {
            $0.count(.clientConnectionsTotal, .init(AcceptResult.rejected.position))
        }
    }

    /// An accepted client connection is closed.
    public func connectionClosed() {
        self.shard.update { $0.move(.clientConnectionsOpen, by: -1) }
    }

    /// A request was dropped before its head was parsed; it is neither started nor finished.
    public func parseFailed(_ reason: ParseFailureReason) {
        self.shard.update { $0.count(.requestParseFailuresTotal, .init(reason.position)) }
    }

    /// Reading was paused because `side` could not keep up.
    public func backpressurePaused(_ side: BackpressureSide) {
        self.shard.update { $0.count(.backpressurePausesTotal, .init(side.position)) }
    }
}

// MARK: - Admission and routing

extension LoopRecorder {
    /// A request was admitted or refused.
    public func admission(_ decision: AdmissionDecision) {
        self.shard.update { $0.count(.admissionTotal, .init(decision.position)) }
    }

    /// A request began to wait for admission; ``queueLeft()`` follows on the same loop.
    public func queueEntered() { self.shard.update { $0.move(.queueDepth, by: 1) } }

    /// A request stopped waiting for admission, released or not.
    public func queueLeft() { self.shard.update { $0.move(.queueDepth, by: -1) } }

    /// An endpoint was chosen out of `candidates`, once for every choice of a request.
    ///
    /// In the same turn of the loop either ``attemptStarted(_:)`` or ``breakerRejected(_:)``
    /// follows, so that decisions = attempts started + rejections holds on every snapshot. A second
    /// attempt on the same endpoint is a second choice.
    public func routeChosen(
        _ endpoint: EndpointSlot, balancer: Balancer, reason: RoutingReason, candidates: Int,
        exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            $0.count(
                .routingDecisionsTotal,
                .init(endpoint.rawValue, balancer.position, reason.position))
            $0.observe(.routingCandidates, LabelIndexes(), candidates, exemplar)
        }
    }

    /// The chosen endpoint's breaker refused the attempt before it began.
    public func breakerRejected(_ endpoint: EndpointSlot) {
        self.shard.update { $0.count(.breakerRejectionsTotal, .init(endpoint.rawValue)) }
    }

    /// No endpoint could be chosen.
    public func routingFailed(_ reason: RoutingFailure) {
        self.shard.update { $0.count(.routingFailuresTotal, .init(reason.position)) }
    }

    /// An alias led to `model`.
    public func aliasRewritten(_ model: ModelSlot) {
        self.shard.update { $0.count(.modelAliasRewritesTotal, .init(model.rawValue)) }
    }
}

// MARK: - The loop and the log

extension LoopRecorder {
    /// A timer of the loop ran this much too late.
    public func eventLoopLag(_ lag: Nanoseconds) {
        self.shard.update { $0.observe(.swiftEventLoopLagSeconds, lag) }
    }

    /// A log record was queued.
    public func logQueued(_ level: LogLevelLabel) {
        self.shard.update { $0.count(.logRecordsTotal, .init(level.position)) }
    }

    /// A log record was dropped.
    public func logDropped(_ reason: LogDropReason) {
        self.shard.update { $0.count(.logDroppedTotal, .init(reason.position)) }
    }

    /// A trace span was dropped.
    public func spanDropped(_ reason: SpanDropReason) {
        self.shard.update { $0.count(.traceSpansDroppedTotal, .init(reason.position)) }
    }

    /// Something was seen that only a bug of the gateway explains.
    public func bug(_ site: BugSite) {
        self.shard.update { $0.count(.bugsTotal, .init(site.position)) }
    }
}
