import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A collector of OTLP/HTTP on a free loopback port: keeps the export requests it gets and answers as told.
///
/// - Isolation: thread-safe.
/// - Bounds: everything it got stays in memory.
public final class TraceCollector: Sendable {
    /// What one export request is answered with; 200 and an empty object once the list is used up.
    public struct Answer: Sendable {
        /// The status.
        public var status: Int
        /// Further fields.
        public var fields: [(String, String)]
        /// The body.
        public var body: String
        /// Whether no answer is given at all.
        public var isSilent: Bool

        /// An answer.
        public init(_ status: Int, fields: [(String, String)] = [], body: String = "{}", isSilent: Bool = false) {
            self.status = status
            self.fields = fields
            self.body = body
            self.isSilent = isSilent
        }
    }

    /// An export request.
    public struct Export: Sendable {
        /// The request's method and target.
        public var line: String
        /// The type of its body.
        public var contentType: String
        /// Its body.
        public var body: [UInt8]
        /// What it was answered with; 0 for nothing.
        public var status: Int
    }

    private struct State {
        var answers: [Answer]
        var exports: [Export] = []
    }

    private let state: Mutex<State>
    private let group: MultiThreadedEventLoopGroup
    private let channel: Mutex<(any Channel)?>
    private let arrivals = AsyncStream.makeStream(of: Int.self)

    /// The port it listens on.
    public var port: Int { self.channel.withLock { $0?.localAddress?.port ?? 0 } }

    /// What it got so far, oldest first.
    public var exports: [Export] { self.state.withLock { $0.exports } }

    /// Waits until it got so many exports in all, or the task is cancelled; for one task at a time.
    public func received(_ count: Int) async {
        guard self.exports.count < count else { return }
        for await arrived in self.arrivals.stream where arrived >= count { return }
    }

    private init(answers: [Answer], group: MultiThreadedEventLoopGroup) {
        self.state = Mutex(State(answers: answers))
        self.group = group
        self.channel = Mutex(nil)
    }

    /// Starts a collector.
    public static func start(answers: [Answer] = []) async throws -> TraceCollector {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let collector = TraceCollector(answers: answers, group: group)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(CollectorHandler(collector))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        collector.channel.withLock { $0 = channel }
        return collector
    }

    /// Ends it and every connection to it.
    public func stop() async throws {
        let channel = self.channel.withLock { $0 }
        try await channel?.close()
        try await self.group.shutdownGracefully()
    }

    fileprivate func answer(line: String, contentType: String, body: [UInt8]) -> Answer {
        let (answer, count) = self.state.withLock { state in
            let answer = state.answers.isEmpty ? Answer(200) : state.answers.removeFirst()
            let status = answer.isSilent ? 0 : answer.status
            state.exports.append(Export(line: line, contentType: contentType, body: body, status: status))
            return (answer, state.exports.count)
        }
        self.arrivals.continuation.yield(count)
        return answer
    }
}

/// Reads one request after the other.
private final class CollectorHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let collector: TraceCollector
    private var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    private var body: [UInt8] = []

    init(_ collector: TraceCollector) { self.collector = collector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
        case .body(let piece): self.body += piece.readableBytesView
        case .end: self.answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let answer = self.collector.answer(
            line: "\(self.head.method.rawValue) \(self.head.uri)",
            contentType: self.head.headers.first(name: "Content-Type") ?? "", body: self.body)
        guard !answer.isSilent else { return }
        var fields = HTTPHeaders(answer.fields)
        fields.add(name: "Content-Length", value: String(answer.body.utf8.count))
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: fields)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }
}
