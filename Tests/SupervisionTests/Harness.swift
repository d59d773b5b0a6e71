import Catalog
import Dispatch
import Domain
import MetricKernel
import Supervision
import Synchronization
import Telemetry
import Testing

/// Runs the tasks of a test one after another, on one thread, and knows when none has anything left to do.
///
/// Tasks with this preference, their children and the actors they call run here alone. When the queue is empty all of
/// them wait, for the clock or for the test, so the clock may move: nothing is guessed, however busy the machine is. What
/// comes while nobody has asked to settle runs as well, so that nobody who awaits it waits for ever.
final class TurnExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let thread = DispatchQueue(label: "supervision")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.jobs.withLock { $0.append(job) }
        self.thread.async { self.drain() }
    }

    private func drain() {
        while let job = self.jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }

    /// Runs what is ready, and what becomes ready by it, until nothing is.
    func settle() async {
        await withCheckedContinuation { continuation in
            self.thread.async {
                self.drain()
                continuation.resume()
            }
        }
    }
}

/// A clock that stands still until a test moves it.
final class ManualClock: SupervisionClock {
    private struct Sleeper {
        let number: UInt64
        let due: MonotonicTime
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = MonotonicTime(rawValue: 1_000_000_000)
        var sleepers: [Sleeper] = []
        var cancelled: Set<UInt64> = []
        var nextNumber: UInt64 = 0
    }

    /// 2026-01-01T00:00:00Z at the clock's start.
    static let epoch = Nanoseconds.seconds(1_767_225_600)
    static let start = MonotonicTime(rawValue: 1_000_000_000)
    /// Runs everybody who sleeps by this clock.
    let executor = TurnExecutor()
    private let state = Mutex(State())

    func now() -> MonotonicTime { self.state.withLock { $0.now } }

    func wallTime() -> Nanoseconds { Self.epoch + (self.now() - Self.start) }

    /// The time since the clock's start.
    var elapsed: Nanoseconds { self.now() - Self.start }

    func sleep(until moment: MonotonicTime) async throws {
        let number = self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = self.state.withLock { state in
                    if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    if moment <= state.now { return .success(()) }
                    state.sleepers.append(Sleeper(number: number, due: moment, continuation: continuation))
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let sleeper: Sleeper? = self.state.withLock { state in
                guard let position = state.sleepers.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.sleepers.remove(at: position)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves on, waking sleepers in the order of their times; before each step everybody has done what is to be done.
    func advance(by span: Nanoseconds) async {
        let end = self.now() + span
        while true {
            await self.executor.settle()
            let woken: [Sleeper] = self.state.withLock { state in
                guard let next = state.sleepers.map(\.due).min(), next <= end else {
                    state.now = end
                    return []
                }
                state.now = max(state.now, next)
                let due = state.sleepers.filter { $0.due <= state.now }
                state.sleepers.removeAll { $0.due <= state.now }
                return due
            }
            if woken.isEmpty { return }
            for sleeper in woken { sleeper.continuation.resume() }
        }
    }

    /// Lets everybody do what is to be done at this moment.
    func settle() async { await self.executor.settle() }
}

/// Servers that answer by script.
final class ScriptedTransport: ProbeTransport {
    enum Script: Sendable {
        case answer(status: Int, body: String = "", fields: [ProbeRequest.Field] = [])
        case failure(ProbeFailure)
        /// Answers 200 after a time, unless the request's limit is shorter.
        case slow(Nanoseconds)
    }

    struct Seen: Sendable {
        let elapsed: Nanoseconds
        let request: ProbeRequest
    }

    private struct State {
        var scripts: [String: [Script]] = [:]
        var seen: [Seen] = []
        var running = 0
        var runningMax = 0
    }

    private let clock: ManualClock
    private let state = Mutex(State())

    init(clock: ManualClock) { self.clock = clock }

    /// What a URL answers from now on: each script once, the last one for ever.
    func set(_ url: String, _ scripts: Script...) { self.state.withLock { $0.scripts[url] = scripts } }

    /// The seconds since the start at which a URL was asked.
    func times(_ url: String) -> [Double] {
        self.state.withLock { $0.seen.filter { $0.request.url == url }.map(\.elapsed.seconds) }
    }

    func requests(_ url: String) -> [ProbeRequest] {
        self.state.withLock { $0.seen.map(\.request).filter { $0.url == url } }
    }

    var urls: [String] { self.state.withLock { $0.seen.map(\.request.url) } }

    var runningMax: Int { self.state.withLock { $0.runningMax } }

    func exchange(_ request: ProbeRequest) async throws(ProbeFailure) -> ProbeAnswer {
        let elapsed = self.clock.elapsed
        let script = self.state.withLock { state -> Script in
            state.seen.append(Seen(elapsed: elapsed, request: request))
            state.running += 1
            state.runningMax = max(state.runningMax, state.running)
            guard let scripts = state.scripts[request.url], let first = scripts.first else {
                return .failure(.network("connection refused"))
            }
            if scripts.count > 1 { state.scripts[request.url] = Array(scripts.dropFirst()) }
            return first
        }
        defer { self.state.withLock { $0.running -= 1 } }
        switch script {
        case .answer(let status, let body, let fields):
            return ProbeAnswer(status: status, fields: fields, body: Array(body.utf8))
        case .failure(let failure): throw failure
        case .slow(let span):
            do {
                try await self.clock.sleep(until: self.clock.now() + min(span, request.timeout))
            } catch {
                throw .cancelled
            }
            if span >= request.timeout { throw .timedOut }
            return ProbeAnswer(status: 200)
        }
    }
}

/// A supervisor over scripted servers and a manual clock.
final class Harness: Sendable {
    let clock: ManualClock
    let transport: ScriptedTransport
    let metrics: MetricStore
    let fleet: FleetPublisher
    let supervisor: Supervisor
    private let records: RecordBox

    init(
        _ specs: [EndpointSpec], policy: SupervisionPolicy = SupervisionPolicy(version: "1.2.3"),
        jitter: Jitter = .none, staleness: ModelStaleness = .init()
    ) async throws {
        let clock = ManualClock()
        let records = RecordBox()
        self.clock = clock
        self.transport = ScriptedTransport(clock: clock)
        self.metrics = MetricStore(.init(loops: 1))
        self.records = records
        self.fleet = try FleetPublisher(
            FleetPlan(specs: specs, builder: FleetBuilder(), staleness: staleness), metrics: self.metrics, clock: clock,
            events: { level, message, fields in
                records.add("\(level) \(message) " + fields.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
            })
        self.supervisor = await Supervisor(
            fleet: self.fleet, policy: policy, transport: self.transport, clock: clock, jitter: jitter)
    }

    /// Supervises while `body` runs, which begins when everything that is to be done at the start is done.
    func run(_ body: (Harness) async throws -> Void) async throws {
        let supervision = Task(executorPreference: self.clock.executor) { try await self.supervisor.run() }
        await self.clock.settle()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(self))
        } catch {
            outcome = .failure(error)
        }
        supervision.cancel()
        await self.clock.settle()
        try await supervision.value
        try outcome.get()
    }

    /// Moves the clock on; everybody has done what is to be done when this returns.
    func advance(by span: Nanoseconds) async {
        await self.clock.advance(by: span)
    }

    /// The condition of every endpoint.
    var conditions: [EndpointCondition] { get async { await self.fleet.report().conditions } }

    /// The log records so far.
    var log: [String] { self.records.lines.withLock { $0 } }

    var snapshot: FleetSnapshot { self.fleet.handle.snapshot }

    var states: [EndpointState] { self.snapshot.endpoints.map(\.state) }

    func modelNames(_ position: Int) -> [String] { self.snapshot.endpoints[position].models.map(\.name) }

    /// The value of a counter or gauge with the given labels.
    func metric(_ name: String, _ labels: String...) -> UInt64? {
        guard let family = self.metrics.snapshotFromOutside().family(name) else { return nil }
        for series in 0..<family.seriesCount {
            let values = family.descriptor.labels.indices.map { family.labelValue(of: series, at: $0) }
            if values == labels { return family.total(of: series) }
        }
        return nil
    }
}

private final class RecordBox: Sendable {
    let lines = Mutex<[String]>([])

    func add(_ line: String) { self.lines.withLock { $0.append(line) } }
}

/// An endpoint's configuration with short intervals spelled out.
func makeSpec(
    _ name: String, type: String = "ollama", health: String? = nil, models: String? = nil,
    interval: Nanoseconds = .seconds(5), timeout: Nanoseconds = .seconds(2),
    adjust: (inout EndpointSpec) -> Void = { _ in }
) throws -> EndpointSpec {
    let url = try EndpointURL("http://\(name):1000")
    var spec = try #require(
        try EndpointSpec.resolving(
            name: name, url: url, typeText: type, healthValue: health, modelsValue: models, profiles: .builtIn))
    spec.health = HealthPolicy(checkInterval: interval, checkTimeout: timeout)
    adjust(&spec)
    return spec
}

/// Supervision without model discovery.
let healthOnly = SupervisionPolicy(version: "1.2.3", discoversModels: false)
