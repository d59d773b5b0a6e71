/// Takes newline-delimited JSON apart into lines.
///
/// A push splitter that copies nothing: a line that is cut by the end of a piece is yielded in
/// fragments. Lines end with LF; a CR before it is white space to JSON and stays.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation; what is longer than `lineBytesMax` in one line is
///   skipped and counted.
public struct NDJSONSplitter: Sendable {
    /// What was found in a piece.
    public enum Event: Equatable, Sendable {
        /// A fragment of a line, as offsets into the piece; `endsLine` marks the last one of its
        /// line.
        case line(Range<Int>, endsLine: Bool)
        /// The line at hand is longer than the limit; the rest of it is skipped.
        case overlongLine
        /// The piece is used up.
        case needMore
    }

    /// The longest line that is looked at in full, unless the caller says otherwise: 1 MiB.
    public static let lineBytesMax = 1 << 20

    private let lineBytesMax: Int
    private var lineBytes = 0
    private var skips = false
    /// How many lines were longer than the limit.
    public private(set) var overlongLines = 0

    /// Prepares for a stream.
    ///
    /// - Parameter lineBytesMax: the longest line that is yielded in full.
    public init(lineBytesMax: Int = NDJSONSplitter.lineBytesMax) {
        self.lineBytesMax = lineBytesMax
    }

    /// Whether the bytes so far end where a line ends, so that another line could follow at once.
    public var isBetweenLines: Bool { self.lineBytes == 0 && !self.skips }

    /// Splits on until something is found or the piece is used up.
    ///
    /// - Parameters:
    ///   - piece: bytes of the stream; bytes before `position` are not looked at.
    ///   - position: where to begin; on return the first byte not yet used.
    /// - Returns: what was found; call again with the same piece until `needMore`.
    public mutating func next(_ piece: RawSpan, from position: inout Int) -> Event {
        while position < piece.byteCount {
            let start = position
            let end = ByteSearch.first(of: UInt8(ascii: "\n"), in: piece, from: start)
            let endsLine = end < piece.byteCount
            if self.skips {
                position = endsLine ? end &+ 1 : end
                self.skips = !endsLine
                continue
            }
            let room = self.lineBytesMax &- self.lineBytes
            if end &- start > room {
                // What fits is yielded first, so that the outcome does not depend on where pieces
                // end.
                position = start &+ room
                self.lineBytes = self.lineBytesMax
                if room > 0 { return .line(start..<position, endsLine: false) }
                self.overlongLines &+= 1
                self.skips = true
                self.lineBytes = 0
                return .overlongLine
            }
            position = endsLine ? end &+ 1 : end
            self.lineBytes = endsLine ? 0 : self.lineBytes &+ (end &- start)
            return .line(start..<end, endsLine: endsLine)
        }
        return .needMore
    }
}
