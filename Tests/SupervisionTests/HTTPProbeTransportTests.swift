import Domain
import MockLLM
import NIOCore
import NIOHTTP1
import NIOPosix
import Supervision
import Testing

@Suite("HTTPProbeTransport")
struct HTTPProbeTransportTests {
    private func withServer(
        _ body: (HTTPProbeTransport, String) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ScriptedServer())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let transport = HTTPProbeTransport(eventLoopGroup: group)
        let port = try #require(server.localAddress?.port)
        do {
            try await body(transport, "http://127.0.0.1:\(port)")
        } catch {
            try await transport.shutdown()
            throw error
        }
        try await transport.shutdown()
        try await server.close()
    }

    private func request(
        _ url: String, timeout: Nanoseconds = .seconds(20), body: ProbeRequest.BodyUse = .keep(bytesMax: 1_000)
    ) -> ProbeRequest {
        ProbeRequest(url: url, fields: [("X-Echo", "hello")], timeout: timeout, body: body)
    }

    @Test("Status, fields and body come back; the fields given are sent and no others are invented")
    func exchange() async throws {
        try await self.withServer { transport, origin in
            let answer = try await transport.exchange(self.request(origin + "/echo?x=%2F"))
            #expect(answer.status == 203)
            #expect(answer.fields.contains { $0.name.lowercased() == "x-own" && $0.value == "1" })
            #expect(
                String(decoding: answer.body, as: UTF8.self) == "GET /echo?x=%2F hello accept-encoding:0 user-agent:0")
        }
    }

    @Test("Redirects are not followed")
    func redirects() async throws {
        try await self.withServer { transport, origin in
            let answer = try await transport.exchange(self.request(origin + "/redirect"))
            #expect(answer.status == 302)
        }
    }

    @Test("A body that is too long fails when it is wanted and is cut off when it is not")
    func bodies() async throws {
        try await self.withServer { transport, origin in
            await #expect(throws: ProbeFailure.bodyTooLong) {
                try await transport.exchange(self.request(origin + "/long"))
            }
            let answer = try await transport.exchange(self.request(origin + "/long", body: .drain(bytesMax: 10)))
            #expect(answer.status == 200 && answer.body.isEmpty)
        }
    }

    @Test("The time limit covers a server that never answers")
    func timeLimit() async throws {
        try await self.withServer { transport, origin in
            await #expect(throws: ProbeFailure.timedOut) {
                try await transport.exchange(self.request(origin + "/hang", timeout: .milliseconds(30)))
            }
        }
    }

    @Test("A refused connection is a network error at once")
    func refused() async throws {
        let gone = try await ScriptedBackend.start(scripts: [])
        try await gone.stop()
        try await self.withServer { transport, _ in
            await #expect {
                try await transport.exchange(self.request("http://127.0.0.1:\(gone.port)/"))
            } throws: { error in
                guard let failure = error as? ProbeFailure, case .network = failure else { return false }
                return true
            }
        }
    }

    @Test("A connection that breaks is a network error")
    func broken() async throws {
        try await self.withServer { transport, origin in
            do {
                _ = try await transport.exchange(self.request(origin + "/close"))
                Issue.record("a broken connection answered")
            } catch {
                guard let failure = error as? ProbeFailure, case .network = failure else {
                    Issue.record("unexpected failure \(error)")
                    return
                }
            }
        }
    }
}

/// Answers by path.
private final class ScriptedServer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = self.unwrapInboundIn(data) else { return }
        switch head.uri {
        case "/hang": break
        case "/close": context.close(promise: nil)
        case "/redirect": self.answer(.found, ["Location": "/echo"], "", context)
        case "/long": self.answer(.ok, [:], String(repeating: "x", count: 50_000), context)
        default:
            let text =
                "\(head.method) \(head.uri) \(head.headers.first(name: "X-Echo") ?? "-")"
                + " accept-encoding:\(head.headers["accept-encoding"].count)"
                + " user-agent:\(head.headers["user-agent"].count)"
            self.answer(.nonAuthoritativeInformation, ["X-Own": "1"], text, context)
        }
    }

    private func answer(
        _ status: HTTPResponseStatus, _ fields: [String: String], _ body: String, _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
        headers.add(name: "Content-Length", value: String(body.utf8.count))
        context.write(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }
}
