import Catalog
public import Domain
public import ServiceLifecycle
import Synchronization
import Telemetry

/// The rules of supervision that are the same for all endpoints.
public struct SupervisionPolicy: Sendable {
    /// The version shown in `User-Agent`.
    public var version: String
    /// Whether models are asked for; key `discovery.model_discovery.enabled`.
    public var discoversModels: Bool
    /// The time between two listings; key `interval`.
    public var discoveryInterval: Nanoseconds
    /// The time limit of one listing of one endpoint, repeats included; key `timeout`.
    public var discoveryTimeout: Nanoseconds
    /// How many endpoints are listed at once; key `concurrent_workers`.
    public var discoveryWorkers: Int
    /// Extra attempts after network errors and 5xx; key `retry_attempts`.
    public var discoveryRetries: Int
    /// The wait before the first extra attempt, doubled with each; key `retry_backoff`.
    public var discoveryBackoff: Nanoseconds
    /// How many endpoints the first health pass asks at once.
    public var firstPassWidth: Int

    /// The documented defaults.
    public init(
        version: String, discoversModels: Bool = true, discoveryInterval: Nanoseconds = .seconds(300),
        discoveryTimeout: Nanoseconds = .seconds(30), discoveryWorkers: Int = 5, discoveryRetries: Int = 3,
        discoveryBackoff: Nanoseconds = .seconds(1), firstPassWidth: Int = 10
    ) {
        self.version = version
        self.discoversModels = discoversModels
        self.discoveryInterval = discoveryInterval
        self.discoveryTimeout = discoveryTimeout
        self.discoveryWorkers = discoveryWorkers
        self.discoveryRetries = discoveryRetries
        self.discoveryBackoff = discoveryBackoff
        self.firstPassWidth = firstPassWidth
    }
}

/// Keeps asking every endpoint how it is and which models it has.
///
/// Every endpoint has tasks of its own, so a slow or broken one never delays another: one makes the health checks, one
/// keeps the time of model listings, one makes the listings. What they learn goes to the ``FleetPublisher``.
///
/// - Isolation: ``run()`` once, anywhere; the other members from any thread.
/// - Bounds: three tasks per endpoint; the first health pass and the listings run a bounded number at once.
public final class Supervisor: Service {
    private let fleet: FleetPublisher
    private let policy: SupervisionPolicy
    private let clock: any SupervisionClock
    private let jitter: Jitter
    private let client: ProbeClient
    private let discovery: ModelDiscovery
    private let discoveryPermits: Permits
    private let firstPassPermits: Permits
    private let unchecked: Atomic<Int>
    private let refresh = Mutex<Task<Bool, Never>?>(nil)
    private let connectFailures: AsyncStream<EndpointIndex>
    private let connectFailureSink: AsyncStream<EndpointIndex>.Continuation

    /// A supervisor of the fleet's endpoints.
    ///
    /// The transport carries the checks and listings; the jitter spreads the checks, by at most a tenth of the wait and
    /// never beyond it.
    public init(
        fleet: FleetPublisher, policy: SupervisionPolicy, transport: any ProbeTransport,
        clock: any SupervisionClock, jitter: Jitter = Jitter()
    ) {
        self.fleet = fleet
        self.policy = policy
        self.clock = clock
        self.jitter = jitter
        self.client = ProbeClient(transport: transport, clock: clock, jitter: jitter)
        self.discovery = ModelDiscovery(client: self.client, profiles: fleet.profiles, policy: policy)
        self.discoveryPermits = Permits(count: policy.discoveryWorkers)
        self.firstPassPermits = Permits(count: policy.firstPassWidth)
        self.unchecked = Atomic(fleet.specs.count)
        (self.connectFailures, self.connectFailureSink) = AsyncStream.makeStream()
    }

    /// Whether every endpoint has been checked once.
    public var isReady: Bool { self.unchecked.load(ordering: .acquiring) == 0 }

    /// A request could not connect to an endpoint: it takes no more requests, on any loop, from now on.
    ///
    /// Cheap for all but the first of many concurrent failures; at most one report per endpoint and outage waits to be
    /// taken up.
    public func endpointFailedToConnect(_ index: EndpointIndex) {
        guard Int(index.rawValue) < self.fleet.lives.count,
            self.fleet.lives[Int(index.rawValue)].demote()
        else { return }
        self.connectFailureSink.yield(index)
    }

    /// Supervises until cancelled or asked to shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for position in self.fleet.specs.indices {
                    let index = EndpointIndex(rawValue: UInt16(position))
                    let (signals, signal) = AsyncStream.makeStream(
                        of: Void.self, bufferingPolicy: .bufferingNewest(1))
                    group.addTask { await self.watchHealth(of: index, discoverySignal: signal) }
                    guard self.policy.discoversModels else { continue }
                    group.addTask { await self.keepDiscoveryTime(of: index, discoverySignal: signal) }
                    group.addTask { await self.discover(index, on: signals) }
                }
                group.addTask {
                    for await index in self.connectFailures { await self.fleet.connectFailed(index) }
                }
            }
        }
    }
}

// MARK: - Health

extension Supervisor {
    private func watchHealth(
        of index: EndpointIndex, discoverySignal: AsyncStream<Void>.Continuation
    ) async {
        defer { discoverySignal.finish() }
        do {
            try await self.firstPassPermits.withPermit {
                await self.check(index, discoverySignal: discoverySignal)
            }
            self.unchecked.subtract(1, ordering: .releasing)
            while !Task.isCancelled {
                let due = await self.fleet.nextCheck(of: index)
                try await self.clock.sleep(until: self.spread(due))
                // A connect failure may have put the check off meanwhile.
                guard await self.fleet.nextCheck(of: index).moment == due.moment else { continue }
                await self.check(index, discoverySignal: discoverySignal)
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

    private func check(_ index: EndpointIndex, discoverySignal: AsyncStream<Void>.Continuation) async {
        guard let probe = await self.fleet.probeDue(index) else { return }
        let spec = self.fleet.specs[Int(index.rawValue)]
        let start = self.clock.now()
        let result: Result<ProbeAnswer, ProbeFailure>
        do throws(ProbeFailure) {
            result = .success(try await self.client.ask(self.healthQuery(for: spec)))
        } catch {
            result = .failure(error)
        }
        let duration = self.clock.now() - start
        let verdict: (result: ProbeResult, label: HealthCheckResult, cause: String)
        switch result {
        case .failure(.cancelled): return await self.fleet.probeAbandoned(index, probe)
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
            index, probe, result: verdict.result, label: verdict.label, duration: duration,
            cause: verdict.cause)
        switch need {
        case .now: await self.fleet.expectDiscovery(index)
        case .ifDue: break
        case .none: return
        }
        discoverySignal.yield()
    }

    private func healthQuery(for spec: EndpointSpec) -> ProbeClient.Query {
        ProbeClient.Query(
            target: spec.healthURL, endpoint: spec.url,
            fields: [
                ("User-Agent", "olla-HealthChecker/\(self.policy.version)"),
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
    private func keepDiscoveryTime(
        of index: EndpointIndex, discoverySignal: AsyncStream<Void>.Continuation
    ) async {
        while !Task.isCancelled {
            let due = await self.fleet.nextDiscovery(of: index)
            // The run in progress or the next one sets a later time; look again after an interval at the latest.
            let moment = max(due, self.clock.now() + .seconds(1))
            guard (try? await self.clock.sleep(until: moment)) != nil else { return }
            discoverySignal.yield()
        }
    }

    private func discover(_ index: EndpointIndex, on signals: AsyncStream<Void>) async {
        for await _ in signals {
            guard let turn = await self.fleet.takeDiscovery(index, interval: self.policy.discoveryInterval)
            else { continue }
            let spec = self.fleet.specs[Int(index.rawValue)]
            do {
                _ = try await self.discoveryPermits.withPermit {
                    await self.discover(index, spec, detected: turn.detected)
                }
            } catch {
                // Cancelled while waiting for a permit.
                await self.fleet.discoveryAbandoned(index)
            }
        }
    }

    private func discover(_ index: EndpointIndex, _ spec: EndpointSpec, detected: ProfileIndex?) async -> Bool {
        let start = self.clock.now()
        let interval = self.policy.discoveryInterval
        do throws(ModelDiscovery.Failure) {
            let outcome = try await self.discovery.run(spec, detected: detected)
            await self.fleet.discovered(
                index, outcome, duration: self.clock.now() - start, interval: interval)
            return true
        } catch {
            guard !error.isCancelled else {
                await self.fleet.discoveryAbandoned(index)
                return false
            }
            await self.fleet.discoveryFailed(
                index, message: error.message, forgetsProfile: error.forgetsProfile,
                duration: self.clock.now() - start, interval: interval)
            return false
        }
    }
}

// MARK: - Refresh

extension Supervisor {
    /// Asks every endpoint that is up for its models now, because a request names one that nobody has.
    ///
    /// Requests that ask meanwhile share the run; its answers are published before this returns.
    ///
    /// - Parameter limit: how long a run may take; what has not answered by then is called off.
    /// - Returns: whether any endpoint answered, or none had to be asked.
    public func refreshModels(within limit: Nanoseconds) async -> Bool {
        let run = self.refresh.withLock { running in
            if let running { return running }
            let run = Task {
                let hasAnswers = await self.listEveryEndpoint(within: limit)
                self.refresh.withLock { $0 = nil }
                return hasAnswers
            }
            running = run
            return run
        }
        return await run.value
    }

    private func listEveryEndpoint(within limit: Nanoseconds) async -> Bool {
        let deadline = self.clock.now() + limit
        return await withTaskGroup(of: Bool?.self) { group in
            var asked = 0
            for position in self.fleet.specs.indices {
                let index = EndpointIndex(rawValue: UInt16(position))
                guard self.fleet.handle.snapshot.routable.contains(index) else { continue }
                asked += 1
                group.addTask { await self.listNow(index) }
            }
            guard asked > 0 else { return true }
            group.addTask {
                try? await self.clock.sleep(until: deadline)
                return nil
            }
            var (answered, hasAnswers) = (0, false)
            for await result in group {
                guard let result else { break }
                answered += 1
                hasAnswers = hasAnswers || result
                if answered == asked { break }
            }
            group.cancelAll()
            return hasAnswers
        }
    }

    private func listNow(_ index: EndpointIndex) async -> Bool {
        await self.fleet.expectDiscovery(index)
        guard let turn = await self.fleet.takeDiscovery(index, interval: self.policy.discoveryInterval) else {
            return false
        }
        let spec = self.fleet.specs[Int(index.rawValue)]
        do {
            return try await self.discoveryPermits.withPermit {
                await self.discover(index, spec, detected: turn.detected)
            }
        } catch {
            // Cancelled while waiting for a permit.
            await self.fleet.discoveryAbandoned(index)
            return false
        }
    }
}
