import Domain

/// Appends bytes to memory that someone else owns, and remembers when it ran out instead of trapping.
///
/// - Isolation: single owner.
/// - Bounds: the memory given; after an overflow nothing more is written.
struct ByteAppender {
    private let start: UnsafeMutableRawPointer?
    private var cursor: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer
    /// Whether something did not fit.
    private(set) var isOverflowed = false

    /// Appends into `memory`, from its beginning.
    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.start = memory.baseAddress
        // An empty memory has no address; nothing is ever written there.
        self.cursor = memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
        self.end = self.cursor + memory.count
    }

    /// What was appended; nil after an overflow.
    var written: UnsafeRawBufferPointer? {
        guard let start = self.start, !self.isOverflowed else { return nil }
        return UnsafeRawBufferPointer(start: start, count: self.cursor - start)
    }

    private var room: Int { self.end - self.cursor }

    private mutating func overflow() { self.isOverflowed = true }

    /// Appends a literal.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        guard count <= self.room else { return self.overflow() }
        self.cursor.copyMemory(from: text.utf8Start, byteCount: count)
        self.cursor += count
    }

    /// Appends a comma, a name in quotes and a colon.
    mutating func append(key name: StaticString) {
        let count = name.utf8CodeUnitCount
        guard count + 4 <= self.room else { return self.overflow() }
        self.cursor.storeBytes(of: UInt16(littleEndian: 0x222C), as: UInt16.self)
        (self.cursor + 2).copyMemory(from: name.utf8Start, byteCount: count)
        self.cursor.storeBytes(of: UInt16(littleEndian: 0x3A22), toByteOffset: count + 2, as: UInt16.self)
        self.cursor += count + 4
    }

    /// Appends bytes as they are.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= self.room else { return self.overflow() }
        guard let source = bytes.baseAddress else { return }
        self.cursor.copyMemory(from: source, byteCount: bytes.count)
        self.cursor += bytes.count
    }

    /// Appends one byte.
    mutating func append(byte: UInt8) {
        guard self.room > 0 else { return self.overflow() }
        self.cursor.storeBytes(of: byte, as: UInt8.self)
        self.cursor += 1
    }

    /// Appends a whole number.
    mutating func append(decimal value: Int64) {
        if value < 0 { self.append(byte: UInt8(ascii: "-")) }
        self.append(magnitude: value.magnitude)
    }

    /// Appends a count of thousandths as a number with three decimals.
    mutating func append(thousandths value: Int64) {
        if value < 0 { self.append(byte: UInt8(ascii: "-")) }
        let (whole, part) = value.magnitude.quotientAndRemainder(dividingBy: 1_000)
        self.append(magnitude: whole)
        guard self.room >= 4 else { return self.overflow() }
        self.cursor.storeBytes(of: UInt8(ascii: "."), as: UInt8.self)
        self.cursor.storeBytes(of: 48 + UInt8(truncatingIfNeeded: part / 100), toByteOffset: 1, as: UInt8.self)
        self.cursor.storeBytes(of: 48 + UInt8(truncatingIfNeeded: part / 10 % 10), toByteOffset: 2, as: UInt8.self)
        self.cursor.storeBytes(of: 48 + UInt8(truncatingIfNeeded: part % 10), toByteOffset: 3, as: UInt8.self)
        self.cursor += 4
    }

    /// Appends 16 lower-case hexadecimal digits.
    mutating func append(hexadecimal value: UInt64) {
        guard self.room >= 16 else { return self.overflow() }
        for position in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * position)) & 0xF
            self.cursor.storeBytes(of: digit < 10 ? 48 + digit : 87 + digit, toByteOffset: position, as: UInt8.self)
        }
        self.cursor += 16
    }

    private mutating func append(magnitude value: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, value >= bound {
            digits += 1
            bound = digits < 20 ? bound * 10 : bound
        }
        guard digits <= self.room else { return self.overflow() }
        var rest = value
        for position in stride(from: digits - 1, through: 0, by: -1) {
            let quotient = rest / 10
            self.cursor.storeBytes(
                of: 48 + UInt8(truncatingIfNeeded: rest &- quotient &* 10), toByteOffset: position, as: UInt8.self)
            rest = quotient
        }
        self.cursor += digits
    }

    /// Appends a number in its shortest form; `null` for what JSON can't say.
    mutating func append(double value: Double) {
        guard value.isFinite else { return self.append("null") }
        var text = value.description
        text.withUTF8 { self.append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends a value of the control plane.
    mutating func append(value: LogValue) {
        switch value {
        case .string(var text):
            self.append("\"")
            text.withUTF8 { self.appendEscaped(UnsafeRawBufferPointer($0), limit: LogLine.fieldBytesMax) }
            self.append("\"")
        case .integer(let number): self.append(decimal: number)
        case .double(let number): self.append(double: number)
        case .boolean(let flag): self.append(flag ? "true" : "false")
        case .milliseconds(let time): self.append(thousandths: time.rawValue / 1_000)
        }
    }

    /// Appends text of a JSON string (RFC 8259 section 7), at most `limit` bytes of it.
    ///
    /// Quotes, backslashes and controls are escaped, well-formed UTF-8 is copied, and each maximal part of
    /// an ill-formed sequence (Unicode 3.9, table 3-7) becomes U+FFFD. A cut text ends in `…`.
    mutating func appendEscaped(_ text: UnsafeRawBufferPointer, limit: Int) {
        guard text.count > limit else { return self.appendEscaped(text) }
        var end = limit
        // Steps back over at most three continuation bytes, so no character is cut in two.
        while end > max(limit - 3, 0), text[end] & 0xC0 == 0x80 { end -= 1 }
        self.appendEscaped(UnsafeRawBufferPointer(rebasing: text[0..<end]))
        self.append("…")
    }

    private mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
        guard let source = text.baseAddress else { return }
        var position = 0
        while position < text.count {
            position = self.appendPlainWords(source, from: position, to: text.count)
            guard position < text.count else { return }
            let byte = text[position]
            if byte >= 0x80 {
                let (length, isWellFormed) = UTF8Sequence.length(text, at: position)
                if isWellFormed {
                    self.append(UnsafeRawBufferPointer(start: source + position, count: length))
                } else {
                    self.append("\u{FFFD}")
                }
                position += length
            } else {
                self.appendASCII(byte)
                position += 1
            }
            if self.isOverflowed { return }
        }
    }

    /// Copies eight bytes at a time as long as none needs care; returns how far it came.
    private mutating func appendPlainWords(_ source: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = start
        while end - position >= 8, self.room >= 8 {
            let word = source.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            guard Self.isPlain(word) else { return position }
            self.cursor.storeBytes(of: word, as: UInt64.self)
            self.cursor += 8
            position += 8
        }
        let rest = end - position
        // The last bytes go as a word too, over some that were copied just before.
        guard position > start, rest > 0, rest < 8, self.room >= 8 else { return position }
        let word = source.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self)
        guard Self.isPlain(word) else { return position }
        self.cursor.storeBytes(of: word, toByteOffset: rest - 8, as: UInt64.self)
        self.cursor += rest
        return end
    }

    /// Whether no byte is a control, a quote, a backslash or part of a multi-byte character.
    ///
    /// The classic zero-byte test on the word, once for each of the two characters and once for "below 32";
    /// a borrow can only make it report a byte too many, which costs time and nothing else.
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let found = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | word
        return found & highs == 0
    }

    private mutating func appendASCII(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.append("\\\"")
        case UInt8(ascii: "\\"): self.append("\\\\")
        case UInt8(ascii: "\n"): self.append("\\n")
        case UInt8(ascii: "\r"): self.append("\\r")
        case UInt8(ascii: "\t"): self.append("\\t")
        case 0..<0x20:
            self.append("\\u00")
            self.append(byte: byte >> 4 == 0 ? 48 : 49)
            let low = byte & 0xF
            self.append(byte: low < 10 ? 48 + low : 87 + low)
        default: self.append(byte: byte)
        }
    }
}

/// The lengths of UTF-8 sequences (Unicode 3.9, table 3-7).
enum UTF8Sequence {
    /// How many bytes from `position` belong together: a whole character, or the part of an ill-formed one
    /// that one U+FFFD stands for.
    static func length(_ text: UnsafeRawBufferPointer, at position: Int) -> (Int, isWellFormed: Bool) {
        let lead = text[position]
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: count = 4
        default: return (1, false)
        }
        for offset in 1..<count {
            guard position + offset < text.count else { return (offset, false) }
            guard (offset == 1 ? second : 0x80...0xBF).contains(text[position + offset]) else { return (offset, false) }
        }
        return (count, true)
    }
}
