import HTTPWire
import Testing

/// A response head that must be refused, and why.
struct RefusedResponse: Sendable, CustomTestStringConvertible {
    let wire: String
    let refusal: HeadRefusal

    init(_ wire: String, _ refusal: HeadRefusal) {
        self.wire = wire
        self.refusal = refusal
    }

    var testDescription: String { "\(self.refusal): \(self.wire.debugDescription)" }
}

private let line = "HTTP/1.1 200 OK\r\n"

let refusedResponses: [RefusedResponse] = [
    RefusedResponse("HTTP/1.1 200 OK\nA: b\n\n", .bareLineFeed),
    RefusedResponse("HTTP/1.1\n", .bareLineFeed),
    RefusedResponse("HTTP/1.1 20\n", .bareLineFeed),
    RefusedResponse("HTTP/1.1 200\n", .bareLineFeed),
    RefusedResponse("HTTP\n", .bareLineFeed),
    RefusedResponse("HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCarriageReturn),
    RefusedResponse(line + "A: b\r\n\rx", .bareCarriageReturn),
    RefusedResponse("\r\n" + line + "\r\n", .invalidVersion),
    RefusedResponse("ICY 200 OK\r\n\r\n", .invalidVersion),
    RefusedResponse("http/1.1 200 OK\r\n\r\n", .invalidVersion),
    RefusedResponse("<html>", .invalidVersion),
    RefusedResponse("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    RefusedResponse("HTTP/1.1  200 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1\t200 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 20 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 2000 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 099 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 2x0 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 +20 OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 200OK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 200\tOK\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 200 O\u{0}K\r\n\r\n", .invalidStatus),
    RefusedResponse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", .unexpectedSwitch),
    RefusedResponse(line + "A: b\r\n c\r\n\r\n", .foldedLine),
    RefusedResponse(line + " A: b\r\n\r\n", .foldedLine),
    RefusedResponse(line + ": b\r\n\r\n", .emptyFieldName),
    RefusedResponse(line + "A\u{0}: b\r\n\r\n", .invalidFieldName),
    RefusedResponse(line + "A b: c\r\n\r\n", .invalidFieldName),
    RefusedResponse(line + "A \r\n\r\n", .missingColon),
    RefusedResponse(line + "A\r\n\r\n", .missingColon),
    RefusedResponse(line + "A: \u{8}\r\n\r\n", .controlCharacterInValue),
    RefusedResponse(line + "Content-Length: x\r\n\r\n", .invalidContentLength),
    RefusedResponse(line + "Content-Length: 5,5\r\n\r\n", .repeatedContentLength),
    RefusedResponse(line + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", .repeatedContentLength),
    RefusedResponse(
        line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        .contentLengthWithTransferEncoding),
    RefusedResponse(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingBeforeHTTP11),
    RefusedResponse(line + "Transfer-Encoding: gzip\r\n\r\n", .unknownTransferCoding),
    RefusedResponse(line + "Transfer-Encoding: chunked, chunked\r\n\r\n", .repeatedChunked),
    RefusedResponse(line + "Transfer-Encoding: chunked, gzip\r\n\r\n", .chunkedNotLast),
    RefusedResponse(line + "Transfer-Encoding:\r\n\r\n", .invalidTransferEncoding),
    RefusedResponse(
        line + "Connection: " + (0..<33).map { "o\($0)" }.joined(separator: ",") + "\r\n\r\n",
        .tooManyConnectionOptions),
]

let acceptedResponses: [String] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200\r\n\r\n",
    "HTTP/1.1 404 \r\n\r\n",
    "HTTP/1.0 200 Fine, really \t\u{E9}\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nServer : x\r\nContent-Length\t \t: 7\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"a\"\r\n\r\n",
    "HTTP/1.1 999 ?\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
]

@Suite("A response head")
struct ResponseHeadTests {
    @Test("is refused, however it is cut", arguments: refusedResponses)
    func refusals(_ fixture: RefusedResponse) {
        let wire = latin1(fixture.wire)
        let expected = Verdict<ResponseSnapshot>.refused(fixture.refusal)
        #expect(parseResponse(wire) == expected)
        #expect(parseResponse(wire, cuts: Array(0..<wire.count)) == expected)
        let differing = wire.indices.filter { parseResponse(wire, cuts: [$0]) != expected }
        #expect(differing.isEmpty)
    }

    @Test("parses the same whole, byte by byte and at every two cuts", arguments: acceptedResponses.indices)
    func splits(_ index: Int) throws {
        let wire = latin1(acceptedResponses[index])
        let whole = parseResponse(wire)
        let snapshot = try #require(whole.snapshot)
        #expect(parseResponse(wire, cuts: Array(0..<wire.count)) == whole)
        for first in 0..<wire.count {
            #expect(parseResponse(wire, cuts: [first]) == whole, "cut at \(first)")
            for second in stride(from: first, to: wire.count, by: 5) {
                #expect(parseResponse(wire, cuts: [first, second]) == whole)
            }
        }
        for cut in 0..<snapshot.length {
            #expect(parseResponse(Array(wire[..<cut])) == .incomplete, "complete at \(cut)")
        }
    }

    @Test("has status, reason and fields")
    func statusLine() throws {
        let head = try #require(parseResponse(latin1(acceptedResponses[3])).snapshot)
        #expect(head.status == 200 && head.reason == "Fine, really \t\u{E9}")
        #expect(head.version == .zero && head.keepsAlive && !head.isInterim)
        #expect(head.fields.map(\.known) == [.connection, .contentLength])
        for bare in acceptedResponses[1...2] {
            #expect(parseResponse(latin1(bare)).snapshot?.reason == "")
        }
    }

    @Test("loses the white space before a colon, as a proxy must")
    func whitespaceBeforeColon() throws {
        let head = try #require(parseResponse(latin1(acceptedResponses[6])).snapshot)
        #expect(head.fields.map(\.name) == ["Server", "Content-Length"])
        #expect(head.framing == .length(7))
    }

    @Test(
        "frames its body by method, status and fields",
        arguments: [
            (RequestMethod.get, "200", "Content-Length: 5\r\n", BodyFraming.length(5)),
            (.get, "200", "Transfer-Encoding: chunked\r\n", .chunked),
            (.get, "200", "", .untilClose),
            (.head, "200", "Content-Length: 5\r\n", .none),
            (.head, "200", "Transfer-Encoding: chunked\r\n", .none),
            (.head, "200", "", .none),
            (.get, "204", "Content-Length: 5\r\n", .none),
            (.get, "204", "", .none),
            (.get, "304", "Content-Length: 5\r\n", .none),
            (.post, "103", "", .none),
            (.post, "500", "Content-Length: 0\r\n", .length(0)),
        ])
    func framing(
        _ method: RequestMethod, _ status: String, _ fields: String, _ framing: BodyFraming
    ) throws {
        let wire = latin1("HTTP/1.1 \(status) x\r\n\(fields)\r\n")
        let head = try #require(parseResponse(wire, method: method).snapshot)
        #expect(head.framing == framing)
        #expect(head.declaredLength == (fields.hasPrefix("Content") ? head.declaredLength : nil))
        #expect((head.declaredLength != nil) == fields.hasPrefix("Content"))
        #expect(head.isInterim == status.hasPrefix("1"))
    }

    @Test(
        "says whether the connection lives on",
        arguments: [
            ("1.1", "Content-Length: 0\r\n", true),
            ("1.1", "Content-Length: 0\r\nConnection: close\r\n", false),
            ("1.1", "", false),
            ("1.0", "Content-Length: 0\r\n", false),
            ("1.0", "Content-Length: 0\r\nConnection: keep-alive\r\n", true),
            ("1.1", "Transfer-Encoding: chunked\r\n", true),
        ])
    func persistence(_ version: String, _ fields: String, _ keepsAlive: Bool) throws {
        let head = try #require(parseResponse(latin1("HTTP/\(version) 200 x\r\n\(fields)\r\n")).snapshot)
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test("leads from interim heads to the final one")
    func interim() {
        let wire = latin1("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 201 z\r\n\r\n")
        var head = ResponseHead()
        var start = 0
        var statuses: [UInt16] = []
        repeat {
            let rest = wire.span.bytes.extracting(start..<wire.count)
            guard
                case .complete(let length) = head.parse(rest, limits: HeadLimits(), method: .post)
            else { break }
            start += length
            statuses.append(head.status)
        } while head.isInterim
        #expect(statuses == [100, 103, 201] && start == wire.count)
    }

    @Test("keeps a refusal until it is reset, and nothing of an older head is left")
    func reuse() {
        var head = ResponseHead()
        let bad = latin1("HTTP/1.1 2\r\n")
        let good = latin1("HTTP/1.1 204 No Content\r\n\r\n")
        let first = head.parse(bad.span.bytes, limits: HeadLimits(), method: .get)
        let second = head.parse(good.span.bytes, limits: HeadLimits(), method: .get)
        #expect(first == .refused(.invalidStatus) && second == first)
        head.reset()
        var reused: [Verdict<ResponseSnapshot>] = []
        for fixture in acceptedResponses + acceptedResponses.reversed() {
            let wire = latin1(fixture)
            if case .complete(let length) = head.parse(wire.span.bytes, limits: HeadLimits(), method: .get) {
                reused.append(.complete(ResponseSnapshot(head, wire, length: length)))
            }
        }
        let fresh = (acceptedResponses + acceptedResponses.reversed()).map { parseResponse(latin1($0)) }
        #expect(reused == fresh)
    }

    @Test("is bounded to the byte")
    func limits() {
        let frame = "HTTP/1.1 200 OK\r\nX: \r\n\r\n"
        for excess in [0, 1] {
            let filler = String(repeating: "x", count: 64 - frame.utf8.count + excess)
            let wire = latin1("HTTP/1.1 200 OK\r\nX: \(filler)\r\n\r\n")
            let verdict = parseResponse(wire, limits: HeadLimits(headBytesMax: 64))
            #expect(excess == 0 ? verdict.snapshot?.length == 64 : verdict == .refused(.headTooLarge))
        }
    }
}
