import SeededRandomness
import Settings
import TestKit
import Testing

@Suite("A raw request of the corpus")
struct SmugglingTests {
    /// How the bytes reach the gateway.
    enum Delivery: CaseIterable {
        /// At once.
        case whole
        /// In pieces, each of which the socket has taken before the next is sent.
        case inPieces
    }

    @Test("has its place: there are many, each with an end and none twice")
    func corpus() throws {
        let cases = try RawCase.all()
        #expect(cases.count >= 250)
        #expect(Set(cases.map { $0.bytes }).count == cases.count)
        #expect(Set(cases.map { $0.description }).count == cases.count)
        for row in cases { #expect(row.ending != nil && !row.bytes.isEmpty, "\(row)") }
        #expect(cases.count { $0.forwarded.isEmpty } >= 150)
    }

    @Test(
        "gets its answers, and the backend sees what it must and nothing else", .timeLimit(.minutes(20)),
        arguments: Engine.allCases, Delivery.allCases)
    func replay(engine: Engine, delivery: Delivery) async throws {
        let cases = try RawCase.all()
        let witness = try await Witness.start()
        let tuning = Tuning { settings in
            settings.server.requestLimits.maxHeaderSize = 8_192
            settings.server.requestLimits.maxBodySize = 65_536
            settings.server.rateLimits.globalRequestsPerMinute = 0
            settings.server.rateLimits.perIPRequestsPerMinute = 0
        }
        // Thousands of pieces, each of which would wait for its turn among all other tests.
        let isAlone = delivery == .inPieces
        try await World.with(engine, [Place(port: witness.port)], alone: isAlone, tuned: tuning) { world in
            var random = SeededGenerator(seed: 9112)
            for row in cases {
                let tail = row.ending == .close ? RawCase.follower : []
                let bytes = row.bytes + tail
                let pieces = delivery == .whole ? [bytes] : Cuts.random(bytes, &random)
                let seen = witness.requests.count
                do {
                    try await Self.play(row, pieces: pieces, in: world)
                } catch {
                    Issue.record("\(row): \(error)")
                }
                Self.compare(row, Array(witness.requests[seen...]), engine: engine)
            }
        }
        // The gateway is gone, and with it every connection: nothing can come late.
        try await World.eventually("the backend's connections have ended") { witness.openConnections == 0 }
        #expect(witness.requests.count == cases.reduce(0) { $0 + $1.forwarded.count })
        #expect(witness.unfinished <= cases.count { $0.mayBegin })
        #expect(witness.unreadable == [])
        try await witness.stop()
    }

    /// Sends a case and checks its answers and its end.
    private static func play(_ row: RawCase, pieces: [[UInt8]], in world: World) async throws {
        let client = try await world.connect()
        // Whoever is refused in the middle does not get the rest across.
        for piece in pieces { try? await client.send(piece) }
        for status in row.statuses {
            var answer = try await client.answer()
            while answer.status == 100 { answer = try await client.answer() }
            #expect(answer.status == status, "\(row)")
        }
        switch row.ending {
        case .keep:
            try await client.send("GET /nowhere HTTP/1.1\r\nHost: g\r\n\r\n")
            #expect(try await client.answer().status == 404, "\(row)")
        case .close: #expect(try await client.rest().bytes.isEmpty, "\(row)")
        case .wait, nil:
            // What is waited for never comes.
            try await client.closeOutput()
            #expect(try await client.rest().bytes.isEmpty, "\(row)")
        }
        try await client.close()
    }

    private static let chunked = Array("Transfer-Encoding: chunked".utf8)

    /// Checks what the backend got of a case.
    private static func compare(_ row: RawCase, _ requests: [Witness.Request], engine: Engine) {
        #expect(requests.count == row.forwarded.count, "\(row)")
        for (request, expected) in zip(requests, row.forwarded) {
            #expect(request.line == expected.line, "\(row)")
            #expect(request.body == expected.body, "\(row)")
            let head = String(decoding: request.head, as: UTF8.self)
            for line in expected.lines {
                let isKnownLength = !engine.writesHeadsAtOnce && line == Self.chunked
                let length = Array("Content-Length: \(expected.body.count)".utf8)
                #expect(request.holds(line: line) || isKnownLength && request.holds(line: length), "\(row): \(head)")
            }
            for name in expected.absent { #expect(!request.holds(name: name), "\(row): \(head)") }
        }
    }
}
