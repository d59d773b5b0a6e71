import Domain
import NIOCore
import NIOPosix
import Testing

@testable import Transport

#if canImport(Glibc)
import Glibc
#endif

@Suite("SocketOptions")
struct SocketOptionTests {
    /// `SO_DEBUG` has the number of `TCP_NODELAY` and is for the privileged: asked for at the wrong level, it closes
    /// every connection of an ordinary user and goes unnoticed by root.
    @Test("an accepted connection sends at once and asks the system for nothing privileged")
    func accepted() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (channels, found) = AsyncStream<any Channel>.makeStream()
        let listener = try await Listener.bind(
            .init(host: "127.0.0.1", port: 0), group: group, attach: { channel, _ in found.yield(channel) },
            rejected: {})
        let port = try #require(listener.localAddress?.port)
        let client = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        var arrivals = channels.makeAsyncIterator()
        let accepted = try #require(await arrivals.next())
        let noDelay = try await accepted.getOption(.tcpOption(.tcp_nodelay)).get()
        let debug = try await accepted.getOption(.socketOption(.init(rawValue: SO_DEBUG))).get()
        #expect(noDelay == 1)
        #expect(debug == 0)
        try await client.close()
        await listener.close()
    }

    @Test(
        "a connection to an endpoint asks after a silent peer as configured, in whole seconds",
        arguments: [(Nanoseconds.seconds(7), 7), (.milliseconds(1_900), 1), (.zero, 1), (.seconds(100_000), 32_767)])
    func keepAlive(span: Nanoseconds, seconds: Int) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await Listener.bind(
            .init(host: "127.0.0.1", port: 0), group: group, attach: { _, _ in }, rejected: {})
        let port = try #require(listener.localAddress?.port)
        let loop = group.next()
        let limits = ConnectLimits(
            connect: .seconds(5), tlsHandshake: .seconds(5), readBufferBytes: 4_096, keepAlive: span)
        let channel = try await loop.flatSubmit {
            let handler = NIOLoopBound<any ChannelHandler>(Silence(), eventLoop: loop)
            let target = ConnectTarget(host: "127.0.0.1", port: port, tls: nil)
            return Connector.connect(to: target, on: loop, limits: limits, handler: handler).map(\.0)
        }.get()
        #expect(try await channel.getOption(.socketOption(.so_keepalive)).get() == 1)
        #expect(try await channel.getOption(.tcpOption(KeepAlive.idle)).get() == seconds)
        #expect(try await channel.getOption(.tcpOption(KeepAlive.interval)).get() == seconds)
        try await channel.close()
        await listener.close()
    }

    private final class Silence: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }
}
