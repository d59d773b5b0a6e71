/// Reads and writes the text between the quotes of a JSON string (RFC 8259, section 7).
public enum JSONText {
    /// Returns the byte an escape letter stands for; nil for `u` and for letters JSON does not
    /// know.
    @inline(__always)
    static func unescaped(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// Returns the value of a hexadecimal digit.
    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }

    /// Whether the text, after decoding its escapes, equals an ASCII constant.
    ///
    /// - Parameters:
    ///   - text: the bytes between the quotes as they stand in the document.
    ///   - constant: what to compare with.
    /// - Returns: false also when an escape is broken.
    public static func equals(_ text: RawSpan, _ constant: StaticString) -> Bool {
        let count = constant.utf8CodeUnitCount
        guard text.byteCount >= count else { return false }
        var reader = UnescapingReader(text)
        for index in 0..<count {
            let wanted = unsafe constant.utf8Start[index]
            guard reader.next() == wanted else { return false }
        }
        return reader.next() == nil && !reader.isBroken
    }

    /// Decodes the escapes of a text.
    ///
    /// - Parameters:
    ///   - text: the bytes between the quotes as they stand in the document.
    ///   - buffer: receives the decoded bytes, which are never more than the text has.
    /// - Returns: the number of bytes; nil when an escape is broken or stands for half a surrogate
    ///   pair, or the buffer is too small.
    public static func unescape(_ text: RawSpan, into buffer: inout MutableSpan<UInt8>) -> Int? {
        var reader = UnescapingReader(text)
        var count = 0
        while let byte = reader.next() {
            guard count < buffer.count else { return nil }
            buffer[count] = byte
            count &+= 1
        }
        return reader.isBroken ? nil : count
    }

    /// Appends a JSON string with its quotes, escaping what RFC 8259 demands (quote, backslash,
    /// control characters).
    public static func appendQuoted(_ text: String, to buffer: inout [UInt8]) {
        buffer.reserveCapacity(buffer.count + text.utf8.count + 2)
        buffer.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(byte)
            case 0x0a: buffer.append(contentsOf: "\\n".utf8)
            case 0x0d: buffer.append(contentsOf: "\\r".utf8)
            case 0x09: buffer.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                buffer.append(contentsOf: "\\u00".utf8)
                buffer.append(Self.hexLetter(byte >> 4))
                buffer.append(Self.hexLetter(byte & 15))
            default: buffer.append(byte)
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }

    private static func hexLetter(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// Reads a whole text as a decimal integer: an optional minus and digits, nothing else.
    ///
    /// - Returns: nil when it is something else, or does not fit.
    public static func integer(_ text: RawSpan) -> Int64? {
        var scalar = ScalarCapture()
        guard text.byteCount > 0, scalar.begin(text.byte(at: 0)) else { return nil }
        for index in 1..<max(text.byteCount, 1) {
            guard scalar.append(text.byte(at: index)) else { return nil }
        }
        return scalar.integer
    }
}

/// Yields the decoded bytes of a JSON string one at a time.
struct UnescapingReader: ~Copyable, ~Escapable {
    private let text: RawSpan
    private var index = 0
    /// UTF-8 bytes of a decoded `\u` escape that are still to be delivered, next one lowest.
    private var pending: UInt32 = 0
    private var pendingCount = 0
    /// Whether reading stopped at a broken escape.
    private(set) var isBroken = false

    @_lifetime(copy text)
    @inline(__always)
    init(_ text: RawSpan) { self.text = text }

    @inline(__always)
    mutating func next() -> UInt8? {
        if self.pendingCount > 0 { return self.takePending() }
        guard self.index < self.text.byteCount else { return nil }
        let byte = self.text.byte(at: self.index)
        self.index &+= 1
        return byte == UInt8(ascii: "\\") ? self.escape() : byte
    }

    private mutating func takePending() -> UInt8 {
        let byte = UInt8(truncatingIfNeeded: self.pending)
        self.pending &>>= 8
        self.pendingCount &-= 1
        return byte
    }

    private mutating func fail() -> UInt8? {
        self.isBroken = true
        self.index = self.text.byteCount
        return nil
    }

    private mutating func escape() -> UInt8? {
        guard self.index < self.text.byteCount else { return self.fail() }
        let letter = self.text.byte(at: self.index)
        self.index &+= 1
        guard letter == UInt8(ascii: "u") else { return JSONText.unescaped(letter) ?? self.fail() }
        guard var code = self.fourDigits() else { return self.fail() }
        if 0xd800..<0xdc00 ~= code {
            guard self.index &+ 2 <= self.text.byteCount,
                self.text.byte(at: self.index) == UInt8(ascii: "\\"),
                self.text.byte(at: self.index &+ 1) == UInt8(ascii: "u")
            else { return self.fail() }
            self.index &+= 2
            guard let low = self.fourDigits(), 0xdc00..<0xe000 ~= low else { return self.fail() }
            code = 0x1_0000 &+ (code &- 0xd800) &<< 10 &+ (low &- 0xdc00)
        }
        guard !(0xdc00..<0xe000 ~= code) else { return self.fail() }
        return self.deliver(code)
    }

    /// Encodes a code point in UTF-8 and returns its first byte.
    private mutating func deliver(_ code: UInt32) -> UInt8 {
        let tail = 0x80 | code & 0x3f
        switch code {
        case 0..<0x80:
            self.pending = code
            self.pendingCount = 1
        case 0x80..<0x800:
            self.pending = 0xc0 | code &>> 6 | tail &<< 8
            self.pendingCount = 2
        case 0x800..<0x1_0000:
            self.pending = 0xe0 | code &>> 12 | (0x80 | code &>> 6 & 0x3f) &<< 8 | tail &<< 16
            self.pendingCount = 3
        default:
            self.pending = 0xf0 | code &>> 18 | (0x80 | code &>> 12 & 0x3f) &<< 8
            self.pending |= (0x80 | code &>> 6 & 0x3f) &<< 16 | tail &<< 24
            self.pendingCount = 4
        }
        return self.takePending()
    }

    private mutating func fourDigits() -> UInt32? {
        guard self.index &+ 4 <= self.text.byteCount else { return nil }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = JSONText.hexDigit(self.text.byte(at: self.index)) else { return nil }
            value = value &<< 4 | UInt32(digit)
            self.index &+= 1
        }
        return value
    }
}
