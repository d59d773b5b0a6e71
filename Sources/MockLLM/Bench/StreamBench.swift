public import NIOCore
import NIOHTTP1
import NIOPosix

/// Opens many streams at once on a ``BenchBackend``, or on what stands before one, and measures
/// how late its events come.
///
/// - Isolation: any thread.
/// - Bounds: ``latenciesMax`` samples; all events are counted.
public struct StreamBench: Sendable {
    /// The address to ask.
    public var host: String
    /// The port to ask.
    public var port: Int
    /// The path to post to.
    public var path: String
    /// The model to name.
    public var model: String
    /// How many streams run at once; at least 1.
    public var streams: Int
    /// The events each stream asks for; at least 1.
    public var eventsPerStream: Int
    /// The longest the whole run may take.
    public var timeLimit: Duration

    /// The most events whose latency is kept.
    public static let latenciesMax = 4_000_000

    /// Describes a run.
    public init(
        host: String = "127.0.0.1", port: Int, path: String = "/v1/chat/completions",
        model: String = BenchBackend.model, streams: Int = 100, eventsPerStream: Int = 250,
        timeLimit: Duration = .seconds(60)
    ) {
        self.host = host
        self.port = port
        self.path = path
        self.model = model
        self.streams = max(1, streams)
        self.eventsPerStream = max(1, eventsPerStream)
        self.timeLimit = timeLimit
    }

    /// What a run gave.
    public struct Report: Equatable, Sendable {
        /// Streams that ended with their end marker.
        public internal(set) var streamsWhole = 0
        /// Streams that broke, were refused or ran out of time.
        public internal(set) var streamsBroken = 0
        /// Events received.
        public internal(set) var events = 0
        /// From the first to the last event.
        public internal(set) var elapsed = Duration.zero
        /// From each event being written to it being read; the first ``StreamBench/latenciesMax``.
        public internal(set) var latencies: [Duration] = []

        /// The report as one line of JSON; latencies in milliseconds.
        public var json: String {
            let seconds = Double(self.elapsed.nanoseconds) / 1e9
            let rate = seconds > 0 ? (Double(self.events) / seconds * 10).rounded() / 10 : 0
            let document: JSONValue = [
                "streams_whole": JSONValue(self.streamsWhole),
                "streams_broken": JSONValue(self.streamsBroken),
                "events": JSONValue(self.events), "seconds": .number(seconds),
                "events_per_second": .number(rate),
                "latency_ms": Percentiles(self.latencies).json,
            ]
            return document.text
        }
    }

    /// Runs until every stream has ended.
    ///
    /// - Parameter group: The event loops to run on, never shut down; nil takes NIO's own.
    /// - Returns: What the streams gave, all of them together.
    public func run(group: (any EventLoopGroup)? = nil) async -> Report {
        let loop = (group ?? MultiThreadedEventLoopGroup.singleton).next()
        let body = JSONValue.object([
            JSONMember(key: "model", value: .string(self.model)),
            JSONMember(key: "stream", value: true),
            JSONMember(key: "max_tokens", value: JSONValue(self.eventsPerStream)),
            JSONMember(
                key: "messages", value: [["role": "user", "content": "Boil a glass pot, please."]]),
        ])
        let request = StreamBenchRequest(
            host: "\(self.host):\(self.port)", path: self.path, body: ByteBuffer(bytes: body.bytes))
        let box = NIOLoopBoundBox.makeBoxSendingValue(StreamTally(), eventLoop: loop)
        let limit = TimeAmount.nanoseconds(self.timeLimit.nanoseconds)
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<self.streams {
                tasks.addTask {
                    await Self.runStream(
                        request, host: self.host, port: self.port, limit: limit, loop: loop,
                        tally: box)
                }
            }
        }
        let report = try? await loop.submit { box.value.report }.get()
        return report ?? Report()
    }

    private static func runStream(
        _ request: StreamBenchRequest, host: String, port: Int, limit: TimeAmount,
        loop: any EventLoop, tally: NIOLoopBoundBox<StreamTally>
    ) async {
        do {
            let channel = try await ClientBootstrap(group: loop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(
                            StreamBenchConnection(
                                request: request, limit: limit, tally: tally.value))
                    }
                }
                .connect(host: host, port: port).get()
            try await channel.closeFuture.get()
        } catch {
            loop.execute { tally.value.report.streamsBroken += 1 }
        }
    }
}

/// What every stream of a run sends.
struct StreamBenchRequest: Sendable {
    let host: String
    let path: String
    let body: ByteBuffer
}

/// The counts of a run, shared by its streams on their one loop.
final class StreamTally {
    var report = StreamBench.Report()
    private var firstEventAt: NIODeadline?

    func eventReceived(writtenAt stamp: UInt64, now: NIODeadline) {
        let first = self.firstEventAt ?? now
        self.firstEventAt = first
        self.report.events += 1
        self.report.elapsed = .nanoseconds((now - first).nanoseconds)
        guard self.report.latencies.count < StreamBench.latenciesMax,
            now.uptimeNanoseconds >= stamp
        else { return }
        self.report.latencies.append(.nanoseconds(Int64(now.uptimeNanoseconds - stamp)))
    }
}

@available(*, unavailable)
extension StreamTally: Sendable {}

/// One stream of a run.
///
/// - Isolation: the channel's event loop.
final class StreamBenchConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: StreamBenchRequest
    private let limit: TimeAmount
    private let tally: StreamTally
    private var scanner = StampScanner()
    private var isCounted = false
    private var isGood = false
    private var deadline: Scheduled<Void>?

    init(request: StreamBenchRequest, limit: TimeAmount, tally: StreamTally) {
        self.request = request
        self.limit = limit
        self.tally = tally
    }

    func channelActive(context: ChannelHandlerContext) {
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: self.request.path,
            headers: HTTPHeaders([
                ("Host", self.request.host), ("Content-Type", "application/json"),
                ("Accept", "text/event-stream"),
                ("Content-Length", String(self.request.body.readableBytes)),
            ]))
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(self.request.body))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        let channel = context.channel
        self.deadline = context.eventLoop.scheduleTask(in: self.limit) {
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.isGood = head.status == .ok
        case .body(let buffer):
            let now = NIODeadline.now()
            self.scanner.read(buffer) { self.tally.eventReceived(writtenAt: $0, now: now) }
        case .end:
            self.count(isWhole: self.isGood && self.scanner.hasEnded)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.count(isWhole: false)
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    private func count(isWhole: Bool) {
        guard !self.isCounted else { return }
        self.isCounted = true
        if isWhole {
            self.tally.report.streamsWhole += 1
        } else {
            self.tally.report.streamsBroken += 1
        }
    }
}

@available(*, unavailable)
extension StreamBenchConnection: Sendable {}

/// Finds the time stamps of benchmark events in bytes that may be split anywhere.
struct StampScanner {
    private var matched = 0
    private var digits = 0
    private var value: UInt64 = 0
    private var endMatched = 0
    private static let endMark = Array("[DONE]".utf8)

    /// Whether the end marker has been seen.
    private(set) var hasEnded = false

    mutating func read(_ buffer: ByteBuffer, _ found: (UInt64) -> Void) {
        buffer.withUnsafeReadableBytes { bytes in
            for byte in bytes { self.read(byte, found) }
        }
    }

    private mutating func read(_ byte: UInt8, _ found: (UInt64) -> Void) {
        if self.matched == BenchWire.stampMark.count {
            guard (0x30...0x39).contains(byte) else {
                self.matched = 0
                return
            }
            self.value = self.value &* 10 &+ UInt64(byte - 0x30)
            self.digits += 1
            if self.digits == BenchWire.stampDigits {
                found(self.value)
                self.matched = 0
            }
            return
        }
        // Neither mark holds its own first byte again, so falling back to a match of that byte
        // alone is enough.
        self.matched = Self.step(self.matched, byte, BenchWire.stampMark)
        if self.matched == BenchWire.stampMark.count {
            self.digits = 0
            self.value = 0
        }
        self.endMatched = Self.step(self.endMatched, byte, Self.endMark)
        if self.endMatched == Self.endMark.count {
            self.hasEnded = true
            self.endMatched = 0
        }
    }

    private static func step(_ matched: Int, _ byte: UInt8, _ mark: [UInt8]) -> Int {
        if byte == mark[matched] { return matched + 1 }
        return byte == mark[0] ? 1 : 0
    }
}
