import HTTPWire
import SeededRandomness

/// A parsed request as plain values, so that two ways of feeding it can be compared.
struct RequestSnapshot: Equatable {
    var length: Int
    var method: String
    var known: RequestMethod
    var target: String
    var form: TargetForm
    var path: String
    var query: String?
    var host: String?
    var version: MinorVersion
    var framing: BodyFraming
    var keepsAlive: Bool
    var expectsContinue: Bool
    var fields: [FieldSnapshot]

    init(_ head: borrowing RequestHead, _ bytes: [UInt8], length: Int) {
        self.length = length
        self.method = text(bytes, head.methodRange)
        self.known = head.method
        self.target = text(bytes, head.target)
        self.form = head.targetForm
        self.path = text(bytes, head.path)
        self.query = head.query.map { text(bytes, $0) }
        self.host = head.host.map { text(bytes, $0) }
        self.version = head.version
        self.framing = head.framing
        self.keepsAlive = head.keepsAlive
        self.expectsContinue = head.expectsContinue
        self.fields = []
        for index in head.fields.indices {
            self.fields.append(FieldSnapshot(head.fields[index], bytes))
        }
    }
}

/// A parsed response as plain values.
struct ResponseSnapshot: Equatable {
    var length: Int
    var status: UInt16
    var reason: String
    var version: MinorVersion
    var framing: BodyFraming
    var declaredLength: UInt64?
    var keepsAlive: Bool
    var isInterim: Bool
    var fields: [FieldSnapshot]

    init(_ head: borrowing ResponseHead, _ bytes: [UInt8], length: Int) {
        self.length = length
        self.status = head.status
        self.reason = text(bytes, head.reason)
        self.version = head.version
        self.framing = head.framing
        self.declaredLength = head.declaredLength
        self.keepsAlive = head.keepsAlive
        self.isInterim = head.isInterim
        self.fields = []
        for index in head.fields.indices {
            self.fields.append(FieldSnapshot(head.fields[index], bytes))
        }
    }
}

/// A field as plain values.
struct FieldSnapshot: Equatable {
    var name: String
    var value: String
    var known: KnownHeader
    var isNamedByConnection: Bool

    init(_ field: HeaderField, _ bytes: [UInt8]) {
        self.name = text(bytes, field.name)
        self.value = text(bytes, field.value)
        self.known = field.known
        self.isNamedByConnection = field.isNamedByConnection
    }
}

/// What came of a head.
enum Verdict<Snapshot: Equatable>: Equatable {
    case incomplete
    case complete(Snapshot)
    case refused(HeadRefusal)

    var refusal: HeadRefusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }

    var snapshot: Snapshot? {
        if case .complete(let snapshot) = self { snapshot } else { nil }
    }
}

/// The bytes of a range; each becomes one character, so that nothing is lost to UTF-8 repair.
func text(_ bytes: [UInt8], _ range: Range<Int>) -> String {
    String(String.UnicodeScalarView(bytes[range].map { Unicode.Scalar($0) }))
}

/// The bytes of a text whose characters are all below U+0100.
func latin1(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// Feeds growing prefixes of a request, each in a buffer of exactly its size.
///
/// Fresh buffers show that nothing is remembered but offsets, and let a sanitizer see a read past
/// the end.
func parseRequest(
    _ bytes: [UInt8], cuts: [Int] = [], limits: HeadLimits = HeadLimits()
) -> Verdict<RequestSnapshot> {
    var head = RequestHead(fieldCapacity: 0)
    for cut in cuts + [bytes.count] {
        let prefix = Array(bytes[..<cut])
        switch head.parse(prefix.span.bytes, limits: limits) {
        case .incomplete: continue
        case .complete(let length):
            return .complete(RequestSnapshot(head, prefix, length: length))
        case .refused(let refusal): return .refused(refusal)
        }
    }
    return .incomplete
}

/// Feeds growing prefixes of a response, as ``parseRequest(_:cuts:limits:)`` does for a request.
func parseResponse(
    _ bytes: [UInt8], cuts: [Int] = [], limits: HeadLimits = HeadLimits(),
    method: RequestMethod = .get
) -> Verdict<ResponseSnapshot> {
    var head = ResponseHead(fieldCapacity: 0)
    for cut in cuts + [bytes.count] {
        let prefix = Array(bytes[..<cut])
        switch head.parse(prefix.span.bytes, limits: limits, method: method) {
        case .incomplete: continue
        case .complete(let length):
            return .complete(ResponseSnapshot(head, prefix, length: length))
        case .refused(let refusal): return .refused(refusal)
        }
    }
    return .incomplete
}

/// The result of decoding a whole chunked body.
struct ChunkedResult: Equatable {
    enum End: Equatable {
        case ended(leftOver: Int)
        case needMore
        case refused(ChunkRefusal)
    }

    var content: [UInt8] = []
    var trailers: [FieldLineSnapshot] = []
    /// What a relay would forward: everything but extensions and trailers.
    var forwarded: [UInt8] = []
    var isPlain = true
    var end = End.needMore
}

/// A trailer as plain values.
struct FieldLineSnapshot: Equatable {
    var name: String
    var value: String
}

/// Decodes a chunked body that arrives in the given pieces, keeping back what the decoder did not
/// use.
func decodeChunked(
    _ bytes: [UInt8], cuts: [Int] = [], limits: ChunkLimits = ChunkLimits()
) -> ChunkedResult {
    var decoder = ChunkedDecoder(limits: limits)
    var result = ChunkedResult()
    var unread = 0
    for cut in cuts + [bytes.count] {
        let piece = Array(bytes[unread..<cut])
        var from = 0
        feeding: while true {
            let start = from
            switch decoder.next(piece.span.bytes, from: &from) {
            case .data(let range):
                result.content += piece[range]
                result.forwarded += piece[start..<from]
            case .skipped(let range):
                result.forwarded += piece[start..<range.lowerBound]
            case .trailer(let trailer):
                let name = text(piece, trailer.field.name)
                let value = text(piece, trailer.field.value)
                result.trailers.append(FieldLineSnapshot(name: name, value: value))
                result.forwarded += piece[start..<trailer.line.lowerBound]
            case .end:
                result.forwarded += piece[start..<from]
                result.isPlain = decoder.isPlain
                result.end = .ended(leftOver: bytes.count - unread - from)
                return result
            case .needMore:
                result.forwarded += piece[start..<from]
                break feeding
            case .refused(let refusal):
                result.isPlain = decoder.isPlain
                result.end = .refused(refusal)
                return result
            }
        }
        unread += from
    }
    result.isPlain = decoder.isPlain
    return result
}

extension SeededGenerator {
    /// Whether an event with the given chance in percent happens.
    mutating func happens(percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self) < percent
    }

    /// Rising cut points that divide `count` bytes into random pieces.
    mutating func cuts(_ count: Int, pieces: Int) -> [Int] {
        guard count > 0 else { return [] }
        return (0..<pieces).map { _ in Int.random(in: 0...count, using: &self) }.sorted()
    }
}
