import HTTPWire
import Testing

@Suite("A request head")
struct RequestHeadTests {
    @Test("is refused with the right status, however it is cut", arguments: refusedRequests)
    func refusals(_ fixture: RefusedRequest) {
        let wire = latin1(fixture.wire)
        let expected = Verdict<RequestSnapshot>.refused(fixture.refusal)
        #expect(parseRequest(wire) == expected)
        #expect(fixture.refusal.status == fixture.status)
        #expect(parseRequest(wire, cuts: Array(0..<wire.count)) == expected)
        let differing = wire.indices.filter { parseRequest(wire, cuts: [$0]) != expected }
        #expect(differing.isEmpty)
    }

    @Test("parses the same whole, byte by byte and at every two cuts", arguments: acceptedRequests.indices)
    func splits(_ index: Int) throws {
        let wire = latin1(acceptedRequests[index])
        let whole = parseRequest(wire)
        let snapshot = try #require(whole.snapshot)
        #expect(parseRequest(wire, cuts: Array(0..<wire.count)) == whole)
        for first in 0..<wire.count {
            #expect(parseRequest(wire, cuts: [first]) == whole, "cut at \(first)")
            for second in stride(from: first, to: wire.count, by: 7) {
                #expect(parseRequest(wire, cuts: [first, second]) == whole)
            }
        }
        for cut in 0..<snapshot.length {
            #expect(parseRequest(Array(wire[..<cut])) == .incomplete, "complete at \(cut)")
        }
    }

    @Test("covers every refusal that a request can meet")
    func coverage() {
        let tabled = Set(refusedRequests.map(\.refusal))
        let byLimit: Set<HeadRefusal> = [
            .headTooLarge, .tooManyFields, .fieldNameTooLong, .targetTooLong,
        ]
        let ofResponses: Set<HeadRefusal> = [.invalidStatus, .unexpectedSwitch]
        #expect(tabled.union(byLimit).union(ofResponses) == Set(HeadRefusal.allCases))
        #expect(tabled.isDisjoint(with: byLimit.union(ofResponses)))
    }

    @Test("keeps a refusal until it is reset")
    func refusalIsFinal() {
        let bad = latin1("GET / HTTP/3.0\r\n\r\n")
        let good = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var head = RequestHead()
        let first = head.parse(bad.span.bytes, limits: HeadLimits())
        let second = head.parse(good.span.bytes, limits: HeadLimits())
        head.reset()
        let third = head.parse(good.span.bytes, limits: HeadLimits())
        #expect(first == .refused(.unsupportedVersion))
        #expect(second == first)
        #expect(third == .complete(length: good.count))
    }

    @Test("begins anew after a complete one, and nothing of the old one is left")
    func reuse() {
        var head = RequestHead()
        var reused: [Verdict<RequestSnapshot>] = []
        var fresh: [Verdict<RequestSnapshot>] = []
        for fixture in acceptedRequests + acceptedRequests.reversed() {
            let wire = latin1(fixture)
            if case .complete(let length) = head.parse(wire.span.bytes, limits: HeadLimits()) {
                reused.append(.complete(RequestSnapshot(head, wire, length: length)))
            }
            fresh.append(parseRequest(wire))
        }
        #expect(reused == fresh)
    }

    @Test("knows whether it has begun")
    func partial() {
        let wire = latin1("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var head = RequestHead()
        var partial: [Bool] = []
        for count in 0...wire.count {
            _ = head.parse(wire.span.bytes.extracting(..<count), limits: HeadLimits())
            partial.append(head.isPartial)
        }
        let expected = (0...wire.count).map { $0 > 2 && $0 < wire.count }
        #expect(partial == expected)
    }
}

@Suite("What a request head says")
struct RequestMeaningTests {
    private func snapshot(_ wire: String) throws -> RequestSnapshot {
        try #require(parseRequest(latin1(wire)).snapshot)
    }

    @Test("method, target, version and length")
    func requestLine() throws {
        let head = try self.snapshot("\r\nPATCH /a?b=c?d HTTP/1.0\r\n\r\nrest")
        #expect(head.length == 29 && head.known == .patch && head.method == "PATCH")
        #expect(head.target == "/a?b=c?d" && head.path == "/a" && head.query == "b=c?d")
        #expect(head.form == .origin && head.version == .zero && head.host == nil)
    }

    @Test("every known method by its name", arguments: RequestMethod.allCases)
    func methods(_ method: RequestMethod) throws {
        let name = method == .other ? "PURGE" : "\(method.name)"
        let target = method == .connect ? "a:1" : "/"
        let head = try self.snapshot("\(name) \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.known == method && head.method == name)
        let lower = try self.snapshot("\(name.lowercased()) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(lower.known == .other)
    }

    @Test("the four forms of a target")
    func forms() throws {
        let absolute = try self.snapshot("GET http://h:1/p?q HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(absolute.form == .absolute && absolute.host == "h:1")
        #expect(absolute.path == "/p" && absolute.query == "q")
        let rootless = try self.snapshot("GET http://h?q HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(rootless.path == "" && rootless.query == "q" && rootless.host == "h")
        let authority = try self.snapshot("CONNECT [::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(authority.form == .authority && authority.host == "[::1]:443")
        #expect(authority.path == "" && authority.query == nil)
        let asterisk = try self.snapshot("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(asterisk.form == .asterisk && asterisk.host == "x")
        #expect(asterisk.path == "" && asterisk.query == nil)
        let emptyQuery = try self.snapshot("GET /? HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(emptyQuery.query == "" && emptyQuery.path == "/")
    }

    @Test("path and query as an origin server is asked for them")
    func pathAndQuery() {
        for (target, expected) in [("/a?b", "/a?b"), ("http://h/a?b", "/a?b"), ("http://h?b", "?b")] {
            let wire = latin1("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            var head = RequestHead()
            _ = head.parse(wire.span.bytes, limits: HeadLimits())
            let range = head.pathAndQuery
            #expect(text(wire, range) == expected)
        }
    }

    @Test("the framing of the body")
    func framing() throws {
        func framing(_ fields: String) throws -> BodyFraming {
            try self.snapshot("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").framing
        }
        #expect(try framing("") == .none)
        #expect(try framing("Content-Length: 0\r\n") == .length(0))
        #expect(try framing("Content-Length:\t0042 \r\n") == .length(42))
        #expect(
            try framing("Content-Length: 9223372036854775807\r\n") == .length(UInt64(Int.max)))
        #expect(try framing("transfer-encoding:CHUNKED\r\n") == .chunked)
    }

    @Test(
        "whether the connection lives on",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false),
            ("1.1", "Connection: x\r\nConnection: Close\r\n", false),
            ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: keep-alive, close\r\n", false),
            ("1.1", "Connection: closed, enclose\r\n", true),
            ("1.0", "", false), ("1.0", "Connection: keep-alive\r\n", true),
            ("1.0", "Connection: KEEP-ALIVE,close\r\n", false),
            ("1.0", "Keep-Alive: 5\r\n", false), ("1.0", "Proxy-Connection: keep-alive\r\n", false),
        ])
    func persistence(_ version: String, _ fields: String, _ keepsAlive: Bool) throws {
        let head = try self.snapshot("GET / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n")
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test("whether 100 is expected, which HTTP/1.0 cannot")
    func expectation() throws {
        let fields = "Host: a\r\nExpect: , 100-CONTINUE\r\n\r\n"
        #expect(try self.snapshot("PUT / HTTP/1.1\r\n" + fields).expectsContinue)
        #expect(try self.snapshot("PUT / HTTP/1.0\r\n" + fields).expectsContinue == false)
        #expect(try self.snapshot("PUT / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n").expectsContinue == false)
    }

    @Test("which fields Connection names")
    func connectionNames() throws {
        let head = try self.snapshot(
            "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nConnection: x-ONE, X-Longer-Than-Eight\r\n"
                + "X-Two: 2\r\nX-One: 3\r\nx-longer-than-eight: 4\r\nx-longer-than-eighs: 5\r\n\r\n")
        let named = head.fields.filter(\.isNamedByConnection).map(\.value)
        #expect(named == ["1", "3", "4"])
    }

    @Test("a letter and a mark that differ by one bit are different names")
    func connectionNamesAreExact() throws {
        let head = try self.snapshot(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: abcdefg~\r\nabcdefg^: 1\r\nABCDEFG~: 2\r\n\r\n")
        #expect(head.fields.filter(\.isNamedByConnection).map(\.value) == ["2"])
    }

    @Test("which known names occur")
    func knownFields() {
        let wire = latin1("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nVia: 1\r\nVia: 2\r\n\r\n")
        var head = RequestHead()
        _ = head.parse(wire.span.bytes, limits: HeadLimits())
        let known = head.knownFields
        let via = head.first(.via).map { text(wire, $0.value) }
        let cookie = head.first(.cookie)
        #expect(known == HeaderSet(.host, .upgrade, .via))
        #expect(via == "1" && cookie == nil)
    }

    @Test(
        "whether WebSocket is asked for",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", true),
            ("connection: a, UPGRADE\r\nupgrade: h2c, WebSocket/13\r\n", true),
            ("Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", true),
            ("Upgrade: websocket\r\n", false), ("Connection: Upgrade\r\n", false),
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n", false),
            ("Connection: Upgrade\r\nUpgrade: websockets, xwebsocket, =\r\n", false),
        ])
    func webSocket(fields: String, isAsked: Bool) {
        for (version, expected) in [("1.1", isAsked), ("1.0", false)] {
            let wire = latin1("GET / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n")
            var head = RequestHead()
            _ = head.parse(wire.span.bytes, limits: HeadLimits())
            let asks = head.asksForWebSocket
            #expect(asks == expected)
        }
    }

    @Test("the size that the header limit counts")
    func estimate() {
        let wire = latin1("GET /ab HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n")
        var head = RequestHead()
        _ = head.parse(wire.span.bytes, limits: HeadLimits())
        let estimate = head.estimatedBytes
        #expect(estimate == 3 + 3 + 12 + (4 + 1 + 4) + (1 + 2 + 4))
    }
}

@Suite("The limits of a head")
struct HeadLimitTests {
    @Test("hold to the byte and do not depend on how the head is cut")
    func headBytes() {
        let limits = HeadLimits(headBytesMax: 128)
        for excess in [-1, 0, 1, 100] {
            let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
            let filler = String(repeating: "x", count: 128 - frame.utf8.count + excess)
            let wire = latin1("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler)\r\n\r\n")
            for cuts in [[], Array(0..<wire.count), [100], [127], [128]] {
                let verdict = parseRequest(wire, cuts: cuts.filter { $0 < wire.count }, limits: limits)
                if excess > 0 {
                    #expect(verdict == .refused(.headTooLarge))
                } else {
                    #expect(verdict.snapshot?.length == 128 + excess)
                }
            }
        }
        #expect(HeadRefusal.headTooLarge.status == 431)
    }

    @Test("do not count what follows the head")
    func bodyDoesNotCount() {
        let wire = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + String(repeating: "x", count: 500))
        #expect(parseRequest(wire, limits: HeadLimits(headBytesMax: 64)).snapshot?.length == 27)
    }

    @Test("bound the number of fields")
    func fields() {
        let limits = HeadLimits(fieldsMax: 3)
        let three = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n"
        #expect(parseRequest(latin1(three + "\r\n"), limits: limits).snapshot?.fields.count == 3)
        let four = latin1(three + "F: g\r\n\r\n")
        #expect(parseRequest(four, limits: limits) == .refused(.tooManyFields))
        #expect(parseRequest(four, cuts: Array(0..<four.count), limits: limits) == .refused(.tooManyFields))
        #expect(HeadRefusal.tooManyFields.status == 431)
    }

    @Test("bound the target")
    func target() {
        let limits = HeadLimits(targetBytesMax: 8)
        let fits = latin1("GET /1234567 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(parseRequest(fits, limits: limits).snapshot?.target == "/1234567")
        let exceeds = latin1("GET /12345678 HTTP/1.1\r\nHost: a\r\n\r\n")
        for cuts in [[], Array(0..<exceeds.count), [12], [13]] {
            #expect(parseRequest(exceeds, cuts: cuts, limits: limits) == .refused(.targetTooLong))
        }
        #expect(HeadRefusal.targetTooLong.status == 414)
    }

    @Test("bound the name of a field")
    func fieldName() {
        let name = String(repeating: "n", count: 65_536)
        let wire = latin1("GET / HTTP/1.1\r\nHost: a\r\n\(name): v\r\n\r\n")
        #expect(parseRequest(wire) == .refused(.fieldNameTooLong))
        #expect(parseRequest(wire, cuts: [40_000]) == .refused(.fieldNameTooLong))
        let shorter = latin1("GET / HTTP/1.1\r\nHost: a\r\n\(name.dropLast()): v\r\n\r\n")
        #expect(parseRequest(shorter).snapshot?.fields.last?.name.count == 65_535)
        #expect(HeadRefusal.fieldNameTooLong.status == 431)
    }

    @Test("are moved to the nearest bound")
    func clamping() {
        let low = HeadLimits(headBytesMax: -1, fieldsMax: 0, targetBytesMax: 0)
        #expect(low == HeadLimits(headBytesMax: 64, fieldsMax: 1, targetBytesMax: 1))
        let high = HeadLimits(headBytesMax: .max, fieldsMax: .max, targetBytesMax: .max)
        #expect(high.headBytesMax == HeadLimits.headBytesCeiling && high.fieldsMax == 4096)
        #expect(high.targetBytesMax == HeadLimits.headBytesCeiling)
    }

    @Test("let a megabyte of one value arrive in small pieces, each byte scanned once")
    func largeValue() {
        let wire = latin1(
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 1_000_000) + "\r\n\r\n")
        var head = RequestHead()
        var progress = HeadProgress.incomplete
        // A scan that began anew with each of the 62,500 pieces would look at 31 billion bytes.
        var count = 0
        while count < wire.count, progress == .incomplete {
            count = min(wire.count, count + 16)
            progress = head.parse(wire.span.bytes.extracting(0..<count), limits: HeadLimits())
        }
        #expect(progress == .complete(length: wire.count))
    }
}
