package import Catalog
import Domain
import FlightRecorder
import HTTPWire
import Journal
package import NIOCore
import NIOPosix
import NIOSSL
import Pipeline
import Routing
package import Telemetry
import TraceExport
package import Transport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Everything one event loop owns: its upstream sides, shard, log queue, deadlines, and the requests it serves.
///
/// - Isolation: its event loop; nothing here is shared.
/// - Bounds: upstream sides by their pool, spare buffers by ``spareBuffersMax``.
package final class EngineLoop {
    private static let spareBuffersMax = 64
    private static let spareBufferBytesMax = 65_536
    /// How many ticks pass until those who wait for a place look around for themselves: 200 ms.
    private static let ticksPerCall: UInt64 = 10

    package let eventLoop: any EventLoop
    package private(set) var configuration: EngineConfiguration
    private(set) var shared: EngineShared
    package let recorder: LoopRecorder
    let journal: LineWriter
    /// Where finished spans go; nil when none are exported.
    let spans: SpanQueue?
    /// The requests that somebody may ask about.
    var flights = FlightRecorder()
    package let wheel: DeadlineWheel
    private(set) var upstreamHead: UpstreamHead
    let clientHead: ClientHead
    let answers: Answers
    var random = LoopRandom()
    /// Whether the gateway stops soon: answers say that their connection ends with them.
    private(set) var isStopping = false
    /// Whether it stops: idle connections are closed, new ones too.
    package private(set) var isDraining = false

    private var fleet: FleetCache
    /// The configuration that ``shared``, ``wires`` and ``pool`` belong to; see `FleetSnapshot.revision`.
    package private(set) var revision: UInt32
    private var wires: [EndpointWire?] = []
    /// Where upstream sides come from.
    private(set) lazy var pool: any UpstreamPool = self.upstreams.makePool(self)
    private let upstreams: UpstreamSide
    private var spares: [ByteBuffer] = []
    private var date = HTTPDate()
    private var wallOffset: Int64 = 0
    private var clients: [ObjectIdentifier: ClientConnection] = [:]
    private var administrativeCount = 0
    private var oldest: ClientConnection?
    private var newest: ClientConnection?
    private(set) var activeCount = 0
    private var ticks: UInt64 = 0

    var admission: Admission? { self.shared.admission }
    var paths: PathRouter { self.shared.paths }
    var router: Router { self.shared.router }
    var routes: any LocalRoutes { self.shared.routes }
    var budget: RetryBudget { self.shared.budget }

    init(
        eventLoop: any EventLoop, upstreams: UpstreamSide, shared: EngineShared, recorder: LoopRecorder,
        journal: LineWriter, spans: SpanQueue?
    ) {
        self.eventLoop = eventLoop
        self.upstreams = upstreams
        self.shared = shared
        self.configuration = shared.configuration
        self.recorder = recorder
        self.journal = journal
        self.spans = spans
        self.wheel = DeadlineWheel(now: Clock.now())
        let (name, version) = (shared.configuration.productName, shared.configuration.version)
        self.upstreamHead = UpstreamHead(productName: name, version: version)
        self.upstreamHead.keyHeader = shared.admission?.rules.keyHeader ?? []
        self.upstreamHead.isSecure = shared.configuration.speaksTLS
        self.clientHead = ClientHead(productName: name, version: version)
        self.answers = Answers(productName: name, version: version)
        self.fleet = FleetCache(shared.fleet)
        self.revision = shared.fleet.snapshot.revision
        self.spares.reserveCapacity(Self.spareBuffersMax)
        self.synchroniseClocks()
    }

    // MARK: Time

    /// Reads both clocks, so that moments of one can be told in the other.
    func synchroniseClocks() { self.wallOffset = Clock.wallNanoseconds() - Clock.now().rawValue }

    /// A moment by the wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
    func wallClock(at now: MonotonicTime) -> Int64 { now.rawValue + self.wallOffset }

    /// The `Date` line for now.
    func dateLine(at now: MonotonicTime) -> [UInt8] {
        self.date.update(wall: self.wallClock(at: now))
        return self.date.line
    }

    /// Fires what is due; called every ``DeadlineWheel/tick``.
    func tick() {
        self.wheel.advance(to: Clock.now())
        self.ticks &+= 1
        // Somebody may wait for an endpoint that comes back by time alone, which frees no place.
        if self.ticks.isMultiple(of: Self.ticksPerCall) { self.router.room.callEveryLine() }
    }

    // MARK: Buffers

    /// An empty buffer with some room; give it back with ``giveBack(_:)``.
    package func takeBuffer() -> ByteBuffer {
        guard var buffer = self.spares.popLast() else { return ByteBufferAllocator().buffer(capacity: 2048) }
        buffer.clear()
        return buffer
    }

    /// Keeps a buffer for the next use, and leaves an empty one in its place.
    ///
    /// Bytes still being written stay valid.
    func giveBack(_ buffer: inout ByteBuffer) {
        if self.spares.count < Self.spareBuffersMax, (1...Self.spareBufferBytesMax).contains(buffer.capacity) {
            self.spares.append(buffer)
        }
        buffer = ByteBuffer()
    }

    // MARK: Fleet

    /// The newest fleet.
    package func currentFleet() -> FleetSnapshot {
        let fleet = self.fleet.current()
        if fleet.revision != self.revision { self.adopt(fleet) }
        return fleet
    }

    /// Takes another configuration over: its rules for what comes, and idle connections where their endpoint stays.
    private func adopt(_ fleet: FleetSnapshot) {
        self.revision = fleet.revision
        if let rules = fleet.attachment as? EngineRules {
            self.shared = rules.shared
            self.configuration = rules.shared.configuration
            self.upstreamHead.keyHeader = rules.shared.admission?.rules.keyHeader ?? []
        }
        self.wires.removeAll()
        self.pool.adopt(fleet)
        // Whoever waits for a place looks for one under the new rules.
        self.router.room.callEveryLine()
    }

    /// The rendered bytes of an endpoint, made anew when its configuration changed.
    func wire(for index: EndpointIndex, in fleet: FleetSnapshot) -> EndpointWire? {
        guard let endpoint = fleet[index] else { return nil }
        guard fleet.revision == self.revision else {
            // A request that began under an earlier configuration goes to another of its endpoints.
            return EndpointWire(endpoint, revision: fleet.revision, tls: self.shared.tls(endpoint))
        }
        let position = Int(index.rawValue)
        if position < self.wires.count, let wire = self.wires[position] {
            if wire.endpoint === endpoint { return wire }
            if wire.endpoint.spec == endpoint.spec, wire.endpoint.live === endpoint.live {
                wire.refresh(endpoint)
                return wire
            }
        }
        while self.wires.count <= position { self.wires.append(nil) }
        let wire = EndpointWire(endpoint, revision: fleet.revision, tls: self.shared.tls(endpoint))
        self.wires[position] = wire
        return wire
    }

    /// A breaker changed its state.
    func breakerChanged(_ wire: EndpointWire, to state: BreakerState) {
        self.shared.breakerChanged(wire.endpoint, state)
    }

    /// No connection to an endpoint could be made; told once until it is healthy again.
    func endpointUnreachable(_ wire: EndpointWire) { self.shared.endpointUnreachable(wire.endpoint) }

    // MARK: Clients

    /// A client connection is ready.
    func opened(_ client: ClientConnection) {
        self.clients[ObjectIdentifier(client)] = client
        if client.surface == .administration { self.administrativeCount += 1 }
    }

    /// A client connection is gone.
    func closed(_ client: ClientConnection) {
        self.clients[ObjectIdentifier(client)] = nil
        if client.surface == .administration { self.administrativeCount -= 1 }
        self.recorder.connectionClosed()
    }

    /// A request is being served: it joins the list at its end, so that the list is sorted by age.
    func requestStarted(_ client: ClientConnection, at now: MonotonicTime) {
        client.previousActive = self.newest
        client.nextActive = nil
        if let newest = self.newest { newest.nextActive = client } else { self.oldest = client }
        self.newest = client
        self.activeCount += 1
    }

    /// A request is over.
    func requestFinished(_ client: ClientConnection) {
        if let previous = client.previousActive {
            previous.nextActive = client.nextActive
        } else {
            self.oldest = client.nextActive
        }
        if let next = client.nextActive {
            next.previousActive = client.previousActive
        } else {
            self.newest = client.previousActive
        }
        client.nextActive = nil
        client.previousActive = nil
        self.activeCount -= 1
    }

    /// Calls `body` with the start of each request being served, oldest first.
    func forEachActive(_ body: (MonotonicTime) -> Void) {
        var client = self.oldest
        while let current = client {
            body(current.exchange.machine.timeline.start)
            client = current.nextActive
        }
    }

    // MARK: Shutdown

    /// From now on answers say that their connection ends with them.
    func announceDrain() {
        self.isStopping = true
        for client in self.clients.values { client.announceDrain() }
    }

    /// Idle connections are closed, busy ones after their answer.
    func drain() {
        self.isStopping = true
        self.isDraining = true
        self.pool.drain()
        for client in self.clients.values where client.surface != .administration { client.drain() }
    }

    /// Cuts what is still running.
    func cut() {
        let now = Clock.now()
        for client in Array(self.clients.values) { client.cutForShutdown(at: now) }
    }

    /// Whether no client connection is left but those of an administrative listener.
    var isEmpty: Bool { self.clients.count == self.administrativeCount }

    /// Makes the next close of a connection a reset.
    func resetOnClose(_ context: ChannelHandlerContext?) {
        guard let provider = context?.channel as? any SocketOptionProvider else { return }
        _ = provider.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }

    // MARK: Log

    /// Writes the access record of bytes that were no request: what is known of it.
    func logRefusal(
        status: Int, reason: StaticString, id: RequestID, address: [UInt8], sent: Int, since start: MonotonicTime
    ) {
        guard self.configuration.logsRequests, self.journal.isEnabled(.info) else { return }
        let wall = Nanoseconds(rawValue: self.wallClock(at: start))
        var line = self.journal.begin(.info, AccessRecord.message, at: wall)
        line.string(.requestID, id.span.bytes)
        line.string(.remoteAddress, address)
        line.integer(.status, Int64(status))
        line.string(.outcome, RequestOutcome.clientError.label)
        line.string(.route, RouteClass.other.label)
        line.integer(.requestBytes, 0)
        line.integer(.responseBytes, Int64(sent))
        line.milliseconds(.duration, Clock.now() - start)
        line.string(.refusal, reason)
        line.commit()
    }

    /// Writes why a client could not prove itself by TLS.
    func logHandshakeFailure(_ cause: String, address: [UInt8]) {
        guard self.configuration.logsRequests, self.journal.isEnabled(.info) else { return }
        let wall = Nanoseconds(rawValue: self.wallClock(at: Clock.now()))
        var line = self.journal.begin(.info, "TLS handshake with a client failed", at: wall)
        line.string(.remoteAddress, address)
        line.string(.error, cause)
        line.commit()
    }

    /// Writes why a connection could not be opened; the client is told less.
    func logConnectFailure(_ failure: ConnectFailure, endpoint: FleetEndpoint, request: RequestID) {
        guard self.journal.isEnabled(.warn) else { return }
        let wall = Nanoseconds(rawValue: self.wallClock(at: Clock.now()))
        var line = self.journal.begin(.warn, "Connecting to an endpoint failed", at: wall)
        line.string(.requestID, request.span.bytes)
        line.string(.endpoint, endpoint.label)
        line.string(.error, failure.message)
        line.commit()
    }

    /// Writes that something of an endpoint's client outlived its end.
    package func logUnended(endpoint: String) {
        guard self.journal.isEnabled(.warn) else { return }
        let wall = Nanoseconds(rawValue: self.wallClock(at: Clock.now()))
        var line = self.journal.begin(.warn, "Connections or requests to an endpoint did not end in time", at: wall)
        line.string(.endpoint, endpoint)
        line.commit()
    }
}

@available(*, unavailable)
extension EngineLoop: Sendable {}
