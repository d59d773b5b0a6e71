/// Takes a Server-Sent Events stream apart, as WHATWG HTML section 9.2.6 lays down.
///
/// A push splitter that copies nothing: a field value that is cut by the end of a piece is yielded
/// in fragments, so a consumer that can itself be resumed (``JSONFieldScanner``) needs no buffer,
/// however long the line. Lines end with LF, CRLF or CR; a byte order mark at the start is skipped;
/// comments and unknown fields yield nothing; one space after the colon is dropped.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation; what is longer than `lineBytesMax` in one line is
///   skipped and counted.
public struct SSESplitter: Sendable {
    /// The name of a field.
    public enum Field: UInt8, Sendable {
        /// `data`
        case data
        /// `event`
        case event
        /// `error`: not of the standard; older llama.cpp servers report a failure so.
        case error
    }

    /// What was found in a piece.
    public enum Event: Equatable, Sendable {
        /// A fragment of a field's value, as offsets into the piece; `endsLine` marks the last one
        /// of its line.
        ///
        /// The fragment may be empty: an empty value, or a line end that opens a piece.
        case field(Field, Range<Int>, endsLine: Bool)
        /// An empty line: the event is complete.
        case boundary
        /// The line at hand is longer than the limit; the rest of it is skipped.
        case overlongLine
        /// The piece is used up.
        case needMore
    }

    private enum Phase: UInt8 {
        /// At the first byte of a line. Exits: `name`, `skip`, or an empty line.
        case lineStart
        /// Inside a field name. Exits: `space`, `skip`, `lineStart`.
        case name
        /// Behind the colon, where one space is dropped. Exits: `value`.
        case space
        /// Inside the value of a known field. Exits: `lineStart`, `skip`.
        case value
        /// In a line of no interest. Exits: `lineStart`.
        case skip
    }

    /// The longest line that is looked at in full, unless the caller says otherwise: 1 MiB.
    public static let lineBytesMax = 1 << 20

    private let lineBytesMax: Int
    private var phase: Phase = .lineStart
    private var field: Field = .data
    private var skipsLineFeed = false
    private var markBytesSeen: UInt8 = 0
    private var name: UInt64 = 0
    private var nameLength = 0
    private var lineBytes = 0
    private var hasOpenEvent = false
    /// How many lines were longer than the limit.
    public private(set) var overlongLines = 0

    /// Prepares for a stream.
    ///
    /// - Parameter lineBytesMax: the longest field value that is yielded in full.
    public init(lineBytesMax: Int = SSESplitter.lineBytesMax) { self.lineBytesMax = lineBytesMax }

    /// Whether the bytes so far end where an event ends, so that another event could follow at
    /// once.
    public var isBetweenEvents: Bool { self.phase == .lineStart && !self.hasOpenEvent }

    /// Whether the next byte is the first of an event and nothing of the bytes so far matters to
    /// it: unlike ``isBetweenEvents`` not where a line feed or a byte order mark may still belong to
    /// what has gone before.
    public var isAtEventStart: Bool {
        self.isBetweenEvents && !self.skipsLineFeed && self.markBytesSeen == 3
    }

    /// Splits on until something is found or the piece is used up.
    ///
    /// - Parameters:
    ///   - piece: bytes of the stream; bytes before `position` are not looked at.
    ///   - position: where to begin; on return the first byte not yet used.
    /// - Returns: what was found; call again with the same piece until `needMore`.
    public mutating func next(_ piece: RawSpan, from position: inout Int) -> Event {
        while position < piece.byteCount {
            switch self.phase {
            case .lineStart:
                if let event = self.beginLine(piece, &position) { return event }
            case .name:
                if let event = self.continueName(piece, &position) { return event }
            case .space:
                if piece.byte(at: position) == UInt8(ascii: " ") { position &+= 1 }
                self.phase = .value
                if position == piece.byteCount { return .needMore }
                return self.continueValue(piece, &position)
            case .value:
                return self.continueValue(piece, &position)
            case .skip:
                position = Self.lineEnd(in: piece, from: position)
                if position < piece.byteCount { self.endLine(piece, &position) }
            }
        }
        return .needMore
    }

    private static func lineEnd(in piece: RawSpan, from start: Int) -> Int {
        ByteSearch.first(of: UInt8(ascii: "\n"), or: UInt8(ascii: "\r"), in: piece, from: start)
    }

    /// Steps over the line end at `position`.
    @inline(__always)
    private mutating func endLine(_ piece: RawSpan, _ position: inout Int) {
        let byte = piece.byte(at: position)
        position &+= 1
        self.phase = .lineStart
        self.lineBytes = 0
        self.markBytesSeen = 3
        guard byte == UInt8(ascii: "\r") else { return }
        if position < piece.byteCount {
            if piece.byte(at: position) == UInt8(ascii: "\n") { position &+= 1 }
        } else {
            self.skipsLineFeed = true
        }
    }

    @inline(__always)
    private mutating func beginLine(_ piece: RawSpan, _ position: inout Int) -> Event? {
        let byte = piece.byte(at: position)
        if self.skipsLineFeed {
            self.skipsLineFeed = false
            if byte == UInt8(ascii: "\n") {
                position &+= 1
                return nil
            }
        }
        if self.markBytesSeen < 3, self.isByteOrderMark(byte) {
            position &+= 1
            return nil
        }
        switch byte {
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            self.endLine(piece, &position)
            self.hasOpenEvent = false
            return .boundary
        case UInt8(ascii: ":"):
            self.hasOpenEvent = true
            self.phase = .skip
            return nil
        default:
            self.hasOpenEvent = true
            if position &+ 8 <= piece.byteCount,
                piece.word(at: position, count: 5) == Self.dataColon
            {
                position &+= 5
                self.field = .data
                if piece.byte(at: position) == UInt8(ascii: " ") { position &+= 1 }
                self.phase = .value
                return position < piece.byteCount ? self.continueValue(piece, &position) : .needMore
            }
            self.phase = .name
            self.name = 0
            self.nameLength = 0
            return self.continueName(piece, &position)
        }
    }

    /// Whether the byte continues a mark of which `markBytesSeen` bytes have been seen.
    private mutating func isByteOrderMark(_ byte: UInt8) -> Bool {
        let mark: (UInt8, UInt8, UInt8) = (0xef, 0xbb, 0xbf)
        let wanted = self.markBytesSeen == 0 ? mark.0 : self.markBytesSeen == 1 ? mark.1 : mark.2
        guard byte == wanted else {
            self.markBytesSeen = 3
            return false
        }
        self.markBytesSeen &+= 1
        return true
    }

    private mutating func continueName(_ piece: RawSpan, _ position: inout Int) -> Event? {
        while position < piece.byteCount {
            let byte = piece.byte(at: position)
            switch byte {
            case UInt8(ascii: ":"):
                position &+= 1
                self.phase = self.selectField() ? .space : .skip
                return nil
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                // A line without a colon is a field with an empty value.
                let isKnown = self.selectField()
                let start = position
                self.endLine(piece, &position)
                return isKnown ? .field(self.field, start..<start, endsLine: true) : nil
            default:
                position &+= 1
                self.name = self.name &<< 8 | UInt64(byte)
                self.nameLength &+= 1
                if self.nameLength > 5 {
                    self.phase = .skip
                    return nil
                }
            }
        }
        return nil
    }

    private mutating func selectField() -> Bool {
        switch (self.nameLength, self.name) {
        case (4, 0x6461_7461): self.field = .data
        case (5, 0x65_7665_6e74): self.field = .event
        case (5, 0x65_7272_6f72): self.field = .error
        default: return false
        }
        return true
    }

    /// `data:` as a word, first byte lowest.
    private static var dataColon: UInt64 { 0x3a_6174_6164 }

    @inline(__always)
    private mutating func continueValue(_ piece: RawSpan, _ position: inout Int) -> Event {
        let start = position
        let end = Self.lineEnd(in: piece, from: start)
        let room = self.lineBytesMax &- self.lineBytes
        if end &- start > room {
            // What fits is yielded first, so that the outcome does not depend on where pieces end.
            position = start &+ room
            self.lineBytes = self.lineBytesMax
            if room > 0 { return .field(self.field, start..<position, endsLine: false) }
            self.phase = .skip
            self.overlongLines &+= 1
            return .overlongLine
        }
        self.lineBytes &+= end &- start
        position = end
        guard end < piece.byteCount else { return .field(self.field, start..<end, endsLine: false) }
        self.endLine(piece, &position)
        return .field(self.field, start..<end, endsLine: true)
    }
}
