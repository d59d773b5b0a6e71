public import Catalog
public import Domain
public import FlightRecorder
public import Journal
public import MetricKernel
public import NIOCore
public import NIOSSL
public import Pipeline
public import Routing
import Synchronization
public import Telemetry
public import TraceExport
import Transport

/// What all loops of the engine share under one configuration; immutable or atomic.
///
/// A new configuration brings another value: the loops take it over together with the first snapshot of the fleet
/// whose `attachment` is an ``EngineRules``.
public struct EngineShared: Sendable {
    /// The configuration.
    public var configuration: EngineConfiguration
    /// Leads paths to routes.
    public var paths: PathRouter
    /// Chooses endpoints.
    public var router: Router
    /// The newest fleet.
    public var fleet: FleetHandle
    /// The retries that all requests share.
    public var budget: RetryBudget
    /// Answers what needs no backend.
    public var routes: any LocalRoutes
    /// The TLS settings of an endpoint; nil for `http`.
    public var tls: @Sendable (FleetEndpoint) -> UpstreamTLS?
    /// Told when a request breaker changed its state.
    public var breakerChanged: @Sendable (FleetEndpoint, BreakerState) -> Void
    /// Told when no connection to an endpoint could be made, once until it is healthy again.
    public var endpointUnreachable: @Sendable (FleetEndpoint) -> Void
    /// Asks the endpoints again which models they have, and returns when the fleet knows, or in time.
    public var refreshModels: @Sendable () async -> ModelRefresh = { .unavailable }
    /// What the statistics page says about the Messages API.
    public var messages = TranslatorTally()

    /// Takes calls of the Messages API down; nil when nobody inspects them.
    public var inspector: (any MessagesInspector)?

    /// Who is let in; nil when everybody is.
    public var admission: Admission?
    /// What scripts of other origins may do; nil when answers say nothing about it.
    public var cors: CORSPolicy?
    /// The places of ``Admission/keys`` among the metrics, in the same order.
    public var clientKeySlots: [ClientKeySlot] = []

    /// All parts, given.
    public init(
        configuration: EngineConfiguration, paths: PathRouter, router: Router, fleet: FleetHandle, budget: RetryBudget,
        routes: any LocalRoutes, tls: @escaping @Sendable (FleetEndpoint) -> UpstreamTLS?,
        breakerChanged: @escaping @Sendable (FleetEndpoint, BreakerState) -> Void,
        endpointUnreachable: @escaping @Sendable (FleetEndpoint) -> Void
    ) {
        self.configuration = configuration
        self.paths = paths
        self.router = router
        self.fleet = fleet
        self.budget = budget
        self.routes = routes
        self.tls = tls
        self.breakerChanged = breakerChanged
        self.endpointUnreachable = endpointUnreachable
    }
}

/// The TLS settings of an endpoint.
public struct UpstreamTLS: Sendable {
    /// The settings as they were configured.
    public var configuration: TLSConfiguration
    /// What was made of them, once.
    public var context: NIOSSLContext

    /// Makes a context of settings.
    ///
    /// - Throws: when a file of authorities cannot be read.
    public init(_ configuration: TLSConfiguration) throws {
        self.configuration = configuration
        self.context = try NIOSSLContext(configuration: configuration)
    }
}

/// Hands ``EngineShared`` on with a snapshot of the fleet, so that both change at one instant.
public final class EngineRules: Sendable {
    let shared: EngineShared

    /// Rules that hold from the snapshot on that carries them.
    public init(_ shared: EngineShared) { self.shared = shared }
}

/// Serves clients: drives ``RequestMachine`` from channel handlers, bytes in, bytes out, one event loop a request.
///
/// The two engines of `proxy.engine` differ in their ``UpstreamSide`` only.
///
/// - Isolation: thread-safe; each loop's state stays on its loop.
/// - Bounds: one ``EngineLoop`` per event loop.
public final class Engine: Sendable {
    private let loops: [NIOLoopBound<EngineLoop>]
    private let eventLoops: [any EventLoop]

    /// An engine on these loops, which must be those of `recorders`, `logbook` and `spans`, in the same order.
    ///
    /// Returns when every loop is ready.
    ///
    /// - Parameters:
    ///   - eventLoops: where requests are served.
    ///   - upstreams: how endpoints are reached.
    ///   - shared: what all loops share.
    ///   - recorders: the metrics of each loop.
    ///   - logbook: the log lines of all loops.
    ///   - spans: where each loop puts finished spans; empty when none are exported.
    /// - Returns: an engine that takes connections.
    /// - Throws: when a loop has been shut down.
    public static func start(
        eventLoops: [any EventLoop], upstreams: UpstreamSide, shared: EngineShared, recorders: [LoopRecorder],
        logbook: Logbook, spans: [SpanQueue] = []
    ) async throws -> Engine {
        var loops: [NIOLoopBound<EngineLoop>] = []
        for (position, eventLoop) in eventLoops.enumerated() {
            let recorder = recorders[position]
            let loop = try await eventLoop.submit {
                let loop = EngineLoop(
                    eventLoop: eventLoop, upstreams: upstreams, shared: shared, recorder: recorder,
                    journal: logbook.writer(forLoop: position), spans: spans.isEmpty ? nil : spans[position])
                let bound = NIOLoopBound(loop, eventLoop: eventLoop)
                Self.scheduleTicks(bound, on: eventLoop)
                return bound
            }.get()
            loops.append(loop)
        }
        return Engine(loops: loops, eventLoops: eventLoops)
    }

    private init(loops: [NIOLoopBound<EngineLoop>], eventLoops: [any EventLoop]) {
        self.loops = loops
        self.eventLoops = eventLoops
    }

    private static func scheduleTicks(_ loop: NIOLoopBound<EngineLoop>, on eventLoop: any EventLoop) {
        let tick = TimeAmount.nanoseconds(DeadlineWheel.tick.rawValue)
        eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in loop.value.tick() }
        // The lag of the loop is how late a timer of one second runs (telemetry.md 1.2).
        let due = NIOLoopBoundBox(Clock.now() + .seconds(1), eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            let now = Clock.now()
            let lag = now - due.value
            loop.value.recorder.eventLoopLag(lag > .zero ? lag : .zero)
            loop.value.synchroniseClocks()
            due.value = now + .seconds(1)
        }
    }

    /// Takes a client connection over; call on its own loop.
    ///
    /// - Parameters:
    ///   - channel: the connection.
    ///   - acceptedAt: when its socket was accepted.
    ///   - surface: which routes it may ask for.
    ///   - tls: what it must shake hands by before its first request; nil for plain HTTP.
    /// - Throws: when the channel is of no loop of this engine, or closed.
    public func attach(
        _ channel: any Channel, acceptedAt: MonotonicTime, surface: ListenerSurface = .everything,
        tls: NIOSSLContext? = nil
    ) throws {
        guard let position = self.eventLoops.firstIndex(where: { $0 === channel.eventLoop }) else {
            throw ChannelError.inappropriateOperationForState
        }
        let loop = self.loops[position].value
        loop.recorder.connectionAccepted(wait: Clock.now() - acceptedAt)
        let address = Array((channel.remoteAddress?.ipAddress ?? "unknown").utf8)
        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
        try channel.pipeline.syncOperations.addHandler(
            ClientConnection(loop: loop, clientAddress: address, surface: surface, awaitsHandshake: tls != nil))
    }

    /// A connection was refused because there are too many; call on any loop.
    public func connectionRejected() {
        let loop = self.loops[0]
        self.eventLoops[0].execute { loop.value.recorder.connectionRejected() }
    }

    /// Copies the metrics of a loop on that loop, with the starts of the requests being served there.
    ///
    /// - Returns: nil when the loop does not answer within `limit`.
    public func copyMetrics(ofLoop position: Int, within limit: Nanoseconds) async -> LoopMetrics? {
        await self.ask(position, within: limit) { loop in
            var metrics = LoopMetrics()
            loop.recorder.copy(into: &metrics.shard)
            loop.forEachActive { metrics.activeSince.append($0) }
            metrics.cpuTime = Clock.threadCPUTime()
            return metrics
        }
    }

    /// Copies what a loop remembers of its requests, on that loop.
    ///
    /// - Returns: nil when the loop does not answer within `limit`.
    public func copyRequests(ofLoop position: Int, within limit: Nanoseconds) async -> [FlightRecord]? {
        await self.ask(position, within: limit) { loop in
            loop.flights.copy(at: Nanoseconds(rawValue: loop.wallClock(at: Clock.now())))
        }
    }

    /// What `body` says on a loop, or nil when the loop does not answer within `limit`.
    private func ask<Answer: Sendable>(
        _ position: Int, within limit: Nanoseconds, _ body: @escaping @Sendable (EngineLoop) -> Answer
    ) async -> Answer? {
        let loop = self.loops[position]
        let answer = OnceContinuation<Answer>()
        return await withCheckedContinuation { continuation in
            answer.set(continuation)
            self.eventLoops[position].execute { answer.resume(body(loop.value)) }
            // On another thread than the loop's own, which may be the one that is stuck.
            Task {
                try? await Task.sleep(for: .nanoseconds(limit.rawValue))
                answer.resume(nil)
            }
        }
    }

    /// How many loops there are.
    public var loopCount: Int { self.loops.count }

    /// Makes every loop look for a newer fleet now instead of with its next request; returns when all have.
    public func adoptFleet() async {
        for (position, loop) in self.loops.enumerated() {
            try? await self.eventLoops[position].submit { _ = loop.value.currentFleet() }.get()
        }
    }

    /// Lets every answer from now on say that its connection ends with it, so that clients go elsewhere.
    public func announceDrain() async {
        for (position, loop) in self.loops.enumerated() {
            try? await self.eventLoops[position].submit { loop.value.announceDrain() }.get()
        }
    }

    /// Closes idle connections; busy ones end with their answer.
    ///
    /// Those of an administrative listener stay: somebody watches the drain.
    public func drain() async {
        for (position, loop) in self.loops.enumerated() {
            try? await self.eventLoops[position].submit { loop.value.drain() }.get()
        }
    }

    /// Whether no client connection is left but those of an administrative listener.
    public func isEmpty() async -> Bool {
        for (position, loop) in self.loops.enumerated() {
            let isEmpty = try? await self.eventLoops[position].submit { loop.value.isEmpty }.get()
            if isEmpty == false { return false }
        }
        return true
    }

    /// Cuts what is still running.
    public func cut() async {
        for (position, loop) in self.loops.enumerated() {
            try? await self.eventLoops[position].submit { loop.value.cut() }.get()
        }
    }

    /// Closes every connection to endpoints, after ``cut()``; returns when they are gone.
    public func stop() async {
        for (position, loop) in self.loops.enumerated() {
            try? await self.eventLoops[position].flatSubmit { loop.value.pool.stop() }.get()
        }
    }
}

/// One loop's part of a scrape.
public struct LoopMetrics: Sendable {
    /// The copy of the shard.
    public var shard = ShardSnapshot()
    /// When the requests being served began, oldest first.
    public var activeSince: [MonotonicTime] = []
    /// CPU time of the loop's thread.
    public var cpuTime = Nanoseconds.zero

    /// Nothing yet.
    public init() {}
}

/// A continuation that the first of several callers resumes.
private final class OnceContinuation<Value: Sendable>: Sendable {
    private let waiting = Mutex<CheckedContinuation<Value?, Never>?>(nil)

    func set(_ continuation: CheckedContinuation<Value?, Never>) { self.waiting.withLock { $0 = continuation } }

    func resume(_ value: Value?) {
        let continuation = self.waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: value)
    }
}
