internal import ByteScan

/// Finds the `model` and `stream` fields of a `multipart/form-data` body (RFC 7578) that arrives in
/// pieces.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation: the boundary has at most 70 bytes (RFC 2046, 5.1.1), a
///   header line is looked at up to ``lineBytesMax``, a value up to ``valueBytesMax``.
struct MultipartScan: ~Copyable {
    /// A field of interest.
    enum Field {
        case model
        case stream
        /// The closing delimiter.
        case end
    }

    /// A field whose value is complete.
    struct Found {
        let field: Field
        /// The bytes of the value, counted from the start of the body.
        let range: Range<Int>
    }

    private enum Phase {
        /// In a preamble or a value. Exits: `delimiterEnd`.
        case content
        /// Behind a delimiter. Exits: `header`, `ended`.
        case delimiterEnd
        /// In a header line of a part. Exits: `header`, `content`.
        case header
        /// Behind the closing delimiter. Final.
        case ended
    }

    static let lineBytesMax = 512
    static let valueBytesMax = 512

    private var phase: Phase = .content
    private(set) var offset = 0
    /// CR LF, two hyphens, the boundary.
    private var delimiter: InlineArray<74, UInt8> = .init(repeating: 0)
    private var delimiterCount = 0
    /// How much of the delimiter has matched; a body begins as if behind a line end.
    private var matched = 2
    private var hyphens = 0
    private var field: Field?
    private var valueStart = 0
    // A header line, or a value together with the beginning of the delimiter behind it.
    private var buffer: InlineArray<586, UInt8> = .init(repeating: 0)
    private var bufferCount = 0
    private var valueCount = 0

    init() {}

    /// Prepares for a body with the boundary of a content type; false when there is none that RFC
    /// 2046 allows.
    mutating func restart(_ contentType: RawSpan) -> Bool {
        self.phase = .content
        self.offset = 0
        self.matched = 2
        self.field = nil
        self.bufferCount = 0
        guard let range = MediaType.parameter("boundary", in: contentType), 1...70 ~= range.count
        else { return false }
        self.delimiter[0] = UInt8(ascii: "\r")
        self.delimiter[1] = UInt8(ascii: "\n")
        self.delimiter[2] = UInt8(ascii: "-")
        self.delimiter[3] = UInt8(ascii: "-")
        self.delimiterCount = 4
        for index in range {
            let byte = contentType[index]
            guard byte != UInt8(ascii: "\r"), byte != UInt8(ascii: "\n") else { return false }
            self.delimiter[self.delimiterCount] = byte
            self.delimiterCount += 1
        }
        return true
    }

    /// The value found last; valid until the next call.
    var value: RawSpan {
        @_lifetime(borrow self)
        get {
            unsafe self.buffer.span.bytes.extracting(
                first: min(self.valueCount, Self.valueBytesMax))
        }
    }

    /// Whether the value found last was longer than ``valueBytesMax``.
    var isValueTruncated: Bool { self.valueCount > Self.valueBytesMax }

    /// Scans on until a field of interest is complete or the piece is used up (nil).
    mutating func next(_ piece: RawSpan, from position: inout Int) -> Found? {
        while position < piece.byteCount {
            if self.phase == .content, self.matched == 0, self.field == nil {
                // Only a CR can begin the delimiter: everything before it is passed over.
                let stop = ByteSearch.first(of: UInt8(ascii: "\r"), in: piece, from: position)
                self.offset += stop - position
                position = stop
                guard position < piece.byteCount else { return nil }
            }
            let byte = piece[position]
            position += 1
            self.offset += 1
            switch self.phase {
            case .content:
                if let found = self.takeContent(byte) { return found }
            case .delimiterEnd:
                if self.takeDelimiterEnd(byte) {
                    return Found(field: .end, range: self.offset..<self.offset)
                }
            case .header: self.takeHeader(byte)
            case .ended: break
            }
        }
        return nil
    }

    private mutating func takeContent(_ byte: UInt8) -> Found? {
        if self.field != nil, self.bufferCount < Self.valueBytesMax + self.delimiterCount {
            self.buffer[self.bufferCount] = byte
            self.bufferCount += 1
        }
        // The delimiter holds one CR, its first byte: after a mismatch a match can only begin anew.
        if byte != self.delimiter[self.matched] { self.matched = 0 }
        guard byte == self.delimiter[self.matched] else { return nil }
        self.matched += 1
        guard self.matched == self.delimiterCount else { return nil }
        self.matched = 0
        self.phase = .delimiterEnd
        self.hyphens = 0
        guard let field = self.field else { return nil }
        self.field = nil
        let end = self.offset - self.delimiterCount
        self.valueCount = end - self.valueStart
        return Found(field: field, range: self.valueStart..<end)
    }

    /// Reads what follows a delimiter up to its line end; true when it was the closing one.
    private mutating func takeDelimiterEnd(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"):
            self.hyphens += 1
            if self.hyphens == 2 { self.phase = .ended }
            return self.hyphens == 2
        case UInt8(ascii: "\n"):
            self.phase = .header
            self.bufferCount = 0
        case UInt8(ascii: "\r"), UInt8(ascii: " "), UInt8(ascii: "\t"): break
        default:
            // The boundary was only the beginning of a longer word: still content.
            self.phase = .content
        }
        return false
    }

    private mutating func takeHeader(_ byte: UInt8) {
        guard byte == UInt8(ascii: "\n") else {
            if self.bufferCount < Self.lineBytesMax {
                self.buffer[self.bufferCount] = byte
                self.bufferCount += 1
            }
            return
        }
        let line = unsafe self.buffer.span.bytes.extracting(first: self.bufferCount).trimmed
        if line.byteCount == 0 {
            self.phase = .content
            // An empty value has the line end of its headers before the delimiter and no other.
            self.matched = 0
            self.valueStart = self.offset
        } else if line.hasPrefix("content-disposition:", ignoringCase: true),
            let range = MediaType.parameter("name", in: line)
        {
            let name = line.extracting(range)
            if name.equals("model") { self.field = .model }
            if name.equals("stream") { self.field = .stream }
        }
        self.bufferCount = 0
    }
}
