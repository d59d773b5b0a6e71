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
}
