import NIOCore
import NIOPosix
public import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A client that decides every byte it sends, sees every byte that comes, and knows how the connection ended.
///
/// Every wait is for a condition and ends after ``limit`` with an error that shows what has come.
///
/// - Isolation: any thread; one reader at a time.
public final class ByteClient: Sendable {
    /// How the server ended a connection.
    public enum Ending: Equatable, Sendable {
        /// In order.
        case closed
        /// By a reset.
        case reset
    }

    /// A condition that did not come true.
    public struct Unmet: Error, CustomStringConvertible {
        /// What was waited for, and what came instead.
        public let description: String

        /// Says what was waited for.
        public init(description: String) { self.description = description }
    }

    /// The longest wait.
    public static let limit = Duration.seconds(15)

    private struct State {
        var bytes: [UInt8] = []
        /// Bytes that earlier reads have taken.
        var used = 0
        var ending: Ending?
        var waiter: (condition: @Sendable (ArraySlice<UInt8>, Ending?) -> Bool, resume: @Sendable (Bool) -> Void)?
    }

    private let channel: any Channel
    private let board: Board

    private init(channel: any Channel, board: Board) {
        self.channel = channel
        self.board = board
    }

    /// Connects to a port on the loopback address.
    ///
    /// - Parameters:
    ///   - port: the server's port.
    ///   - receiveBytes: the kernel's receive buffer, small for a client that shall be slow.
    ///   - tls: what it shakes hands by; nil for plain bytes. A handshake that fails is an ending by reset.
    /// - Returns: the client, connected; the handshake may not be over.
    /// - Throws: an error of the system when nobody listens there.
    public static func connect(
        to port: Int, receiveBytes: Int? = nil, tls: NIOSSLContext? = nil
    ) async throws -> ByteClient {
        let board = Board()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(Collector(board: board))
                }
            }
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
        if let receiveBytes {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBytes))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        return ByteClient(channel: channel, board: board)
    }

    // MARK: Sending

    /// Sends text and returns when the socket took it.
    public func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    /// Sends bytes and returns when the socket took them.
    public func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Sends bytes as far as the socket takes them, and the rest later.
    public func post(_ bytes: [UInt8]) {
        self.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Ends the own direction.
    public func closeOutput() async throws { try await self.channel.close(mode: .output) }

    /// Closes in order.
    public func close() async throws {
        guard self.board.ending == nil else { return }
        try? await self.channel.close()
    }

    /// Resets the connection.
    public func reset() async throws {
        if let provider = self.channel as? any SocketOptionProvider {
            // A peer that was quicker has closed the socket already.
            try? await provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await self.channel.close()
    }

    /// Stops taking bytes from the socket, or takes them again.
    public func setReading(_ reads: Bool) async throws {
        try await self.channel.setOption(.autoRead, value: reads).get()
        if reads { self.channel.read() }
    }

    // MARK: Reading

    /// Everything that has come and was not taken yet.
    public var unread: [UInt8] { self.board.unread }

    /// Reads one answer whole and takes its bytes.
    ///
    /// - Throws: ``Unmet`` when it does not come in time, ``WireMessage/Malformed`` for anything but an answer.
    public func answer(toHead isHead: Bool = false) async throws -> WireMessage {
        let kind = isHead ? WireMessage.Kind.answerToHead : .answer
        try await self.wait("an answer") { bytes, ending in
            // What is malformed is complete too: the reader below says why.
            (try? WireMessage.parse(bytes, as: kind, hasEnded: ending != nil).map { _ in true } ?? (ending != nil))
                ?? true
        }
        let (bytes, ending) = self.board.snapshot
        guard let message = try WireMessage.parse(bytes, as: kind, hasEnded: ending != nil) else {
            throw Unmet(description: "the connection ended before an answer")
        }
        self.board.take(message.length)
        return message
    }

    /// Reads until `text` has come and takes everything up to its end.
    @discardableResult
    public func read(until text: String) async throws -> String {
        try await self.wait("\"\(text)\"") { bytes, ending in
            ending != nil || WireMessage.find(text, in: bytes, from: bytes.startIndex) != nil
        }
        let (bytes, _) = self.board.snapshot
        guard let start = WireMessage.find(text, in: bytes, from: bytes.startIndex) else {
            throw Unmet(description: "ended before \"\(text)\", after \(String(decoding: bytes, as: UTF8.self))")
        }
        let end = start + text.utf8.count
        self.board.take(end - bytes.startIndex)
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Waits until this many bytes have come that were not taken.
    public func received(atLeast count: Int) async throws {
        try await self.wait("\(count) bytes") { bytes, ending in bytes.count >= count || ending != nil }
        guard self.unread.count >= count else { throw Unmet(description: "ended after \(self.unread.count) bytes") }
    }

    /// Reads to the end of the connection and takes everything.
    public func rest() async throws -> (bytes: [UInt8], ending: Ending) {
        try await self.wait("the end") { _, ending in ending != nil }
        let (bytes, ending) = self.board.snapshot
        self.board.take(bytes.count)
        return (Array(bytes), ending ?? .closed)
    }

    private func wait(
        _ what: String, _ condition: @escaping @Sendable (ArraySlice<UInt8>, Ending?) -> Bool
    ) async throws {
        let board = self.board
        let isMet = await withCheckedContinuation { continuation in
            let timer = self.channel.eventLoop.scheduleTask(in: .seconds(Self.limit.components.seconds)) {
                board.giveUp()
            }
            board.wait(condition) { isMet in
                timer.cancel()
                continuation.resume(returning: isMet)
            }
        }
        guard isMet else {
            throw Unmet(
                description: "\(what) did not come within \(Self.limit); so far: "
                    + String(decoding: self.unread.prefix(2_000), as: UTF8.self))
        }
    }

    // MARK: The board

    /// What has come, shared between the channel and the test.
    private final class Board: Sendable {
        private let state = Mutex(State())

        var unread: [UInt8] { self.state.withLock { Array($0.bytes[$0.used...]) } }
        var ending: Ending? { self.state.withLock { $0.ending } }
        var snapshot: (ArraySlice<UInt8>, Ending?) { self.state.withLock { ($0.bytes[$0.used...], $0.ending) } }

        func take(_ count: Int) { self.state.withLock { $0.used += count } }

        func change(_ change: (inout State) -> Void) {
            let resume = self.state.withLock { state -> (@Sendable (Bool) -> Void)? in
                change(&state)
                guard let waiter = state.waiter, waiter.condition(state.bytes[state.used...], state.ending) else {
                    return nil
                }
                state.waiter = nil
                return waiter.resume
            }
            resume?(true)
        }

        func append(_ view: ByteBufferView) { self.change { $0.bytes.append(contentsOf: view) } }

        func end(_ ending: Ending) { self.change { $0.ending = $0.ending ?? ending } }

        func wait(
            _ condition: @escaping @Sendable (ArraySlice<UInt8>, Ending?) -> Bool,
            resume: @escaping @Sendable (Bool) -> Void
        ) {
            self.change { $0.waiter = (condition, resume) }
        }

        func giveUp() {
            let waiter = self.state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(false)
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let board: Board

        init(board: Board) { self.board = board }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.board.append(self.unwrapInboundIn(data).readableBytesView)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed {
                self.board.end(.closed)
                context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.board.end(.reset)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { self.board.end(.closed) }
    }
}
