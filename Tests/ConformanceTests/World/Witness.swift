import NIOCore
import NIOPosix
import Synchronization
import TestKit

/// A backend that answers every request it can read, whatever it asks for, and remembers each of them.
///
/// It reads with a parser that shares nothing with the gateway's. Requests get 200 and `ok`, HEAD gets 204.
///
/// - Isolation: any thread.
final class Witness: Sendable {
    /// A request as it came.
    struct Request: Sendable {
        /// The head's bytes, with the empty line that ends it.
        let head: [UInt8]
        /// The content of the body, after transfer coding.
        let body: [UInt8]

        /// Method and target.
        var line: [UInt8] {
            let first = self.head.prefix { $0 != UInt8(ascii: "\r") }
            let version = first.lastIndex(of: UInt8(ascii: " ")) ?? first.endIndex
            return Array(first[..<version])
        }

        /// Whether the head holds this field line.
        func holds(line: [UInt8]) -> Bool {
            let wanted = Array("\r\n".utf8) + line + Array("\r\n".utf8)
            return self.head.indices.contains { self.head[$0...].starts(with: wanted) }
        }

        /// Whether the head holds a field of this name.
        func holds(name: String) -> Bool {
            String(decoding: self.head, as: UTF8.self).lowercased().contains("\r\n\(name.lowercased()):")
        }
    }

    private struct Memory {
        var requests: [Request] = []
        var unfinished = 0
        var unreadable: [String] = []
        var open = 0
    }

    private let memory: Memories
    private let channel: any Channel

    /// The port listened on.
    var port: Int { self.channel.localAddress?.port ?? 0 }
    /// Every whole request so far.
    var requests: [Request] { self.memory.state.withLock { $0.requests } }
    /// How many connections ended within a request.
    var unfinished: Int { self.memory.state.withLock { $0.unfinished } }
    /// What came and is no request.
    var unreadable: [String] { self.memory.state.withLock { $0.unreadable } }
    /// Connections that have not ended.
    var openConnections: Int { self.memory.state.withLock { $0.open } }

    private init(channel: any Channel, memory: Memories) {
        self.channel = channel
        self.memory = memory
    }

    static func start() async throws -> Witness {
        let memory = Memories()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reader(memory: memory))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return Witness(channel: channel, memory: memory)
    }

    func stop() async throws { try await self.channel.close() }

    private final class Memories: Sendable {
        let state = Mutex(Memory())
    }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let memory: Memories
        private var bytes: [UInt8] = []

        init(memory: Memories) { self.memory = memory }

        func channelActive(context: ChannelHandlerContext) { self.memory.state.withLock { $0.open += 1 } }

        func channelInactive(context: ChannelHandlerContext) {
            let isUnfinished = !self.bytes.isEmpty
            self.memory.state.withLock { memory in
                memory.open -= 1
                if isUnfinished { memory.unfinished += 1 }
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += self.unwrapInboundIn(data).readableBytesView
            do {
                while let message = try WireMessage.parse(self.bytes[...], as: .request) {
                    self.answer(message, context: context)
                    self.bytes.removeFirst(message.length)
                    if self.bytes.isEmpty { break }
                }
            } catch {
                let text = "\(error): \(String(decoding: self.bytes, as: UTF8.self))"
                self.memory.state.withLock { $0.unreadable.append(text) }
                self.bytes = []
                context.close(promise: nil)
            }
        }

        private func answer(_ message: WireMessage, context: ChannelHandlerContext) {
            let end = self.bytes.indices.first { self.bytes[$0...].starts(with: [13, 10, 13, 10]) } ?? 0
            let request = Request(head: Array(self.bytes.prefix(end + 4)), body: message.body)
            self.memory.state.withLock { $0.requests.append(request) }
            let answer: StaticString =
                message.startLine.hasPrefix("HEAD ")
                ? "HTTP/1.1 204 No Content\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(staticString: answer)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
