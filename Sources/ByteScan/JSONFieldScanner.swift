/// Finds the values of a few paths in a JSON document that arrives in pieces.
///
/// A push scanner: it holds no document, only where it stands, so a piece may end at any byte. It
/// checks the structure of RFC 8259 (brackets, commas, colons, literals) so that a value is never
/// reported from a place where it does not stand; it does not check number grammar, escapes,
/// control characters or UTF-8, which the endpoint judges anyway.
///
/// A name that occurs twice is reported twice. Names with escapes are decoded before they are
/// compared.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation; ``depthMax`` levels; ``textBytesMax`` bytes of a
///   captured string.
public struct JSONFieldScanner: ~Copyable {
    /// The deepest nesting that is followed; one level more is ``JSONScanEvent/malformed``.
    public static let depthMax = 128
    /// The longest captured string, in bytes as they stand in the document.
    public static let textBytesMax = TextCapture.bytesMax

    /// Where in the grammar the next byte stands.
    enum Phase: UInt8 {
        /// Before a value. Exits: `string`, `scalar`, `memberOrEnd`, `valueOrEnd`.
        case value
        /// After `[`. Exits: as `value`, or the array ends.
        case valueOrEnd
        /// After `{`. Exits: `name`, or the object ends.
        case memberOrEnd
        /// After a comma in an object. Exits: `name`.
        case member
        /// Inside a member name. Exits: `colon`, `nameEscape`.
        case name
        /// After a backslash in a name. Exits: `name`, `nameUnicode`.
        case nameEscape
        /// Inside the four digits of `\u` in a name. Exits: `name`.
        case nameUnicode
        /// After a name. Exits: `value`.
        case colon
        /// Inside a string value. Exits: `stringEscape`, value complete.
        case string
        /// After a backslash in a string value. Exits: `string`.
        case stringEscape
        /// Inside a number or literal. Exits: value complete.
        case scalar
        /// After a value in an object or array. Exits: `member`, `value`, or the container ends.
        case commaOrEnd
        /// Behind the document. Final.
        case ended
        /// Not JSON. Final.
        case malformed
    }

    private let pattern: JSONFieldPattern
    var phase: Phase = .value
    /// The document offset of the next byte.
    public private(set) var offset = 0

    // Nesting. Bit 0 of `objects` says whether the innermost container is an object. `trail` holds
    // one node per level, innermost lowest, for the outermost `trailDepth` levels: below them
    // nothing is looked for. A trail is one longer than the deepest path, for the document itself,
    // and so fits eight levels of one byte each.
    private var depth = 0
    private var objects: UInt128 = 0
    private var trailDepth = 0
    private var trail: UInt64 = 0
    private var starts: InlineArray<8, Int> = .init(repeating: 0)

    // The value at hand.
    private var node: UInt8 = JSONFieldPattern.root
    private var valueStart = 0
    private var capture = TextCapture()
    private var scalar = ScalarCapture()
    private var unicodeDigits: UInt8 = 0
    private var unicodeValue: UInt32 = 0

    /// Prepares a scan for the paths of a pattern.
    public init(_ pattern: JSONFieldPattern) { self.pattern = pattern }

    /// Forgets the document, so that the next byte begins another one at offset 0.
    @inline(__always)
    public mutating func reset() {
        self.phase = .value
        self.offset = 0
        self.depth = 0
        self.trailDepth = 0
        self.node = JSONFieldPattern.root
    }

    /// Whether the document is complete.
    public var hasEnded: Bool { self.phase == .ended }
    /// Whether scanning stopped at something that is not JSON.
    public var isMalformed: Bool { self.phase == .malformed }
    /// Whether the document has no byte yet but white space.
    public var isAtStart: Bool { self.depth == 0 && self.phase == .value }

    /// The bytes of the last captured string as they stand between its quotes, escapes included.
    ///
    /// Valid from its ``JSONScanEvent/value(_:)`` until the next call; cut at ``textBytesMax``.
    public var text: RawSpan {
        @_lifetime(borrow self)
        get { self.capture.bytes }
    }
    /// Whether the last captured string was longer than ``textBytesMax``.
    public var isTextTruncated: Bool { self.capture.isTruncated }
    /// The last number on a path, when it is an integer that fits; nil otherwise.
    public var integer: Int64? { self.scalar.integer }

    /// Scans on until something is found or the piece is used up.
    ///
    /// - Parameters:
    ///   - piece: bytes of the document; bytes before `position` are not looked at.
    ///   - position: where to begin; on return the first byte not yet used. Bytes behind the
    ///     document stay.
    /// - Returns: what was found; call again with the same piece until `needMore`, `end` or
    ///   `malformed`.
    public mutating func next(_ piece: RawSpan, from position: inout Int) -> JSONScanEvent {
        let origin = self.offset &- position
        var index = position
        let event = self.scan(piece, &index, origin)
        position = index
        self.offset = origin &+ index
        return event
    }

    /// Tells that no more bytes will come.
    ///
    /// A number or literal at the top level has no end of its own and is completed here.
    ///
    /// - Returns: `value` or `end` for a complete document, `malformed` for one that was cut.
    public mutating func finish() -> JSONScanEvent {
        if self.phase == .scalar, self.depth == 0 {
            guard let kind = self.scalar.kind else { return self.fail() }
            return self.complete(kind, at: self.offset) ?? .end
        }
        return self.phase == .ended ? .end : self.fail()
    }
}

extension JSONFieldScanner {
    private mutating func scan(_ piece: RawSpan, _ index: inout Int, _ origin: Int) -> JSONScanEvent {
        let end = piece.byteCount
        while index < end {
            let found: JSONScanEvent?
            switch self.phase {
            case .value, .valueOrEnd:
                found = self.beginValue(piece, &index, origin)
            case .memberOrEnd, .member:
                found = self.beginMember(piece, &index, origin)
            case .name:
                self.continueName(piece, &index)
                found = nil
            case .nameEscape, .nameUnicode:
                found = self.unescapeName(piece.byte(at: index))
                index &+= 1
            case .colon:
                found = self.expectColon(piece, &index)
            case .string:
                found = self.continueString(piece, &index, origin)
            case .stringEscape:
                if self.capturesText { self.capture.append(piece, index, index &+ 1) }
                self.phase = .string
                index &+= 1
                found = nil
            case .scalar:
                found = self.continueScalar(piece, &index, origin)
            case .commaOrEnd:
                found = self.afterValue(piece, &index, origin)
            case .ended: return .end
            case .malformed: return .malformed
            }
            if let found { return found }
        }
        switch self.phase {
        case .ended: return .end
        case .malformed: return .malformed
        default: return .needMore
        }
    }

    private mutating func fail() -> JSONScanEvent {
        self.phase = .malformed
        return .malformed
    }

    private var capturesText: Bool {
        @inline(__always) get { self.node != 0 && self.pattern.node(self.node).capturesText }
    }

    // MARK: Values

    /// Whether `null` and a separator stand here whole; chunks are full of nulls.
    @inline(__always)
    private static func isNull(_ piece: RawSpan, _ index: Int) -> Bool {
        guard index &+ 8 <= piece.byteCount else { return false }
        let word = piece.word(at: index)
        let separator = UInt8(truncatingIfNeeded: word &>> 32)
        return UInt32(truncatingIfNeeded: word) == 0x6c6c_756e
            && (separator == UInt8(ascii: ",") || separator == UInt8(ascii: "}"))
    }

    @inline(__always)
    private mutating func beginValue(
        _ piece: RawSpan, _ index: inout Int, _ origin: Int
    ) -> JSONScanEvent? {
        let byte = piece.byte(at: index)
        switch byte {
        case UInt8(ascii: "\""):
            self.valueStart = origin &+ index
            index &+= 1
            self.phase = .string
            if self.capturesText { self.capture.clear() }
            return self.continueString(piece, &index, origin)
        case UInt8(ascii: "{"):
            return self.open(isObject: true, &index, origin)
        case UInt8(ascii: "["):
            return self.open(isObject: false, &index, origin)
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
            index &+= 1
            return nil
        case UInt8(ascii: "]"):
            guard self.phase == .valueOrEnd else { return self.fail() }
            return self.close(isObject: false, &index, origin)
        default:
            guard self.scalar.begin(byte) else { return self.fail() }
            self.valueStart = origin &+ index
            if Self.isNull(piece, index) {
                index &+= 4
                return self.complete(.null, at: origin &+ index)
            }
            index &+= 1
            self.phase = .scalar
            return self.continueScalar(piece, &index, origin)
        }
    }

    @inline(__always)
    private mutating func continueString(
        _ piece: RawSpan, _ index: inout Int, _ origin: Int
    ) -> JSONScanEvent? {
        let start = index
        let end = piece.byteCount
        var cursor = index
        while true {
            cursor = ByteSearch.first(
                of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), in: piece, from: cursor)
            if cursor == end { break }
            if piece.byte(at: cursor) == UInt8(ascii: "\"") {
                if self.capturesText { self.capture.append(piece, start, cursor) }
                index = cursor &+ 1
                return self.complete(.string, at: origin &+ index)
            }
            cursor &+= 2
            if cursor >= end {
                if cursor > end { self.phase = .stringEscape }
                cursor = end
                break
            }
        }
        if self.capturesText { self.capture.append(piece, start, end) }
        index = end
        return nil
    }

    @inline(__always)
    private mutating func continueScalar(
        _ piece: RawSpan, _ index: inout Int, _ origin: Int
    ) -> JSONScanEvent? {
        let end = piece.byteCount
        var scalar = self.scalar
        while index < end, scalar.append(piece.byte(at: index)) { index &+= 1 }
        self.scalar = scalar
        guard index < end else { return nil }
        guard let kind = scalar.kind else { return self.fail() }
        return self.complete(kind, at: origin &+ index)
    }

    /// Ends the value at hand and tells of it when its path is asked for.
    @inline(__always)
    private mutating func complete(_ kind: JSONValueKind, at end: Int) -> JSONScanEvent? {
        self.phase = self.depth == 0 ? .ended : .commaOrEnd
        guard self.node != 0 else { return nil }
        let field = self.pattern.node(self.node).field
        guard field != 0 else { return nil }
        return .value(JSONField(field: field, kind: kind, start: self.valueStart, end: end))
    }

    // MARK: Containers

    private mutating func open(isObject: Bool, _ index: inout Int, _ origin: Int) -> JSONScanEvent? {
        guard self.depth < Self.depthMax else { return self.fail() }
        let start = origin &+ index
        index &+= 1
        self.objects = self.objects &<< 1 | (isObject ? 1 : 0)
        self.phase = isObject ? .memberOrEnd : .valueOrEnd
        let node = self.node
        let known = self.pattern.node(node)
        if node != 0 {
            // What is looked for lies in a container that is itself on the trail.
            assert(self.trailDepth == self.depth, "a gap in the trail")
            self.starts[self.trailDepth & 7] = start
            self.trail = self.trail &<< 8 | UInt64(node)
            self.trailDepth &+= 1
        }
        self.depth &+= 1
        self.node = isObject ? 0 : known.firstElement
        guard known.field != 0 else { return nil }
        return .opened(
            JSONField(
                field: known.field, kind: isObject ? .object : .array, start: start,
                end: origin &+ index))
    }

    private mutating func close(isObject: Bool, _ index: inout Int, _ origin: Int) -> JSONScanEvent? {
        guard self.depth > 0, (self.objects & 1 == 1) == isObject else { return self.fail() }
        index &+= 1
        if self.trailDepth == self.depth {
            self.node = UInt8(truncatingIfNeeded: self.trail)
            self.trail &>>= 8
            self.trailDepth &-= 1
            self.valueStart = self.starts[self.trailDepth & 7]
        } else {
            self.node = 0
        }
        self.depth &-= 1
        self.objects &>>= 1
        return self.complete(isObject ? .object : .array, at: origin &+ index)
    }

    /// The node of the innermost container, 0 when nothing is looked for in it.
    private var container: UInt8 {
        @inline(__always) get {
            self.trailDepth == self.depth ? UInt8(truncatingIfNeeded: self.trail) : 0
        }
    }

    @inline(__always)
    private mutating func afterValue(
        _ piece: RawSpan, _ index: inout Int, _ origin: Int
    ) -> JSONScanEvent? {
        switch piece.byte(at: index) {
        case UInt8(ascii: ","):
            index &+= 1
            if self.objects & 1 == 1 {
                self.phase = .member
                guard index < piece.byteCount else { return nil }
                return self.beginMember(piece, &index, origin)
            }
            self.phase = .value
            self.node = self.pattern.node(self.container).otherElement
            return nil
        case UInt8(ascii: "}"):
            return self.close(isObject: true, &index, origin)
        case UInt8(ascii: "]"):
            return self.close(isObject: false, &index, origin)
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
            index &+= 1
            return nil
        default:
            return self.fail()
        }
    }

    // MARK: Member names

    @inline(__always)
    private mutating func beginMember(
        _ piece: RawSpan, _ index: inout Int, _ origin: Int
    ) -> JSONScanEvent? {
        switch piece.byte(at: index) {
        case UInt8(ascii: "\""):
            index &+= 1
            self.wholeName(piece, &index)
            return nil
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
            index &+= 1
            return nil
        case UInt8(ascii: "}"):
            guard self.phase == .memberOrEnd else { return self.fail() }
            return self.close(isObject: true, &index, origin)
        default:
            return self.fail()
        }
    }

    /// Takes a name that lies whole and unescaped in the piece, and its colon; otherwise begins the
    /// slow way.
    @inline(__always)
    private mutating func wholeName(_ piece: RawSpan, _ index: inout Int) {
        let start = index
        let end = piece.byteCount
        let stop = ByteSearch.first(
            of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), in: piece, from: start)
        guard stop < end, piece.byte(at: stop) == UInt8(ascii: "\"") else {
            self.capture.clear()
            self.capture.append(piece, start, stop)
            self.phase = .name
            index = stop
            return
        }
        let container = self.container
        self.node =
            container == 0
            ? 0 : self.pattern.member(of: container, in: piece, start: start, length: stop &- start)
        index = stop &+ 1
        self.phase = .colon
        if index < end, piece.byte(at: index) == UInt8(ascii: ":") {
            index &+= 1
            self.phase = .value
        }
    }

    /// Collects a name that is cut or has escapes, decoded, in the text buffer.
    private mutating func continueName(_ piece: RawSpan, _ index: inout Int) {
        let stop = ByteSearch.first(
            of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), in: piece, from: index)
        self.capture.append(piece, index, stop)
        index = stop
        guard stop < piece.byteCount else { return }
        index &+= 1
        guard piece.byte(at: stop) == UInt8(ascii: "\"") else {
            self.phase = .nameEscape
            return
        }
        let name = self.capture.bytes
        self.node = self.pattern.member(
            of: self.container, in: name, start: 0, length: name.byteCount)
        self.phase = .colon
    }

    /// Decodes one byte of an escape in a name; what no path can hold becomes a zero byte.
    private mutating func unescapeName(_ byte: UInt8) -> JSONScanEvent? {
        if self.phase == .nameEscape {
            self.phase = .name
            if byte == UInt8(ascii: "u") {
                self.phase = .nameUnicode
                self.unicodeDigits = 0
                self.unicodeValue = 0
                return nil
            }
            guard let decoded = JSONText.unescaped(byte) else { return self.fail() }
            self.capture.append(decoded)
            return nil
        }
        guard let digit = JSONText.hexDigit(byte) else { return self.fail() }
        self.unicodeValue = self.unicodeValue &<< 4 | UInt32(digit)
        self.unicodeDigits &+= 1
        guard self.unicodeDigits == 4 else { return nil }
        self.capture.append(self.unicodeValue < 0x80 ? UInt8(self.unicodeValue) : 0)
        self.phase = .name
        return nil
    }

    @inline(__always)
    private mutating func expectColon(_ piece: RawSpan, _ index: inout Int) -> JSONScanEvent? {
        switch piece.byte(at: index) {
        case UInt8(ascii: ":"):
            index &+= 1
            self.phase = .value
            return nil
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
            index &+= 1
            return nil
        default:
            return self.fail()
        }
    }
}
