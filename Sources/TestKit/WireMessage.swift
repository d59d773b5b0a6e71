/// One HTTP/1.1 message as it stood on the wire, read strictly: a framing fault is an error, never a guess.
public struct WireMessage: Equatable, Sendable {
    /// A header field in its own spelling.
    public struct Field: Equatable, Sendable {
        /// The name as sent.
        public let name: String
        /// The value without the blanks around it.
        public let value: String

        /// Pairs a name with its value.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Bytes that are no message.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// What is wrong with them.
        public let description: String
    }

    /// What decides where a body ends, beside the head itself (RFC 9112 section 6.3).
    public enum Kind: Equatable, Sendable {
        /// A request: no length means no body.
        case request
        /// An answer: no length means until the connection ends.
        case answer
        /// An answer to HEAD, which has no body.
        case answerToHead
    }

    /// The first line without its line end.
    public let startLine: String
    /// The header fields in the order they were sent.
    public let fields: [Field]
    /// The body after transfer coding.
    public let body: [UInt8]
    /// The contents of the chunks, when the body was chunked.
    public let chunks: [[UInt8]]
    /// The trailer fields.
    public let trailers: [Field]
    /// The bytes of the whole message on the wire.
    public let length: Int

    /// The status of an answer; 0 for a request.
    public var status: Int {
        let words = self.startLine.split(separator: " ")
        return words.count > 1 && self.startLine.hasPrefix("HTTP/") ? Int(words[1]) ?? 0 : 0
    }

    /// The body as text.
    public var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The values of every field of this name, in any case, in order.
    public func values(of name: String) -> [String] {
        let name = name.lowercased()
        return self.fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    /// The value of the first field of this name.
    public func value(of name: String) -> String? { self.values(of: name).first }

    /// Whether the message announces chunks.
    public var isChunked: Bool { self.value(of: "Transfer-Encoding")?.lowercased() == "chunked" }

    /// Reads the message at the start of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: what has come.
    ///   - kind: whose message it is.
    ///   - hasEnded: whether no byte follows, which ends an answer without a length.
    /// - Returns: the message, or nil while it is not complete.
    /// - Throws: ``Malformed``, also for a message that ends too early.
    public static func parse(_ bytes: ArraySlice<UInt8>, as kind: Kind, hasEnded: Bool = false) throws -> WireMessage? {
        guard let headEnd = self.find("\r\n\r\n", in: bytes, from: bytes.startIndex) else {
            guard !hasEnded || bytes.isEmpty else { throw Malformed(description: "the head is cut") }
            return nil
        }
        let lines = self.lines(bytes[bytes.startIndex..<headEnd])
        guard let startLine = lines.first else { throw Malformed(description: "no start line") }
        let fields = try lines.dropFirst().map(self.field)
        let head = WireMessage(
            startLine: startLine, fields: fields, body: [], chunks: [], trailers: [],
            length: headEnd + 4 - bytes.startIndex)
        let isBodiless =
            kind != .request
            && (kind == .answerToHead || head.status < 200 || head.status == 204 || head.status == 304)
        if isBodiless { return head }
        return try head.withBody(bytes[(headEnd + 4)...], of: kind, hasEnded: hasEnded)
    }

    private func withBody(_ bytes: ArraySlice<UInt8>, of kind: Kind, hasEnded: Bool) throws -> WireMessage? {
        if self.isChunked {
            guard let coded = try ChunkedBody.parse(bytes) else {
                guard !hasEnded else { throw Malformed(description: "the chunks are cut") }
                return nil
            }
            return self.with(
                body: coded.chunks.flatMap { $0 }, chunks: coded.chunks, trailers: try coded.trailers.map(Self.field),
                bytes: coded.length)
        }
        if let text = self.value(of: "Content-Length") {
            guard let count = Int(text), count >= 0 else { throw Malformed(description: "Content-Length \(text)") }
            guard bytes.count >= count else {
                guard !hasEnded else { throw Malformed(description: "the body is cut") }
                return nil
            }
            return self.with(body: Array(bytes.prefix(count)), bytes: count)
        }
        if kind == .request { return self }
        return hasEnded ? self.with(body: Array(bytes), bytes: bytes.count) : nil
    }

    private func with(
        body: [UInt8], chunks: [[UInt8]] = [], trailers: [Field] = [], bytes: Int
    ) -> WireMessage {
        WireMessage(
            startLine: self.startLine, fields: self.fields, body: body, chunks: chunks, trailers: trailers,
            length: self.length + bytes)
    }

    private static func field(_ line: String) throws -> Field {
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
            throw Malformed(description: "field line \"\(line)\"")
        }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return Field(name: String(line[..<colon]), value: String(value))
    }

    /// The lines of a head without the line end of the last one.
    private static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        var start = bytes.startIndex
        while true {
            let end = self.find("\r\n", in: bytes, from: start) ?? bytes.endIndex
            lines.append(String(decoding: bytes[start..<end], as: UTF8.self))
            guard end < bytes.endIndex else { return lines }
            start = end + 2
        }
    }

    /// Where `mark` begins at or after `start`.
    static func find(_ mark: String, in bytes: ArraySlice<UInt8>, from start: Int) -> Int? {
        let mark = Array(mark.utf8)
        var position = start
        while position + mark.count <= bytes.endIndex {
            guard let hit = bytes[position...].firstIndex(of: mark[0]), hit + mark.count <= bytes.endIndex else {
                return nil
            }
            if bytes[hit..<hit + mark.count].elementsEqual(mark) { return hit }
            position = hit + 1
        }
        return nil
    }
}

/// A body in chunked coding (RFC 9112 section 7.1).
private struct ChunkedBody {
    var chunks: [[UInt8]] = []
    var trailers: [String] = []
    var length = 0

    /// Reads the coding at the start of `bytes`; nil while it is not complete.
    static func parse(_ bytes: ArraySlice<UInt8>) throws -> ChunkedBody? {
        var body = ChunkedBody()
        var position = bytes.startIndex
        while true {
            guard let end = WireMessage.find("\r\n", in: bytes, from: position) else { return nil }
            let line = String(decoding: bytes[position..<end], as: UTF8.self)
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else {
                throw WireMessage.Malformed(description: "chunk size \"\(line)\"")
            }
            position = end + 2
            if size == 0 { break }
            guard position + size + 2 <= bytes.endIndex else { return nil }
            body.chunks.append(Array(bytes[position..<position + size]))
            position += size
            guard bytes[position..<position + 2].elementsEqual([13, 10]) else {
                throw WireMessage.Malformed(description: "no line end after a chunk")
            }
            position += 2
        }
        while true {
            guard let end = WireMessage.find("\r\n", in: bytes, from: position) else { return nil }
            let line = String(decoding: bytes[position..<end], as: UTF8.self)
            position = end + 2
            if line.isEmpty { break }
            body.trailers.append(line)
        }
        body.length = position - bytes.startIndex
        return body
    }
}
