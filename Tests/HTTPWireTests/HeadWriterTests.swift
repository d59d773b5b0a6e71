import HTTPWire
import SeededRandomness
import Testing

/// Runs `body` with a writer over `capacity` bytes and returns what was written, or `nil` on
/// overflow.
func written(capacity: Int = 4096, _ body: (inout HeadWriter) -> Void) -> String? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
    defer { buffer.deallocate() }
    var writer = HeadWriter(buffer)
    body(&writer)
    if writer.hasOverflowed { return nil }
    var bytes: [UInt8] = []
    for offset in 0..<writer.count { bytes.append(buffer[offset]) }
    return text(bytes, bytes.indices)
}

@Suite("A head writer")
struct HeadWriterTests {
    @Test("writes what it is told")
    func pieces() {
        let source = latin1("abcdef")
        let result = written { writer in
            writer.write(0x3E)
            writer.write("constant" as StaticString)
            writer.write(source.span.bytes)
            writer.write(source.span.bytes, 2..<4)
            writer.write(source.span.bytes, 3..<3)
            writer.endLine()
        }
        #expect(result == ">constantabcdefcd\r\n")
    }

    @Test(
        "writes numbers",
        arguments: [
            (UInt64(0), "0", "0"), (7, "7", "7"), (10, "10", "a"), (255, "255", "ff"), (99, "99", "63"),
            (UInt64.max, "18446744073709551615", "ffffffffffffffff"),
        ])
    func numbers(_ value: UInt64, _ decimal: String, _ hex: String) {
        #expect(written { $0.write(decimal: value) } == decimal)
        #expect(written { $0.write(hex: value) } == hex)
        let padded = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        #expect(written { $0.write(hex: value, digitsMin: 4) } == padded)
        #expect(written { $0.write(hex: value, digitsMin: 99) }?.count == 16)
    }

    @Test("writes lines and fields")
    func lines() {
        let source = latin1("GET / HTTP/1.1\r\nHost: a\r\nX-Mixed:\t v \r\n\r\n")
        var head = RequestHead()
        _ = head.parse(source.span.bytes, limits: HeadLimits())
        let mixed = head.fields[1]
        let value = latin1("value")
        let result = written { writer in
            writer.requestLine(.post, target: latin1("/p?q").span.bytes)
            writer.field("Fixed", "one" as StaticString)
            writer.field("Bytes", value.span.bytes)
            writer.field("Number", decimal: 42)
            writer.field(mixed, of: source.span.bytes)
            writer.endLine()
        }
        #expect(result == "POST /p?q HTTP/1.1\r\nFixed: one\r\nBytes: value\r\nNumber: 42\r\nX-Mixed: v\r\n\r\n")
    }

    @Test("writes status lines", arguments: 100...599)
    func statusLines(_ status: UInt16) {
        let line = written { $0.statusLine(status) }
        #expect(line == "HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n")
        // Every line that is written is a line that is read.
        let verdict = parseResponse(latin1((line ?? "") + "\r\n"))
        if status == 101 {
            #expect(verdict == .refused(.unexpectedSwitch))
        } else {
            #expect(verdict.snapshot?.status == status)
        }
    }

    @Test("knows reason phrases")
    func reasons() {
        #expect("\(ReasonPhrase.of(200))" == "OK" && "\(ReasonPhrase.of(418))" == "")
        #expect("\(ReasonPhrase.of(431))" == "Request Header Fields Too Large")
        #expect("\(ReasonPhrase.of(99))" == "" && "\(ReasonPhrase.of(600))" == "")
        let custom = latin1("Fine")
        #expect(written { $0.statusLine(299, reason: custom.span.bytes) } == "HTTP/1.1 299 Fine\r\n")
    }

    @Test("leaves out as a whole what does not fit, and everything after it")
    func overflow() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xAA)
        var writer = HeadWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[..<8]))
        writer.write("12345678" as StaticString)
        let exact = (writer.count, writer.hasOverflowed)
        #expect(exact == (8, false))
        writer.truncate(to: 5)
        writer.truncate(to: 7)
        writer.truncate(to: -1)
        writer.write("abcd" as StaticString)
        let over = (writer.count, writer.hasOverflowed)
        #expect(over == (5, true))
        writer.write(0x41)
        writer.write(decimal: 1)
        writer.write(latin1("z").span.bytes)
        let after = writer.count
        #expect(after == 5)
        #expect(buffer[8...].allSatisfy { $0 == 0xAA })
    }

    @Test("takes an empty buffer")
    func empty() {
        var writer = HeadWriter(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        writer.write("" as StaticString)
        let before = writer.hasOverflowed
        writer.write(0)
        let after = writer.hasOverflowed
        let count = writer.bytes.byteCount
        #expect(!before && after && count == 0)
    }
}

@Suite("A chunk prefix")
struct ChunkedEncoderTests {
    @Test(
        "is the size in hexadecimal", arguments: (0..<64).flatMap { [1 << $0, (1 << $0) | 1, .max >> $0] as [UInt64] })
    func prefixes(_ size: UInt64) {
        let prefix = ChunkedEncoder.prefix(for: size)
        let expected = String(size, radix: 16) + "\r\n"
        #expect(written { $0.write(prefix.bytes) } == expected)
        #expect(prefix.count == expected.utf8.count && prefix.count <= ChunkedEncoder.prefixBytesMax)
    }

    @Test("and content and line ends make a body that decodes", arguments: 0..<50)
    func roundTrip(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var wire: [UInt8] = []
        var content: [UInt8] = []
        for _ in 0..<Int.random(in: 0...5, using: &random) {
            let chunk = (0..<Int.random(in: 1...5000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let prefix = ChunkedEncoder.prefix(for: UInt64(chunk.count))
            wire += latin1(written { $0.write(prefix.bytes) } ?? "") + chunk + latin1("\(ChunkedEncoder.lineEnd)")
            content += chunk
        }
        let whole = decodeChunked(wire + latin1("\(ChunkedEncoder.end)"))
        #expect(whole.content == content && whole.end == .ended(leftOver: 0) && whole.isPlain)
        let trailing = "\(ChunkedEncoder.lastChunk)X: y\r\n\(ChunkedEncoder.lineEnd)"
        #expect(decodeChunked(wire + latin1(trailing)).trailers.count == 1)
    }

    @Test("cannot be had for no content")
    func zero() async {
        await #expect(processExitsWith: .failure) { _ = ChunkedEncoder.prefix(for: 0) }
    }
}
