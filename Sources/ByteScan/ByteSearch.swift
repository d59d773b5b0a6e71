/// Finds bytes in a piece, many at a time.
///
/// Distances are walked in vectors of sixteen bytes, long ones four at a time, and the rest in
/// words of eight.
public enum ByteSearch {
    /// Returns the offset of the first byte at or after `start` that equals either needle.
    ///
    /// - Returns: `byteCount` when there is none.
    @inline(__always)
    public static func first(
        of needle: UInt8, or other: UInt8, in piece: RawSpan, from start: Int
    ) -> Int {
        let end = piece.byteCount
        let one = SIMD16<UInt8>(repeating: needle)
        let two = SIMD16<UInt8>(repeating: other)
        var index = max(start, 0)
        if index &+ 16 <= end {
            // Most strings of a chunk end within their first sixteen bytes.
            let hits = piece.vector(at: index).matches(one, two)
            if let hit = hits.firstOffset { return index &+ hit }
            index &+= 16
            if index &+ 64 <= end { index = Self.skipBlocks(one, two, in: piece, from: index) }
            while index &+ 16 <= end {
                let hits = piece.vector(at: index).matches(one, two)
                if let hit = hits.firstOffset { return index &+ hit }
                index &+= 16
            }
        }
        while index &+ 8 <= end {
            let word = piece.word(at: index)
            let hits =
                (word ^ UInt64(repeating: needle)).zeroBytes
                | (word ^ UInt64(repeating: other)).zeroBytes
            if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < end {
            let byte = piece.byte(at: index)
            if byte == needle || byte == other { return index }
            index &+= 1
        }
        return end
    }

    /// Returns the offset of the first byte at or after `start` that equals the needle.
    ///
    /// - Returns: `byteCount` when there is none.
    @inline(__always)
    public static func first(of needle: UInt8, in piece: RawSpan, from start: Int) -> Int {
        Self.first(of: needle, or: needle, in: piece, from: start)
    }

    /// Returns the offset of the first byte at or after `start` at which the plain text of a JSON
    /// string stops: a quote, a backslash or a control character.
    ///
    /// - Returns: `byteCount` when there is none.
    @inline(__always)
    static func firstStop(in piece: RawSpan, from start: Int) -> Int {
        let end = piece.byteCount
        var index = start
        while index &+ 16 <= end {
            if let hit = piece.vector(at: index).stops.firstOffset { return index &+ hit }
            index &+= 16
        }
        while index < end {
            let byte = piece.byte(at: index)
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return index }
            index &+= 1
        }
        return end
    }

    /// Passes over whole blocks of 64 bytes that hold neither needle.
    ///
    /// - Returns: the start of the first block with a hit, or of the rest that is shorter than a
    ///   block.
    @inline(__always)
    private static func skipBlocks(
        _ one: SIMD16<UInt8>, _ two: SIMD16<UInt8>, in piece: RawSpan, from start: Int
    ) -> Int {
        var index = start
        while index &+ 64 <= piece.byteCount {
            let hits =
                piece.vector(at: index).matches(one, two)
                | piece.vector(at: index &+ 16).matches(one, two)
                | piece.vector(at: index &+ 32).matches(one, two)
                | piece.vector(at: index &+ 48).matches(one, two)
            if hits.x | hits.y != 0 { return index }
            index &+= 64
        }
        return index
    }
}

extension SIMD16<UInt8> {
    /// Marks the bytes that equal either of two, with all bits of each set.
    @inline(__always)
    func matches(_ one: Self, _ two: Self) -> SIMD2<UInt64> {
        Self.marks((self .== one) .| (self .== two))
    }

    /// Whether all bytes are those of another vector.
    ///
    /// `==` of the standard library compares lane by lane (Swift 6.3).
    @inline(__always)
    func equals(_ other: Self) -> Bool {
        let differences = unsafe unsafeBitCast(self ^ other, to: SIMD2<UInt64>.self)
        return differences.x | differences.y == 0
    }

    /// Marks quotes, backslashes and control characters, with all bits of each set.
    @inline(__always)
    var stops: SIMD2<UInt64> {
        Self.marks(
            (self .== Self(repeating: UInt8(ascii: "\"")))
                .| (self .== Self(repeating: UInt8(ascii: "\\")))
                .| (self .< Self(repeating: 0x20)))
    }

    @inline(__always)
    private static func marks(_ hits: SIMDMask<SIMD16<Int8>>) -> SIMD2<UInt64> {
        let marks = Self(repeating: 0).replacing(with: Self(repeating: 0xff), where: hits)
        return unsafe unsafeBitCast(marks, to: SIMD2<UInt64>.self)
    }
}

extension SIMD2<UInt64> {
    /// The offset of the first marked byte; nil when none is.
    @inline(__always)
    var firstOffset: Int? {
        if self.x != 0 { return self.x.littleEndian.trailingZeroBitCount &>> 3 }
        return self.y != 0 ? 8 &+ self.y.littleEndian.trailingZeroBitCount &>> 3 : nil
    }
}

extension UInt64 {
    /// A word of eight equal bytes.
    @inline(__always)
    init(repeating byte: UInt8) { self = UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Sets the top bit of every byte that is zero; bits above the lowest such byte may be wrong.
    @inline(__always)
    var zeroBytes: UInt64 {
        (self &- 0x0101_0101_0101_0101) & ~self & 0x8080_8080_8080_8080
    }
}
