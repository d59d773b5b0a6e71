import HTTPWire
import SeededRandomness
import Testing

/// A chunked body that must be refused, and why.
struct RefusedChunks: Sendable, CustomTestStringConvertible {
    let wire: String
    let refusal: ChunkRefusal

    init(_ wire: String, _ refusal: ChunkRefusal) {
        self.wire = wire
        self.refusal = refusal
    }

    var testDescription: String { "\(self.refusal): \(self.wire.debugDescription)" }
}

let refusedChunks: [RefusedChunks] = [
    RefusedChunks("\r\n", .missingSize),
    RefusedChunks(" 5\r\n", .missingSize),
    RefusedChunks("-1\r\n", .missingSize),
    RefusedChunks("+5\r\n", .missingSize),
    RefusedChunks(";a\r\n", .missingSize),
    RefusedChunks("g\r\n", .missingSize),
    RefusedChunks("5\r\nhello\r\n\r\n", .missingSize),
    RefusedChunks("5 \r\nhello\r\n", .invalidSize),
    RefusedChunks("5\t;a\r\nhello\r\n", .invalidSize),
    RefusedChunks("0x5\r\nhello\r\n", .invalidSize),
    RefusedChunks("5_\r\n", .invalidSize),
    RefusedChunks("8000000000000000\r\n", .sizeTooLarge),
    RefusedChunks("FFFFFFFFFFFFFFFF\r\n", .sizeTooLarge),
    RefusedChunks("10000000000000000\r\n", .sizeTooLarge),
    RefusedChunks("00000000000000005\r\n", .sizeTooLarge),
    RefusedChunks("5\nhello\r\n", .invalidLineEnd),
    RefusedChunks("5\rhello\r\n", .invalidLineEnd),
    RefusedChunks("5;a\nhello\r\n", .invalidLineEnd),
    RefusedChunks("5;a\rhello\r\n", .invalidLineEnd),
    RefusedChunks("5;\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;=b\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a=\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5; a\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a =b\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a=\"b\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a=\"b\"c\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a=\"\u{0}\"\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a=\"\\\r\"\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a,b\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;a\u{E9}\r\nhello\r\n", .invalidExtension),
    RefusedChunks("5;" + String(repeating: "a", count: 256) + "\r\n", .extensionTooLong),
    RefusedChunks("5\r\nhelloX\r\n", .missingLineEnd),
    RefusedChunks("5\r\nhello\n0\r\n\r\n", .missingLineEnd),
    RefusedChunks("5\r\nhello\r0\r\n\r\n", .missingLineEnd),
    RefusedChunks("0\r\nA: b\n\r\n", .trailer(.bareLineFeed)),
    RefusedChunks("0\r\n\n", .trailer(.bareLineFeed)),
    RefusedChunks("0\r\n\rX", .trailer(.bareCarriageReturn)),
    RefusedChunks("0\r\nA: b\rX", .trailer(.bareCarriageReturn)),
    RefusedChunks("0\r\nA: b\r\n c\r\n\r\n", .trailer(.foldedLine)),
    RefusedChunks("0\r\nA : b\r\n\r\n", .trailer(.whitespaceBeforeColon)),
    RefusedChunks("0\r\n: b\r\n\r\n", .trailer(.emptyFieldName)),
    RefusedChunks("0\r\nA\r\n\r\n", .trailer(.missingColon)),
    RefusedChunks("0\r\nA\u{0}: b\r\n\r\n", .trailer(.invalidFieldName)),
    RefusedChunks("0\r\nA: \u{0}\r\n\r\n", .trailer(.controlCharacterInValue)),
    RefusedChunks("0\r\nContent-Length: 0\r\n\r\n", .forbiddenTrailer),
    RefusedChunks("0\r\ntransfer-encoding: chunked\r\n\r\n", .forbiddenTrailer),
    RefusedChunks("0\r\nA: b\r\nHost: a\r\n\r\n", .forbiddenTrailer),
    RefusedChunks("0\r\nA: " + String(repeating: "b", count: 8200) + "\r\n\r\n", .trailersTooLarge),
]

let acceptedChunks: [String] = [
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\nGET",
    "00000005\r\nhello\r\n0000000000000000\r\n\r\n",
    "A\r\n0123456789\r\na\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n",
    "5;a\r\nhello\r\n1;b=c;d=\"e \\\" \\\\ ;\t\"\r\n!\r\n0;z\r\n\r\n",
    "5\r\nhello\r\n0\r\nTrailer-One: 1\r\nX:\r\n\r\nrest",
]

@Suite("A chunked decoder")
struct ChunkedDecoderTests {
    @Test("refuses a broken body, however it is cut", arguments: refusedChunks)
    func refusals(_ fixture: RefusedChunks) {
        let wire = latin1(fixture.wire)
        let whole = decodeChunked(wire)
        #expect(whole.end == .refused(fixture.refusal))
        let pieces = decodeChunked(wire, cuts: Array(0..<wire.count))
        #expect(pieces.end == whole.end && pieces.content == whole.content)
        for cut in stride(from: 0, to: wire.count, by: max(1, wire.count / 512)) {
            #expect(decodeChunked(wire, cuts: [cut]).end == whole.end, "cut at \(cut)")
        }
    }

    @Test("decodes the same whole, byte by byte and at every two cuts", arguments: acceptedChunks.indices)
    func splits(_ index: Int) {
        let wire = latin1(acceptedChunks[index])
        let whole = decodeChunked(wire)
        guard case .ended(let leftOver) = whole.end else {
            Issue.record("refused or unfinished: \(whole.end)")
            return
        }
        #expect(decodeChunked(wire, cuts: Array(0..<wire.count)) == whole)
        for first in 0..<wire.count {
            for second in first..<wire.count {
                #expect(decodeChunked(wire, cuts: [first, second]) == whole)
            }
        }
        for cut in 0..<(wire.count - leftOver) {
            #expect(decodeChunked(Array(wire[..<cut])).end == .needMore, "ended at \(cut)")
        }
    }

    @Test("delivers content, trailers and what is left")
    func contents() {
        let plain = decodeChunked(latin1(acceptedChunks[1]))
        #expect(text(plain.content, plain.content.indices) == "hello")
        #expect(plain.end == .ended(leftOver: 3) && plain.isPlain)
        let tricky = decodeChunked(latin1(acceptedChunks[3]))
        #expect(text(tricky.content, tricky.content.indices) == "0123456789\r\n0\r\n\r\n0\r\n")
        let trailing = decodeChunked(latin1(acceptedChunks[5]))
        #expect(
            trailing.trailers == [
                FieldLineSnapshot(name: "Trailer-One", value: "1"),
                FieldLineSnapshot(name: "X", value: ""),
            ])
        #expect(!trailing.isPlain && trailing.end == .ended(leftOver: 4))
    }

    @Test("moves over plain chunked coding only, but for what it reports")
    func forwarding() {
        let plain = decodeChunked(latin1(acceptedChunks[1]))
        #expect(text(plain.forwarded, plain.forwarded.indices) == "5\r\nhello\r\n0\r\n\r\n")
        let extended = decodeChunked(latin1(acceptedChunks[4]))
        #expect(text(extended.forwarded, extended.forwarded.indices) == "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
        #expect(!extended.isPlain)
        let trailing = decodeChunked(latin1(acceptedChunks[5]))
        #expect(text(trailing.forwarded, trailing.forwarded.indices) == "5\r\nhello\r\n0\r\n\r\n")
    }

    @Test("knows where chunks begin and what is open")
    func boundaries() {
        let wire = latin1("3\r\nabc\r\n0\r\n\r\n")
        var decoder = ChunkedDecoder()
        var boundaries: [Int] = []
        var open: [UInt64] = []
        var from = 0
        for count in 1...wire.count {
            if decoder.isAtChunkBoundary { boundaries.append(from) }
            let event = decoder.next(wire.span.bytes.extracting(..<count), from: &from)
            if case .data = event { open.append(decoder.openChunkBytes) }
        }
        #expect(boundaries == [0, 8] && open == [2, 1, 0])
        #expect(decoder.hasEnded && !decoder.isAtChunkBoundary && decoder.contentBytes == 3)
    }

    @Test("repeats its last word")
    func finality() {
        var decoder = ChunkedDecoder()
        let wire = latin1("zz")
        var from = 0
        let first = decoder.next(wire.span.bytes, from: &from)
        let second = decoder.next(wire.span.bytes, from: &from)
        #expect(first == .refused(.missingSize) && second == first && from == 0)
        var ended = ChunkedDecoder()
        let end = latin1("0\r\n\r\n0\r\n")
        let third = ended.next(end.span.bytes, from: &from)
        let fourth = ended.next(end.span.bytes, from: &from)
        #expect(third == .end && fourth == .end && from == 5)
    }

    @Test("lets extensions cost no more than content pays for")
    func extensionBudget() {
        let line = "1;" + String(repeating: "e", count: 200) + "\r\nx\r\n"
        let many = latin1(String(repeating: line, count: 200))
        #expect(decodeChunked(many).end == .refused(.extensionTooLong))
        let content = String(repeating: "x", count: 256)
        let paid = "100;" + String(repeating: "e", count: 200) + "\r\n\(content)\r\n"
        let body = latin1(String(repeating: paid, count: 200) + "0\r\n\r\n")
        #expect(decodeChunked(body).end == .ended(leftOver: 0))
    }

    @Test("bounds trailers in number and size, to the byte")
    func trailerLimits() {
        let two = latin1("0\r\nA: 1\r\nB: 2\r\n\r\n")
        #expect(decodeChunked(two, limits: ChunkLimits(trailersMax: 2)).end == .ended(leftOver: 0))
        #expect(decodeChunked(two, limits: ChunkLimits(trailersMax: 1)).end == .refused(.trailersTooLarge))
        let size = two.count - 3
        for (limit, end) in [
            (size, ChunkedResult.End.ended(leftOver: 0)), (size - 1, .refused(.trailersTooLarge)),
        ] {
            let limits = ChunkLimits(trailerBytesMax: limit)
            #expect(decodeChunked(two, limits: limits).end == end)
            #expect(decodeChunked(two, cuts: Array(0..<two.count), limits: limits).end == end)
        }
    }

    @Test("says how a request is answered")
    func statuses() {
        #expect(ChunkRefusal.trailersTooLarge.status == 431)
        #expect(ChunkRefusal.trailer(.bareLineFeed).status == 400)
        #expect(ChunkRefusal.missingSize.status == 400)
        let reasons = Set(refusedChunks.map { "\($0.refusal.reason)" })
        #expect(reasons.count == Set(refusedChunks.map { "\($0.refusal)" }).count)
    }
}

@Suite("Random chunked bodies")
struct ChunkedPropertyTests {
    /// A body, its coding with and without extensions and trailers, and its trailers.
    private struct Sample {
        var content: [UInt8] = []
        var wire: [UInt8] = []
        var plainWire: [UInt8] = []
        var trailers: [FieldLineSnapshot] = []
    }

    private func sample(_ random: inout SeededGenerator) -> Sample {
        var sample = Sample()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let count = Int.random(in: 1...40, using: &random)
            // Bytes that look like framing are the most likely ones.
            let chunk = (0..<count).map { _ in latin1("0123456789\r\n;abcXYZ").randomElement(using: &random) ?? 0 }
            let zeros = String(repeating: "0", count: Int.random(in: 0...3, using: &random))
            let hex = String(count, radix: 16, uppercase: Bool.random(using: &random))
            sample.content += chunk
            sample.wire += latin1(zeros + hex + self.extensions(&random) + "\r\n") + chunk + latin1("\r\n")
            sample.plainWire += latin1(zeros + hex + "\r\n") + chunk + latin1("\r\n")
        }
        sample.wire += latin1("0" + self.extensions(&random) + "\r\n")
        for index in 0..<Int.random(in: 0...3, using: &random) {
            let trailer = FieldLineSnapshot(name: "T\(index)", value: String(random.next(), radix: 36))
            sample.trailers.append(trailer)
            sample.wire += latin1("\(trailer.name): \t\(trailer.value) \r\n")
        }
        sample.wire += latin1("\r\n")
        sample.plainWire += latin1("0\r\n\r\n")
        return sample
    }

    private func extensions(_ random: inout SeededGenerator) -> String {
        guard random.happens(percent: 30) else { return "" }
        let all = [";a", ";a=b", ";a=\"\"", ";q=\" \\\"; x\"", ";a;b=c", ";sig=0123456789abcdef"]
        return all.randomElement(using: &random) ?? ""
    }

    @Test("decode to their content whatever the pieces", arguments: 0..<400)
    func roundTrip(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let sample = self.sample(&random)
        let rest = latin1("GET / HTTP/1.1\r\n")
        let wire = sample.wire + rest
        for pieces in [0, 1, 2, 5, 20] {
            let result = decodeChunked(wire, cuts: random.cuts(wire.count, pieces: pieces))
            #expect(result.content == sample.content)
            #expect(result.trailers == sample.trailers)
            #expect(result.forwarded == sample.plainWire)
            #expect(result.isPlain == (sample.wire == sample.plainWire))
            // Pieces that end behind the body leave less than everything behind it unread.
            guard case .ended = result.end else {
                Issue.record("\(result.end)")
                return
            }
        }
        #expect(decodeChunked(wire).end == .ended(leftOver: rest.count))
    }

    @Test("decode as a naive reader does, however broken", arguments: 0..<400)
    func mutated(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed &+ 1_000_000)
        var wire = self.sample(&random).wire
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let index = Int.random(in: wire.indices, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: wire.remove(at: index)
            case 1: wire.insert(latin1("\r\n;=0f \"").randomElement(using: &random) ?? 0, at: index)
            default: wire[index] = UInt8.random(in: 0...255, using: &random)
            }
            if wire.isEmpty { wire = [0x30] }
        }
        let whole = decodeChunked(wire)
        let pieces = decodeChunked(wire, cuts: random.cuts(wire.count, pieces: 8))
        #expect(pieces.content == whole.content && pieces.trailers == whole.trailers)
        let reference = NaiveChunkedReader.read(wire)
        switch whole.end {
        case .ended:
            #expect(reference?.content == whole.content && reference?.trailers == whole.trailers)
        case .needMore, .refused:
            #expect(reference == nil)
        }
    }
}

/// Reads a whole chunked body the slow and obvious way, line by line.
enum NaiveChunkedReader {
    struct Result: Equatable {
        var content: [UInt8]
        var trailers: [FieldLineSnapshot]
    }

    /// Returns content and trailers, or `nil` if the body is broken or unfinished.
    static func read(_ bytes: [UInt8]) -> Result? {
        var rest = bytes[...]
        var result = Result(content: [], trailers: [])
        while true {
            guard let line = self.line(&rest), let size = self.size(line) else { return nil }
            if size == 0 { break }
            guard rest.count >= size + 2 else { return nil }
            result.content += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.starts(with: [0x0D, 0x0A]) else { return nil }
            rest = rest.dropFirst(2)
        }
        while let line = self.line(&rest) {
            if line.isEmpty { return result }
            guard
                let match = line.wholeMatch(
                    of: /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0A-\x1F\x7F]*?)[ \t]*/)
            else { return nil }
            result.trailers.append(FieldLineSnapshot(name: "\(match.1)", value: "\(match.2)"))
        }
        return nil
    }

    private static func line(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard
            let end = zip(rest.indices, rest.indices.dropFirst()).first(where: { first, second in
                rest[first] == 0x0D && rest[second] == 0x0A
            })?.0
        else { return nil }
        let line = text(Array(rest[..<end]), 0..<(end - rest.startIndex))
        rest = rest[(end + 2)...]
        return line
    }

    private static func size(_ line: String) -> Int? {
        let token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
        let quoted = "\"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*\""
        guard let pattern = try? Regex("([0-9A-Fa-f]{1,16})(?:;\(token)(?:=(?:\(token)|\(quoted)))?)*"),
            let match = try? pattern.wholeMatch(in: line), let digits = match.output[1].substring
        else { return nil }
        return Int(digits, radix: 16)
    }
}
