public import Domain
public import MetricKernel

// MARK: - Attempts

extension LoopRecorder {
    /// An attempt began on an endpoint; ``attemptFinished(_:code:outcome:duration:error:exemplar:)``
    /// follows.
    public func attemptStarted(_ endpoint: EndpointSlot) {
        self.shard.update {
            $0.move(.upstreamRequestsInFlight, .init(endpoint.rawValue), by: 1)
            if endpoint == .other {
                $0.count(.metricsLabelOverflowTotal, .init(BoundedLabel.endpoint.position))
            }
        }
    }

    /// An attempt ended.
    ///
    /// `code` is the endpoint's status, 0 without an answer; `duration` runs from route chosen to
    /// the last upstream byte; `error` says what failed, also for an answer of 429 or 5xx.
    public func attemptFinished(
        _ endpoint: EndpointSlot, code: Int, outcome: AttemptOutcome, duration: Nanoseconds,
        error: UpstreamErrorType?, exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            $0.count(
                .upstreamRequestsTotal,
                .init(endpoint.rawValue, StatusCode.position(code), outcome.position))
            $0.move(.upstreamRequestsInFlight, .init(endpoint.rawValue), by: -1)
            $0.observe(
                .upstreamAttemptDurationSeconds, .init(endpoint.rawValue), duration, exemplar)
            if let error {
                $0.count(.upstreamErrorsTotal, .init(endpoint.rawValue, error.position))
            }
            if outcome == .ok { self.noteSuccess($0, endpoint, duration) }
        }
    }

    /// Keeps what status pages say about the time of successes.
    private func noteSuccess(
        _ shard: MetricShard, _ endpoint: EndpointSlot, _ duration: Nanoseconds
    ) {
        shard.count(
            .viewEndpointSuccessSecondsTotal, .init(endpoint.rawValue),
            by: UInt64(max(duration.rawValue, 0)))
        let labels = LabelIndexes(endpoint.rawValue, UInt16(self.loop))
        let known = self.extremes[endpoint]
        let quickest = min(known?.quickest ?? duration, duration)
        let slowest = max(known?.slowest ?? duration, duration)
        if let known, known.quickest == quickest, known.slowest == slowest { return }
        self.extremes[endpoint] = (quickest, slowest)
        shard.set(.viewQuickestSuccess, labels, to: quickest.rawValue)
        shard.set(.viewSlowestSuccess, labels, to: slowest.rawValue)
    }

    /// A failed attempt is followed by another one.
    public func retried(_ reason: RetryReason) {
        self.shard.update { $0.count(.retriesTotal, .init(reason.position)) }
    }

    /// A retry was not made because the budget was spent.
    public func retryBudgetExhausted() {
        self.shard.update { $0.count(.retryBudgetExhaustedTotal) }
    }

    /// Bytes went to and came from an endpoint.
    public func upstreamBytes(_ endpoint: EndpointSlot, sent: Int, received: Int) {
        self.shard.update {
            if sent > 0 {
                $0.count(
                    .upstreamBytesTotal, .init(endpoint.rawValue, ByteDirection.sent.position),
                    by: UInt64(sent))
            }
            if received > 0 {
                $0.count(
                    .upstreamBytesTotal, .init(endpoint.rawValue, ByteDirection.received.position),
                    by: UInt64(received))
            }
        }
    }

    /// The response head arrived `time` after the request was fully read.
    public func firstByte(
        _ endpoint: EndpointSlot, _ time: Nanoseconds, exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            $0.observe(.timeToFirstByteSeconds, .init(endpoint.rawValue), time, exemplar)
        }
    }
}

// MARK: - Connections

extension LoopRecorder {
    /// An attempt got its connection, or failed to.
    public func connectionAcquired(_ endpoint: EndpointSlot, _ result: ConnectionResult) {
        self.shard.update {
            $0.count(.upstreamConnectionsTotal, .init(endpoint.rawValue, result.position))
        }
    }

    /// One step of opening a connection took `time`.
    public func connectStep(_ endpoint: EndpointSlot, _ step: ConnectStep, _ time: Nanoseconds) {
        self.shard.update {
            $0.observe(
                .upstreamConnectDurationSeconds, .init(endpoint.rawValue, step.position), time)
        }
    }

    /// A connection to an endpoint is open, in `state`.
    public func upstreamConnectionOpened(_ endpoint: EndpointSlot, _ state: ConnectionState) {
        self.shard.update {
            $0.move(.upstreamConnectionsOpen, .init(endpoint.rawValue, state.position), by: 1)
        }
    }

    /// A connection to an endpoint is closed that was in `state`.
    public func upstreamConnectionClosed(_ endpoint: EndpointSlot, _ state: ConnectionState) {
        self.shard.update {
            $0.move(.upstreamConnectionsOpen, .init(endpoint.rawValue, state.position), by: -1)
        }
    }

    /// An active connection went back to the pool.
    public func upstreamConnectionBecameIdle(_ endpoint: EndpointSlot) {
        self.moveConnection(endpoint, from: .active, to: .idle)
    }

    /// An idle connection was taken out of the pool.
    public func upstreamConnectionBecameActive(_ endpoint: EndpointSlot) {
        self.moveConnection(endpoint, from: .idle, to: .active)
    }

    private func moveConnection(
        _ endpoint: EndpointSlot, from old: ConnectionState, to new: ConnectionState
    ) {
        self.shard.update {
            $0.move(.upstreamConnectionsOpen, .init(endpoint.rawValue, old.position), by: -1)
            $0.move(.upstreamConnectionsOpen, .init(endpoint.rawValue, new.position), by: 1)
        }
    }
}
