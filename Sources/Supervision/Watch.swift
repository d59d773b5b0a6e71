import Catalog
import Domain
import Telemetry

/// The tasks of one endpoint under one configuration; ends when ``stop`` finishes.
struct Watch: Sendable {
    let assignment: Assignment
    let rules: Supervisor.Rules
    let stop: AsyncStream<Void>.Continuation
    fileprivate let stopped: AsyncStream<Void>

    init(_ assignment: Assignment, rules: Supervisor.Rules) {
        self.assignment = assignment
        self.rules = rules
        (self.stopped, self.stop) = AsyncStream.makeStream()
    }
}

extension Supervisor {
    /// Watches an endpoint until the watch is stopped or the task is cancelled.
    func keep(_ watch: Watch) async {
        await withDiscardingTaskGroup { group in
            let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            group.addTask { await self.watchHealth(watch, discoverySignal: signal) }
            if watch.rules.policy.discoversModels {
                group.addTask { await self.keepDiscoveryTime(watch, discoverySignal: signal) }
                group.addTask { await self.discover(watch, on: signals) }
            }
            if watch.rules.policy.enginePollInterval > .zero {
                group.addTask { await self.pollEngine(watch) }
            }
            for await _ in watch.stopped {}
            group.cancelAll()
        }
    }
}

// MARK: - Health

extension Supervisor {
    private func watchHealth(_ watch: Watch, discoverySignal: AsyncStream<Void>.Continuation) async {
        defer { discoverySignal.finish() }
        let key = watch.assignment.key
        do {
            if await !self.fleet.wasChecked(key) {
                try await self.firstPassPermits.withPermit {
                    await self.check(watch, discoverySignal: discoverySignal)
                }
                self.firstCheckDone(key)
            } else {
                // The endpoint was configured anew: its models may be wanted at once.
                discoverySignal.yield()
            }
            while !Task.isCancelled {
                guard let due = await self.fleet.nextCheck(of: key) else { return }
                try await self.clock.sleep(until: self.spread(due))
                // A connect failure may have put the check off meanwhile.
                guard await self.fleet.nextCheck(of: key)?.moment == due.moment else { continue }
                await self.check(watch, discoverySignal: discoverySignal)
            }
        } catch {
            // Cancelled: the only error a permit or a sleep has.
        }
    }

    /// A moment up to a tenth of the wait before a check is due, so that no wait exceeds the contract's; up to a tenth
    /// after it where the endpoint has named the moment itself.
    private func spread(_ due: (moment: MonotonicTime, isRateLimited: Bool)) -> MonotonicTime {
        let now = self.clock.now()
        let wait = due.moment - now
        guard wait > .zero else { return now }
        let offset = self.jitter.part(of: Nanoseconds(rawValue: wait.rawValue / 10))
        return due.moment + (due.isRateLimited ? offset : .zero - offset)
    }

    private func check(_ watch: Watch, discoverySignal: AsyncStream<Void>.Continuation) async {
        let key = watch.assignment.key
        guard let probe = await self.fleet.probeDue(key) else { return }
        let start = self.clock.now()
        let result: Result<ProbeAnswer, ProbeFailure>
        do throws(ProbeFailure) {
            result = .success(try await self.client.ask(Self.healthQuery(watch)))
        } catch {
            result = .failure(error)
        }
        let duration = self.clock.now() - start
        let verdict: (result: ProbeResult, label: HealthCheckResult, cause: String)
        switch result {
        case .failure(.cancelled): return await self.fleet.probeAbandoned(key, probe)
        case .failure(let failure):
            verdict = (.failed, failure == .timedOut ? .timeout : .fail, failure.message)
        case .success(let answer):
            let wait = answer.status == 429 ? answer.value(of: "retry-after") : nil
            verdict = (
                .answered(
                    status: answer.status,
                    retryAfter: wait.flatMap { RetryAfter.parse($0, now: self.clock.wallTime()) }),
                (200..<300).contains(answer.status) ? .ok : .fail, "status \(answer.status)"
            )
        }
        let need = await self.fleet.probeFinished(
            key, probe, result: verdict.result, label: verdict.label, duration: duration, cause: verdict.cause)
        switch need {
        case .now: await self.fleet.expectDiscovery(key)
        case .ifDue: break
        case .none: return
        }
        discoverySignal.yield()
    }

    private static func healthQuery(_ watch: Watch) -> ProbeClient.Query {
        let spec = watch.assignment.spec
        return ProbeClient.Query(
            target: spec.healthURL, endpoint: spec.url,
            fields: [
                ("User-Agent", "olla-HealthChecker/\(watch.rules.policy.version)"),
                ("Accept", "application/json, text/plain, */*"), ("Cache-Control", "no-cache"),
            ],
            endpointFields: spec.probeFields, showsFieldsAbroad: spec.allowsForeignCredentials,
            timeout: spec.health.checkTimeout,
            // Enough for any health page; a longer body says nothing more about health.
            body: .drain(bytesMax: 1 << 20), extraAttempts: 2, backoff: .milliseconds(100),
            backoffMax: .seconds(2))
    }
}

// MARK: - Discovery

extension Supervisor {
    private func keepDiscoveryTime(_ watch: Watch, discoverySignal: AsyncStream<Void>.Continuation) async {
        while !Task.isCancelled {
            guard let due = await self.fleet.nextDiscovery(of: watch.assignment.key) else { return }
            // The run in progress or the next one sets a later time; look again after an interval at the latest.
            let moment = max(due, self.clock.now() + .seconds(1))
            guard (try? await self.clock.sleep(until: moment)) != nil else { return }
            discoverySignal.yield()
        }
    }

    private func discover(_ watch: Watch, on signals: AsyncStream<Void>) async {
        let (assignment, rules) = (watch.assignment, watch.rules)
        for await _ in signals {
            guard
                let turn = await self.fleet.takeDiscovery(
                    assignment.key, interval: rules.policy.discoveryInterval)
            else { continue }
            do {
                try await rules.permits.withPermit {
                    _ = await self.list(assignment, detected: turn.detected, rules: rules)
                }
            } catch {
                // Cancelled while waiting for a permit.
                await self.fleet.discoveryAbandoned(assignment.key)
            }
        }
    }

    /// Lists an endpoint's models once and tells the fleet.
    ///
    /// Returns whether there is a list.
    func list(
        _ assignment: Assignment, detected: ProfileIndex?, rules: Rules, limit: Nanoseconds? = nil
    ) async -> Bool {
        let start = self.clock.now()
        let (key, interval) = (assignment.key, rules.policy.discoveryInterval)
        do throws(ModelDiscovery.Failure) {
            let outcome = try await rules.discovery.run(
                assignment.spec, detected: detected, limit: limit ?? rules.policy.discoveryTimeout)
            await self.fleet.discovered(key, outcome, duration: self.clock.now() - start, interval: interval)
            return true
        } catch {
            if error.isCancelled {
                await self.fleet.discoveryAbandoned(key)
            } else {
                await self.fleet.discoveryFailed(
                    key, message: error.message, forgetsProfile: error.forgetsProfile,
                    duration: self.clock.now() - start, interval: interval)
            }
            return false
        }
    }
}
