/// Takes chunked coding apart, one event at a time, at whatever byte the input is cut (RFC 9112
/// section 7.1).
///
/// The decoder copies nothing: events carry offsets into the caller's buffer. Everything it moves
/// over that is neither ``ChunkEvent/skipped(_:)`` nor ``ChunkEvent/trailer(_:)`` is itself plain
/// chunked coding, so a relay towards a chunked peer forwards the bytes as they came and leaves
/// those ranges out.
///
/// ```swift
/// var from = 0
/// loop: while true {
///     switch decoder.next(bytes, from: &from) {
///     case .data(let range): observe(range)
///     case .skipped, .trailer: continue
///     case .needMore, .end, .refused: break loop
///     }
/// }
/// ```
///
/// Strict: sizes are hexadecimal digits followed at once by CRLF or `;`, lines end in CRLF,
/// extensions follow the grammar without white space outside quotes, trailers obey the rules of
/// field lines and never frame or route.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation; extensions and trailers by ``ChunkLimits``.
public struct ChunkedDecoder: Equatable, Sendable {
    /// What the next byte belongs to.
    enum Phase: Equatable {
        case sizeStart
        case size
        case extensionPart(ExtensionPart)
        case sizeReturn
        case sizeLineFeed
        case content
        case contentReturn
        case contentLineFeed
        case trailers
        case ended
        case refused(ChunkRefusal)
    }

    /// What an extension's next byte belongs to.
    enum ExtensionPart: Equatable {
        case semicolon
        case nameStart
        case name
        case valueStart
        case value
        case quoted
        case quotedPair
        case afterQuoted
    }

    var phase = Phase.sizeStart
    var remaining: UInt64 = 0
    var sizeDigits = 0
    var lineExtensionBytes = 0
    var excess: UInt64 = 0
    var trailerBytes = 0
    var trailersSeen = 0
    let limits: ChunkLimits

    /// Whether neither an extension nor a trailer has occurred, so that every byte so far may be
    /// forwarded.
    public internal(set) var isPlain = true

    /// The number of content bytes that have been delivered.
    public internal(set) var contentBytes: UInt64 = 0

    /// Creates a decoder at the beginning of a body.
    public init(limits: ChunkLimits = ChunkLimits()) {
        self.limits = limits
    }

    /// Whether the next byte begins a chunk, so that other whole chunks can be put between.
    ///
    /// Also true before the first chunk, and false after the last one.
    public var isAtChunkBoundary: Bool { self.phase == .sizeStart }

    /// Whether the body has ended.
    public var hasEnded: Bool { self.phase == .ended }

    /// The content bytes of the open chunk that have not been seen; 0 between chunks.
    public var openChunkBytes: UInt64 { self.remaining }
}

/// What stands next in a chunked body; all ranges are offsets into the buffer of the call.
public enum ChunkEvent: Equatable, Sendable {
    /// Content; never empty, and a chunk may come in several parts.
    case data(Range<Int>)
    /// A part of a chunk extension: it carries nothing and must not be forwarded.
    case skipped(Range<Int>)
    /// A trailer field.
    case trailer(TrailerField)
    /// The body has ended; the offset stands behind it.
    case end
    /// Everything usable was used. Bytes from the offset on must be shown again with more behind
    /// them.
    case needMore
    /// The coding is broken; the connection must be closed.
    case refused(ChunkRefusal)
}

/// A trailer field of a chunked body.
public struct TrailerField: Equatable, Sendable {
    /// The whole line with its CRLF.
    public let line: Range<Int>
    /// The name and the value.
    public let field: HeaderField
}

/// What chunked coding may cost beside the content.
public struct ChunkLimits: Equatable, Sendable {
    /// The longest extensions of one chunk in bytes.
    public let extensionBytesMax: Int
    /// The largest trailer section in bytes.
    public let trailerBytesMax: Int
    /// The largest number of trailer fields.
    public let trailersMax: Int

    /// Extensions may exceed what content pays for (twice its size and 16 bytes a chunk) by this
    /// much in a body.
    static let excessMax: UInt64 = 16_384

    /// Creates limits; a value outside its range is moved to the nearest bound.
    ///
    /// - Parameters:
    ///   - extensionBytesMax: 0 … 16,384.
    ///   - trailerBytesMax: 2 … 1 MiB; the final empty line counts.
    ///   - trailersMax: 0 … 256.
    public init(extensionBytesMax: Int = 256, trailerBytesMax: Int = 8192, trailersMax: Int = 64) {
        self.extensionBytesMax = min(max(extensionBytesMax, 0), 16_384)
        self.trailerBytesMax = min(max(trailerBytesMax, 2), 1024 * 1024)
        self.trailersMax = min(max(trailersMax, 0), 256)
    }
}

/// Why a chunked body is refused; after each of them the connection must be closed.
public enum ChunkRefusal: Equatable, Sendable, Error {
    /// The size does not begin with a digit.
    case missingSize
    /// The size holds something else than hexadecimal digits.
    case invalidSize
    /// The size has more than 16 digits or exceeds `Int.max`.
    case sizeTooLarge
    /// A size line ends in LF without CR, or a CR stands alone.
    case invalidLineEnd
    /// An extension breaks the grammar.
    case invalidExtension
    /// Extensions exceed their limits.
    case extensionTooLong
    /// Content is not followed by CRLF.
    case missingLineEnd
    /// The trailer section exceeds its limit.
    case trailersTooLarge
    /// A trailer field would frame or route the message (RFC 9110 section 6.5.1).
    case forbiddenTrailer
    /// A trailer field breaks a rule of field lines.
    case trailer(HeadRefusal)

    /// The status to answer a request with.
    public var status: UInt16 {
        switch self {
        case .trailersTooLarge: 431
        default: 400
        }
    }

    /// One clause for the log; it holds no byte of the message.
    public var reason: StaticString {
        switch self {
        case .missingSize: "chunk without a size"
        case .invalidSize: "malformed chunk size"
        case .sizeTooLarge: "chunk size too large"
        case .invalidLineEnd: "chunk size line does not end in CRLF"
        case .invalidExtension: "malformed chunk extension"
        case .extensionTooLong: "chunk extensions longer than the limit"
        case .missingLineEnd: "chunk does not end in CRLF"
        case .trailersTooLarge: "trailers larger than the limit"
        case .forbiddenTrailer: "trailer that would frame or route the message"
        case .trailer(let refusal): refusal.reason
        }
    }
}
