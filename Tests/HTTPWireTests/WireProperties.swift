import HTTPWire
import SeededRandomness

/// What must hold for any input whatever; shared by the fuzz targets and the replay of their
/// corpus.
///
/// Each check returns what is broken, or `nil`.
enum WireProperties {
    /// Feeds a request whole and in pieces, and what it was parsed to once more.
    static func request(_ bytes: [UInt8]) -> String? {
        let limits = HeadLimits(headBytesMax: 4096, fieldsMax: 16, targetBytesMax: 512)
        let whole = parseRequest(bytes, limits: limits)
        for cuts in self.cuts(bytes) where parseRequest(bytes, cuts: cuts, limits: limits) != whole {
            return "pieces cut at \(cuts) differ from the whole"
        }
        guard let snapshot = whole.snapshot else { return nil }
        if snapshot.length > bytes.count { return "longer than the input" }
        if parseRequest(Array(bytes[..<snapshot.length]), limits: limits) != whole {
            return "depends on what follows the head"
        }
        if let broken = self.path(snapshot.path) { return broken }
        var head = RequestHead()
        _ = head.parse(bytes.span.bytes, limits: limits)
        let rewritten = self.written { writer in
            writer.write(bytes.span.bytes, head.methodRange)
            writer.write(0x20)
            writer.write(bytes.span.bytes, head.target)
            writer.write(snapshot.version == .one ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n" as StaticString)
            for index in head.fields.indices { writer.field(head.fields[index], of: bytes.span.bytes) }
            writer.endLine()
        }
        guard var again = parseRequest(rewritten).snapshot else { return "rewritten head is refused" }
        again.length = snapshot.length
        return again == snapshot ? nil : "rewritten head reads differently"
    }

    /// Feeds a response whole and in pieces, and what it was parsed to once more.
    static func response(_ bytes: [UInt8]) -> String? {
        let limits = HeadLimits(headBytesMax: 4096, fieldsMax: 16)
        let method = bytes.count % 5 == 0 ? RequestMethod.head : .get
        let whole = parseResponse(bytes, limits: limits, method: method)
        for cuts in self.cuts(bytes)
        where parseResponse(bytes, cuts: cuts, limits: limits, method: method) != whole {
            return "pieces cut at \(cuts) differ from the whole"
        }
        guard let snapshot = whole.snapshot else { return nil }
        if snapshot.length > bytes.count { return "longer than the input" }
        if snapshot.status < 100 || snapshot.status > 999 { return "status \(snapshot.status)" }
        var head = ResponseHead()
        _ = head.parse(bytes.span.bytes, limits: limits, method: method)
        let rewritten = self.written { writer in
            writer.write(snapshot.version == .one ? "HTTP/1.1 " : "HTTP/1.0 " as StaticString)
            writer.write(decimal: UInt64(snapshot.status))
            writer.write(0x20)
            writer.write(bytes.span.bytes, head.reason)
            writer.endLine()
            for index in head.fields.indices { writer.field(head.fields[index], of: bytes.span.bytes) }
            writer.endLine()
        }
        guard var again = parseResponse(rewritten, method: method).snapshot else {
            return "rewritten head is refused"
        }
        again.length = snapshot.length
        return again == snapshot ? nil : "rewritten head reads differently"
    }

    /// Decodes a body whole and in pieces, and what a relay would forward once more.
    static func chunked(_ bytes: [UInt8]) -> String? {
        let limits = ChunkLimits(extensionBytesMax: 64, trailerBytesMax: 128, trailersMax: 4)
        let whole = decodeChunked(bytes, limits: limits)
        for cuts in self.cuts(bytes) {
            let pieces = decodeChunked(bytes, cuts: cuts, limits: limits)
            if pieces.content != whole.content || pieces.trailers != whole.trailers {
                return "pieces cut at \(cuts) differ from the whole"
            }
            // Pieces end at different distances from the end of their buffer, but they end alike.
            switch (pieces.end, whole.end) {
            case (.ended, .ended): break
            case (let one, let other): if one != other { return "ends as \(one) and as \(other)" }
            }
        }
        guard case .ended = whole.end else { return nil }
        let forwarded = decodeChunked(whole.forwarded)
        if forwarded.content != whole.content || forwarded.end != .ended(leftOver: 0) {
            return "forwarded body reads differently"
        }
        return forwarded.isPlain ? nil : "forwarded body is not plain"
    }

    /// A resolved path holds no dot segment, and a clean one nothing to clean.
    private static func path(_ path: String) -> String? {
        let bytes = latin1(path)
        let resolved = self.written { _ = RequestTarget.writeResolved(bytes.span.bytes, into: &$0) }
        if RequestTarget.hasDotSegment(resolved.span.bytes) { return "dot segments left" }
        if resolved.first != 0x2F { return "resolved path without a slash" }
        let clean = self.written { _ = RequestTarget.writeClean(bytes.span.bytes, into: &$0) }
        return RequestTarget.isUnclean(clean.span.bytes) ? "unclean path left" : nil
    }

    /// Three ways of cutting that depend on nothing but the bytes.
    private static func cuts(_ bytes: [UInt8]) -> [[Int]] {
        let seed = bytes.reduce(into: UInt64(bytes.count)) { $0 = $0 &* 31 &+ UInt64($1) }
        var random = SeededGenerator(seed: seed)
        let everyByte = bytes.count <= 256 ? Array(bytes.indices) : []
        return [random.cuts(bytes.count, pieces: 1), random.cuts(bytes.count, pieces: 4), everyByte]
    }

    private static func written(_ body: (inout HeadWriter) -> Void) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
        defer { buffer.deallocate() }
        var writer = HeadWriter(buffer)
        body(&writer)
        return writer.hasOverflowed ? [] : Array(buffer[..<writer.count])
    }
}
