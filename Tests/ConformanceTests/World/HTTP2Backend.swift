import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// A server that speaks HTTP/2 over TLS and nothing else, with a certificate of ``Certificates``.
///
/// What it answers is decided by the end of the target; see ``Answerer``.
final class HTTP2Backend: Sendable {
    /// What has happened so far.
    struct Record: Sendable {
        var connections = 0
        var openStreams: Int { self.streams.count }
        var streams: [ObjectIdentifier: any Channel] = [:]
        /// Streams that were reset by the client before they had ended.
        var resets = 0
        var fields: [String: String] = [:]
        var body = ""
    }

    private let channel: any Channel
    private let state: SharedRecord

    final class SharedRecord: Sendable {
        private let record = Mutex(Record())

        func update(_ change: (inout Record) -> Void) { self.record.withLock { change(&$0) } }

        var value: Record { self.record.withLock { $0 } }
    }

    /// The port listened on.
    var port: Int { self.channel.localAddress?.port ?? 0 }
    var record: Record { self.state.value }

    private init(channel: any Channel, state: SharedRecord) {
        self.channel = channel
        self.state = state
    }

    static func start() async throws -> HTTP2Backend {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(Certificates.server.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(Certificates.serverKey.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: configuration)
        let state = SharedRecord()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                state.update { $0.connections += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandlers(
                                HTTP2FramePayloadToHTTP1ServerCodec(), Answerer(state))
                        }
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return HTTP2Backend(channel: channel, state: state)
    }

    func stop() async throws { try await self.channel.close() }

    /// Resets what streams are open.
    func resetStreams() { for stream in self.record.streams.values { stream.close(promise: nil) } }

    /// Answers one stream: `…/completions` with a stream of tokens, `…/echo` with the body, `…hang` with the first event
    /// of a stream that goes no further.
    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let state: SharedRecord
        private var path = ""
        private var body = ""
        private var hasEnded = false

        init(_ state: SharedRecord) { self.state = state }

        func channelActive(context: ChannelHandlerContext) {
            let channel = context.channel
            self.state.update { $0.streams[ObjectIdentifier(channel)] = channel }
            context.fireChannelActive()
        }

        func channelInactive(context: ChannelHandlerContext) {
            let wasReset = !self.hasEnded
            let channel = context.channel
            self.state.update {
                $0.streams[ObjectIdentifier(channel)] = nil
                if wasReset { $0.resets += 1 }
            }
            context.fireChannelInactive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head):
                self.path = head.uri
                let fields = head.headers.map { ($0.name.lowercased(), $0.value) }
                self.state.update { $0.fields = Dictionary(fields) { $0 + ", " + $1 } }
            case .body(let bytes): self.body += String(buffer: bytes)
            case .end:
                let body = self.body
                self.state.update { $0.body = body }
                self.answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            switch self.path.split(whereSeparator: { "/?".contains($0) }).last {
            case "echo":
                self.send(context, "text/plain", [self.body], length: self.body.utf8.count)
                self.end(context)
            case "hang": self.send(context, "text/event-stream", [Self.event("one")])
            default:
                let usage = #"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#
                let events = ["one", "two", "three"].map(Self.event)
                self.send(context, "text/event-stream", events + ["data: \(usage)\n\n", "data: [DONE]\n\n"])
                self.end(context)
            }
        }

        private static func event(_ text: String) -> String {
            #"data: {"choices":[{"delta":{"content":"\#(text)"}}]}"# + "\n\n"
        }

        private func send(_ context: ChannelHandlerContext, _ type: String, _ parts: [String], length: Int? = nil) {
            var head = HTTPResponseHead(version: .http2, status: .ok)
            head.headers.add(name: "content-type", value: type)
            if let length { head.headers.add(name: "content-length", value: String(length)) }
            context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
            for part in parts {
                context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: part)))), promise: nil)
            }
        }

        private func end(_ context: ChannelHandlerContext) {
            self.hasEnded = true
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
