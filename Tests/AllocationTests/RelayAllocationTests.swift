import Testing
import Workloads

extension AllocationTests {
    @Suite("of the gateway's loop are as committed")
    struct Relay {
        static let request = "proxied request, 250 and 330 bytes"
        static let event = "relayed SSE event, 200 bytes"
        static let stream = "proxied stream of three SSE events"
        static let names: Set<String> = [Self.request, Self.event, Self.stream]

        private static let path = "/olla/openai/v1/chat/completions"

        @Test("for a request on a kept-alive connection")
        func request() async throws {
            let head = Samples.requestHead(path: Self.path, length: Samples.requestBody.count)
            try await LoopbackGateway.with(Samples.model) { gateway in
                let count = try gateway.allocations(rounds: 10, Self.request) { rounds in
                    for _ in 0..<rounds {
                        try gateway.client.send(head + Samples.requestBody)
                        let upstream = try gateway.acceptUpstream()
                        try upstream.read(until: Samples.requestBody)
                        try upstream.send(Samples.reply)
                        try gateway.client.read(until: Samples.replyBody)
                        #expect(gateway.client.lastRead(startsWith: "HTTP/1.1 200 OK\r\n"))
                    }
                }
                try Limits.check(Self.request, count)
            }
        }

        @Test("for a whole stream of three events")
        func stream() async throws {
            try await LoopbackGateway.with(Samples.model) { gateway in
                let count = try gateway.allocations(rounds: 10, Self.stream) { rounds in
                    for _ in 0..<rounds {
                        let upstream = try Self.beginStream(gateway)
                        for _ in 0..<3 { try Self.relay(Self.chunk, gateway.client, upstream) }
                        try Self.relay(Self.end, gateway.client, upstream)
                    }
                }
                try Limits.check(Self.stream, count)
            }
        }

        @Test("for an event of a stream")
        func event() async throws {
            try await LoopbackGateway.with(Samples.model) { gateway in
                let upstream = try Self.beginStream(gateway)
                let count = try gateway.allocations(rounds: 20, Self.event) { rounds in
                    for _ in 0..<rounds { try Self.relay(Self.chunk, gateway.client, upstream) }
                }
                try Limits.check(Self.event, count)
                try Self.relay(Self.end, gateway.client, upstream)
            }
        }

        private static let chunk = Samples.chunk(Samples.event)
        private static let end = Samples.chunk(Samples.lastEvent) + Array("0\r\n\r\n".utf8)

        /// Asks for a stream and brings it to its first event.
        private static func beginStream(_ gateway: LoopbackGateway) throws -> RawSocket {
            let body = Array(#"{"model":"bench","stream":true,"messages":[]}"#.utf8)
            try gateway.client.send(Samples.requestHead(path: self.path, length: body.count) + body)
            let upstream = try gateway.acceptUpstream()
            try upstream.read(until: body)
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            try self.relay(Array(head.utf8), until: "\r\n\r\n", gateway.client, upstream)
            return upstream
        }

        private static func relay(
            _ bytes: [UInt8], until end: String? = nil, _ client: RawSocket, _ upstream: RawSocket
        ) throws {
            try upstream.send(bytes)
            try client.read(until: end.map { Array($0.utf8) } ?? bytes)
        }
    }
}
