import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server that speaks TLS with a certificate of ``Certificates`` and gives every request the same answer.
///
/// It may end the connection after that without saying so by TLS (RFC 8446 section 6.1).
final class TLSBackend: Sendable {
    private let channel: any Channel
    private let requests: Requests

    /// The port listened on.
    var port: Int { self.channel.localAddress?.port ?? 0 }
    /// Requests that came through.
    var requestCount: Int { self.requests.count.load(ordering: .acquiring) }

    private final class Requests: Sendable {
        let count = Atomic<Int>(0)
    }

    private init(channel: any Channel, requests: Requests) {
        self.channel = channel
        self.requests = requests
    }

    static func start(
        answer: String = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nover TLS", breaksOff: Bool = false
    ) async throws -> TLSBackend {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(Certificates.server.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(Certificates.serverKey.utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        let requests = Requests()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLServerHandler(context: context), Answerer(requests, answer, breaksOff: breaksOff))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return TLSBackend(channel: channel, requests: requests)
    }

    func stop() async throws { try await self.channel.close() }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let requests: Requests
        private let answer: String
        private let breaksOff: Bool
        private var received: [UInt8] = []

        init(_ requests: Requests, _ answer: String, breaksOff: Bool) {
            self.requests = requests
            self.answer = answer
            self.breaksOff = breaksOff
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received += self.unwrapInboundIn(data).readableBytesView
            guard self.received.suffix(4).elementsEqual([13, 10, 13, 10]) else { return }
            self.received = []
            self.requests.count.add(1, ordering: .releasing)
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.answer)), promise: nil)
            guard self.breaksOff else { return }
            // From below TLS, which would say goodbye.
            let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
            tls?.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
