import ByteScan
import SeededRandomness
import Testing

/// A stream's events, put together from fragments.
enum SSEItem: Equatable {
    case line(SSESplitter.Field, String)
    case boundary
    case overlong(String)
}

@Suite struct SSESplitterTests {
    private func items(_ pieces: [[UInt8]], limit: Int = 1 << 20) -> [SSEItem] {
        var splitter = SSESplitter(lineBytesMax: limit)
        var items: [SSEItem] = []
        var line: [UInt8] = []
        for piece in pieces {
            let span = piece.span.bytes
            var position = 0
            events: while true {
                switch splitter.next(span, from: &position) {
                case .field(let field, let range, let endsLine):
                    line += piece[range]
                    guard endsLine else { continue }
                    items.append(.line(field, String(decoding: line, as: UTF8.self)))
                    line = []
                case .boundary: items.append(.boundary)
                case .overlongLine:
                    items.append(.overlong(String(decoding: line, as: UTF8.self)))
                    line = []
                case .needMore:
                    #expect(position == piece.count)
                    break events
                }
            }
        }
        return items
    }

    static let streams: [(String, [SSEItem])] = [
        ("data: a\n\n", [.line(.data, "a"), .boundary]),
        ("data:a\r\n\r\n", [.line(.data, "a"), .boundary]),
        ("data: a\r\rdata: b\r\r", [.line(.data, "a"), .boundary, .line(.data, "b"), .boundary]),
        ("data: a\ndata: b\n\n", [.line(.data, "a"), .line(.data, "b"), .boundary]),
        ("data:  two\n\n", [.line(.data, " two"), .boundary]),
        ("data\n\ndata:\n\n", [.line(.data, ""), .boundary, .line(.data, ""), .boundary]),
        (": ping\n\n", [.boundary]),
        (
            "id: 3\nretry: 5\nevent: x\ndata: y\n\n",
            [.line(.event, "x"), .line(.data, "y"), .boundary]
        ),
        ("error: {\"a\":1}\n\n", [.line(.error, "{\"a\":1}"), .boundary]),
        ("dat: a\ndatax: b\ndata : c\n Data: d\nevents: e\n\n", [.boundary]),
        ("\u{feff}data: a\n\n", [.line(.data, "a"), .boundary]),
        ("data: a\n\n\u{feff}data: b\n\n", [.line(.data, "a"), .boundary, .boundary]),
        (
            "data: a\r\n\ndata: b\n\r\n\r",
            [.line(.data, "a"), .boundary, .line(.data, "b"), .boundary, .boundary]
        ),
        ("\n\n\r\n", [.boundary, .boundary, .boundary]),
        ("data: a:b: c\n\n", [.line(.data, "a:b: c"), .boundary]),
    ]

    @Test(arguments: Self.streams)
    func `splits a stream the same way wherever it is cut`(stream: String, expected: [SSEItem]) {
        for pieces in Cuts.all(Array(stream.utf8)) { #expect(self.items(pieces) == expected) }
    }

    @Test func `skips and counts what is too long, wherever it is cut`() {
        let stream = Array(
            "data: 12345678\ndata: 123456789\ndata: x\n\ndata: 1234567890123\n\n".utf8)
        let expected: [SSEItem] = [
            .line(.data, "12345678"), .overlong("12345678"), .line(.data, "x"), .boundary,
            .overlong("12345678"), .boundary,
        ]
        for pieces in Cuts.all(stream) { #expect(self.items(pieces, limit: 8) == expected) }
        var splitter = SSESplitter(lineBytesMax: 8)
        var position = 0
        while splitter.next(stream.span.bytes, from: &position) != .needMore {}
        #expect(splitter.overlongLines == 2)
    }

    @Test func `knows when it stands between events`() {
        var splitter = SSESplitter()
        func feed(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            var position = 0
            while splitter.next(bytes.span.bytes, from: &position) != .needMore {}
            return splitter.isBetweenEvents
        }
        #expect(splitter.isBetweenEvents)
        #expect(!feed("data: a"))
        #expect(!feed("\n"))
        #expect(feed("\n"))
        #expect(!feed(":"))
        #expect(!feed(" comment\r\n"))
        #expect(feed("\r"))
        #expect(feed("\n"))
        #expect(!feed("d"))
    }

    @Test(arguments: 0..<20)
    func `agrees with a naive splitter on random streams`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let words = [
            "data", "event", "error", "id", ":", ": ", " ", "\n", "\r", "\r\n", "\n\n", "x",
            "{\"a\":1}", "é",
        ]
        for _ in 0..<60 {
            let text = (0..<random.below(30)).map { _ in words[random.below(words.count)] }.joined()
            let bytes = Array(text.utf8)
            let expected = Self.naive(bytes)
            #expect(self.items([bytes]) == expected, "seed \(seed): \(text.debugDescription)")
            #expect(self.items(Cuts.single(bytes)) == expected)
            #expect(self.items(Cuts.random(bytes, &random)) == expected)
        }
    }

    /// Splits complete lines the slow way; what follows the last line end is no line.
    private static func naive(_ bytes: [UInt8]) -> [SSEItem] {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x0a || bytes[index] == 0x0d {
                lines.append(line)
                line = []
                if bytes[index] == 0x0d, index + 1 < bytes.count, bytes[index + 1] == 0x0a {
                    index += 1
                }
            } else {
                line.append(bytes[index])
            }
            index += 1
        }
        return lines.compactMap { line in
            guard !line.isEmpty else { return .boundary }
            let colon = line.firstIndex(of: 0x3a)
            let name = String(decoding: line[..<(colon ?? line.count)], as: UTF8.self)
            var value = colon.map { line[($0 + 1)...] } ?? []
            if value.first == 0x20 { value = value.dropFirst() }
            let text = String(decoding: value, as: UTF8.self)
            switch name {
            case "data": return .line(.data, text)
            case "event": return .line(.event, text)
            case "error": return .line(.error, text)
            default: return nil
            }
        }
    }
}

@Suite struct NDJSONSplitterTests {
    private func lines(_ pieces: [[UInt8]], limit: Int = 1 << 20) -> [String] {
        var splitter = NDJSONSplitter(lineBytesMax: limit)
        var lines: [String] = []
        var line: [UInt8] = []
        for piece in pieces {
            let span = piece.span.bytes
            var position = 0
            events: while true {
                switch splitter.next(span, from: &position) {
                case .line(let range, let endsLine):
                    line += piece[range]
                    guard endsLine else { continue }
                    lines.append(String(decoding: line, as: UTF8.self))
                    line = []
                case .overlongLine:
                    lines.append("overlong " + String(decoding: line, as: UTF8.self))
                    line = []
                case .needMore: break events
                }
            }
        }
        return lines + (line.isEmpty ? [] : ["rest " + String(decoding: line, as: UTF8.self)])
    }

    @Test(arguments: [
        ("{\"a\":1}\n{\"b\":2}\n", ["{\"a\":1}", "{\"b\":2}"]),
        ("\n\na\r\nb", ["", "", "a\r", "rest b"]),
        ("", []), ("abc", ["rest abc"]),
    ])
    func `splits lines the same way wherever they are cut`(stream: String, expected: [String]) {
        for pieces in Cuts.all(Array(stream.utf8)) { #expect(self.lines(pieces) == expected) }
    }

    @Test func `skips and counts what is too long, wherever it is cut`() {
        let stream = Array("1234\n12345\nx\n1234567".utf8)
        for pieces in Cuts.all(stream) {
            #expect(
                self.lines(pieces, limit: 4) == ["1234", "overlong 1234", "x", "overlong 1234"])
        }
        var splitter = NDJSONSplitter(lineBytesMax: 4)
        var position = 0
        while splitter.next(stream.span.bytes, from: &position) != .needMore {}
        #expect(splitter.overlongLines == 2)
        #expect(!splitter.isBetweenLines)
    }
}
