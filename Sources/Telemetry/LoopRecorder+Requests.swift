public import Domain
public import MetricKernel

extension LoopRecorder {
    /// A request head was parsed; ``requestFinished(_:exemplar:)`` follows on the same loop, whatever
    /// happens.
    public func requestStarted(_ route: RouteClass) {
        self.shard.update {
            $0.count(.requestsStartedTotal, .init(route.position))
            $0.move(.requestsInFlight, .init(route.position), by: 1)
        }
    }

    /// The client left before the last byte, in `stage`.
    public func clientCancelled(_ stage: Stage) {
        self.shard.update { $0.count(.clientCancellationsTotal, .init(stage.position)) }
    }

    /// A request with a client key has ended.
    public func clientKeyUsed(_ key: ClientKeySlot, _ outcome: RequestOutcome) {
        self.shard.update {
            $0.count(.clientKeyRequestsTotal, .init(key.rawValue, outcome.position))
            if key == .other {
                $0.count(.metricsLabelOverflowTotal, .init(BoundedLabel.key.position))
            }
        }
    }

    /// A request has ended: records all of it in one group.
    ///
    /// Which stages count: `read_head` and `finish` of every request and `acquire` of every
    /// attempt, because each passes through them; every other stage when time was spent in it. Sums
    /// are exact either way, and `_count` is the number of requests that knew the stage.
    ///
    /// Upstream time that belongs to no listed attempt goes to the last attempt's endpoint, or to
    /// `other` when there was none, so stages and parties always add up to the request's duration.
    public func requestFinished(_ report: RequestReport, exemplar: ExemplarContext? = nil) {
        self.shard.update { shard in
            let code = report.code == 0 && report.outcome == .clientCancelled ? 499 : report.code
            shard.count(
                .requestsTotal,
                .init(
                    report.route.position, report.method.position, StatusCode.position(code),
                    report.outcome.position))
            shard.move(.requestsInFlight, .init(report.route.position), by: -1)
            shard.count(
                .modelRequestsTotal, .init(report.model.rawValue, report.outcome.position))
            if report.model == .other {
                shard.count(.metricsLabelOverflowTotal, .init(BoundedLabel.model.position))
            }
            guard !report.isScrape else { return }
            self.recordDistributions(of: report, code: code, exemplar)
            self.recordTimes(of: report, exemplar)
        }
    }

    private func recordDistributions(
        of report: RequestReport, code: Int, _ exemplar: ExemplarContext?
    ) {
        let shard = self.shard
        let route = LabelIndexes(report.route.position)
        shard.observe(
            .requestDurationSeconds,
            .init(
                report.route.position, UInt16(report.isStream ? 1 : 0),
                StatusCode.classPosition(code)),
            report.timeline.total, exemplar)
        shard.observe(.requestBodyBytes, route, report.requestBodyBytes, exemplar)
        shard.observe(.responseBodyBytes, route, report.responseBodyBytes, exemplar)
        if report.attempts.count > 0 {
            shard.observe(.requestAttempts, LabelIndexes(), report.attempts.count, exemplar)
        }
        if let operation = report.operation {
            shard.observe(
                .operationDurationSeconds, .init(report.model.rawValue, operation.position),
                report.operationDuration, exemplar)
        }
    }

    private func recordTimes(of report: RequestReport, _ exemplar: ExemplarContext?) {
        let timeline = report.timeline
        var client = Nanoseconds.zero
        var gateway = Nanoseconds.zero
        for stage in Stage.allCases where !stage.isUpstream {
            let spent = timeline[stage]
            if stage.party == .client { client += spent } else { gateway += spent }
            if spent > .zero || stage == .readHead || stage == .finish {
                self.shard.observe(
                    .requestStageDurationSeconds, .init(stage.position), spent, exemplar)
            }
        }
        let endpoint = self.recordUpstreamTimes(of: report, exemplar)
        self.shard.observe(
            .overheadSeconds, .init(UInt16(report.isStream ? 1 : 0)), gateway, exemplar)
        self.addPartyTime(report.route, .client, client)
        self.addPartyTime(report.route, .gateway, gateway)
        self.addPartyTime(report.route, .endpoint, endpoint)
    }

    private func addPartyTime(_ route: RouteClass, _ party: Party, _ time: Nanoseconds) {
        self.shard.count(
            .requestPartySecondsTotal, .init(route.position, party.position),
            by: UInt64(max(time.rawValue, 0)))
    }

    /// Records the stages of every attempt; returns the time spent on endpoints.
    private func recordUpstreamTimes(
        of report: RequestReport, _ exemplar: ExemplarContext?
    ) -> Nanoseconds {
        let timeline = report.timeline
        let left = UpstreamTimes(
            acquire: timeline[.acquire], send: timeline[.send], wait: timeline[.wait],
            stream: timeline[.stream])
        var endpoint = Nanoseconds.zero
        let last = report.attempts.count - 1
        for position in 0..<report.attempts.count {
            var attempt = report.attempts[position]
            if position == last {
                attempt.times.acquire += left.acquire
                attempt.times.send += left.send
                attempt.times.wait += left.wait
                attempt.times.stream += left.stream
            }
            endpoint += attempt.times.total
            self.observe(attempt.times, on: attempt.endpoint, countsAcquire: true, exemplar)
        }
        if last < 0, left.total > Nanoseconds.zero {
            endpoint += left.total
            self.observe(left, on: .other, countsAcquire: false, exemplar)
        }
        return endpoint
    }

    private func observe(
        _ times: UpstreamTimes, on endpoint: EndpointSlot, countsAcquire: Bool,
        _ exemplar: ExemplarContext?
    ) {
        if countsAcquire || times.acquire > .zero {
            self.observe(.acquire, times.acquire, on: endpoint, exemplar)
        }
        if times.send > .zero { self.observe(.send, times.send, on: endpoint, exemplar) }
        if times.wait > .zero { self.observe(.wait, times.wait, on: endpoint, exemplar) }
        if times.stream > .zero { self.observe(.stream, times.stream, on: endpoint, exemplar) }
    }

    private func observe(
        _ stage: Stage, _ time: Nanoseconds, on endpoint: EndpointSlot, _ exemplar: ExemplarContext?
    ) {
        self.shard.observe(
            .upstreamStageDurationSeconds, .init(endpoint.rawValue, stage.position), time,
            exemplar)
    }
}
