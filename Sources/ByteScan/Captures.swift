/// Keeps the first bytes of a string whose pieces arrive one after the other.
struct TextCapture: ~Copyable {
    /// Room for any model name in use: a repository name is at most 193 bytes, a file path seldom
    /// more than 300.
    static let bytesMax = 512

    private var storage: InlineArray<512, UInt8> = .init(repeating: 0)
    private var count = 0
    private(set) var isTruncated = false

    var bytes: RawSpan {
        @_lifetime(borrow self)
        @inline(__always)
        get { unsafe self.storage.span.bytes.extracting(first: self.count) }
    }

    @inline(__always)
    mutating func clear() {
        self.count = 0
        self.isTruncated = false
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        guard self.count < Self.bytesMax else {
            self.isTruncated = true
            return
        }
        self.storage[self.count] = byte
        self.count &+= 1
    }

    /// Appends the bytes of the piece from `start` up to `end`, as many as there is room for.
    @inline(__always)
    mutating func append(_ piece: RawSpan, _ start: Int, _ end: Int) {
        var length = end &- start
        if length > Self.bytesMax &- self.count {
            length = Self.bytesMax &- self.count
            self.isTruncated = true
        }
        guard length > 0 else { return }
        var span = self.storage.mutableSpan
        span.copy(piece, from: start, count: length, to: self.count)
        self.count &+= length
    }
}

/// Reads a number or literal byte by byte: its kind, and its value when it is an integer.
struct ScalarCapture {
    private var last: UInt64 = 0
    private var length = 0
    private var magnitude: UInt64 = 0
    private var startsLikeNumber = false
    private var isNegative = false
    private var isInteger = false

    /// Begins with the first byte; false when no number or literal begins so.
    @inline(__always)
    mutating func begin(_ byte: UInt8) -> Bool {
        self.last = UInt64(byte)
        self.length = 1
        self.isNegative = byte == UInt8(ascii: "-")
        let digit = byte &- UInt8(ascii: "0")
        self.startsLikeNumber = digit < 10 || self.isNegative
        self.isInteger = self.startsLikeNumber
        self.magnitude = digit < 10 ? UInt64(digit) : 0
        return self.startsLikeNumber || byte == UInt8(ascii: "t") || byte == UInt8(ascii: "f")
            || byte == UInt8(ascii: "n")
    }

    /// Takes a further byte; false when it ends the value and is not part of it.
    @inline(__always)
    mutating func append(_ byte: UInt8) -> Bool {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 {
            let (product, carry) = self.magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
            self.magnitude = sum
            if carry || overflow { self.isInteger = false }
        } else {
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: " "),
                UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                return false
            default:
                self.isInteger = false
            }
        }
        self.last = self.last &<< 8 | UInt64(byte)
        self.length &+= 1
        return true
    }

    /// What was read: a literal spelled right or something that begins like a number; nil for
    /// anything else.
    var kind: JSONValueKind? {
        @inline(__always) get {
            switch (self.length, self.last) {
            case (4, 0x7472_7565): .true
            case (5, 0x66_616c_7365): .false
            case (4, 0x6e75_6c6c): .null
            default: self.startsLikeNumber ? .number : nil
            }
        }
    }

    /// The integer that was read; nil for fractions, exponents, literals and what does not fit.
    var integer: Int64? {
        guard self.isInteger, self.length > (self.isNegative ? 1 : 0) else { return nil }
        guard self.isNegative else { return Int64(exactly: self.magnitude) }
        return self.magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- self.magnitude) : nil
    }
}
