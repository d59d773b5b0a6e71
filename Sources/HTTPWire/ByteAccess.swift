/// Unchecked reads and word-at-a-time scans over a `RawSpan`.
///
/// Every unsafe load of this module stands in this file. Callers keep `offset` inside the span;
/// debug builds and the fuzz targets assert it. The scans look at eight bytes at once and step
/// singly at the end of the span only, so they never read past it.
extension RawSpan {
    /// Reads one byte; `offset` must be inside the span.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < self.byteCount)
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Reads eight bytes, the first one in the lowest bits.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= self.byteCount)
        return UInt64(
            littleEndian: unsafe self.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Reads four bytes, the first one in the lowest bits.
    @inline(__always)
    func halfWord(_ offset: Int) -> UInt32 {
        assert(offset >= 0 && offset + 4 <= self.byteCount)
        return UInt32(
            littleEndian: unsafe self.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    /// Returns the first offset in `start..<end` whose byte is no `tchar`, or `end`.
    @inline(__always)
    func skipToken(from start: Int, to end: Int) -> Int {
        var cursor = start
        while true {
            while cursor + 8 <= end {
                let stop = ByteScan8.stopOutsideName(self.word(cursor))
                if stop != 0 {
                    cursor += stop.trailingZeroBitCount &>> 3
                    break
                }
                cursor += 8
            }
            // Either the tail of the span or a byte that is not a letter, a digit or a hyphen.
            guard cursor < end, CharacterClass.token.contains(self.byte(cursor)) else {
                return cursor
            }
            cursor += 1
        }
    }

    /// Returns the first offset in `start..<end` that holds a control character other than HTAB, or
    /// `end`.
    @inline(__always)
    func skipFieldContent(from start: Int, to end: Int) -> Int {
        var cursor = start
        while true {
            while cursor + 8 <= end {
                let stop = ByteScan8.stopAtControl(self.word(cursor))
                if stop != 0 {
                    cursor += stop.trailingZeroBitCount &>> 3
                    break
                }
                cursor += 8
            }
            guard cursor < end else { return end }
            let byte = self.byte(cursor)
            guard byte == ASCII.tab || (byte >= ASCII.space && byte != ASCII.delete) else {
                return cursor
            }
            cursor += 1
        }
    }

    /// Returns the first offset in `start..<end` that holds no target character, or `end`.
    ///
    /// Target characters are `!` to `~` without `#`: RFC 3986 characters and the few others that
    /// browsers leave unescaped in a query.
    @inline(__always)
    func skipTarget(from start: Int, to end: Int) -> Int {
        var cursor = start
        while cursor + 8 <= end {
            let stop = ByteScan8.stopOutsideTarget(self.word(cursor))
            if stop != 0 { return cursor + stop.trailingZeroBitCount &>> 3 }
            cursor += 8
        }
        while cursor < end, CharacterClass.target.contains(self.byte(cursor)) {
            cursor += 1
        }
        return cursor
    }

    /// Returns the first offset in `start..<end` that holds `byte`, or `end`.
    @inline(__always)
    func firstOffset(of byte: UInt8, from start: Int, to end: Int) -> Int {
        let pattern = UInt64(byte) &* ByteScan8.ones
        var cursor = start
        while cursor + 8 <= end {
            let stop = ByteScan8.zeroBytes(self.word(cursor) ^ pattern)
            if stop != 0 { return cursor + stop.trailingZeroBitCount &>> 3 }
            cursor += 8
        }
        while cursor < end, self.byte(cursor) != byte {
            cursor += 1
        }
        return cursor
    }

    /// Skips spaces and tabs.
    @inline(__always)
    func skipWhitespace(from start: Int, to end: Int) -> Int {
        var cursor = start
        while cursor < end, ASCII.isWhitespace(self.byte(cursor)) {
            cursor += 1
        }
        return cursor
    }

    /// Moves `end` back over trailing spaces and tabs, not before `start`.
    @inline(__always)
    func trimWhitespace(from start: Int, to end: Int) -> Int {
        var cursor = end
        while cursor > start, ASCII.isWhitespace(self.byte(cursor - 1)) {
            cursor -= 1
        }
        return cursor
    }

    /// Compares a range with a name written in lower-case letters, digits and hyphens, ignoring
    /// case.
    ///
    /// Setting bit 5 maps upper-case letters onto lower-case ones and leaves digits and the hyphen
    /// alone. The only other bytes it would map onto those are control characters, which neither a
    /// token nor a field value can hold, so the comparison is exact for both.
    @inline(__always)
    func equals(_ lowerCased: StaticString, at start: Int, count: Int) -> Bool {
        guard lowerCased.utf8CodeUnitCount == count else { return false }
        let expected = unsafe RawSpan(_unsafeStart: lowerCased.utf8Start, byteCount: count)
        return self.equals(expected, at: start, count: count)
    }

    /// Compares `count` bytes from `start` with the first `count` lower-case bytes of `expected`.
    @inline(__always)
    func equals(_ expected: RawSpan, at start: Int, count: Int) -> Bool {
        var offset = 0
        while offset + 8 <= count {
            if self.word(start + offset) | ByteScan8.caseBits != expected.word(offset) {
                return false
            }
            offset += 8
        }
        if offset + 4 <= count {
            if self.halfWord(start + offset) | 0x2020_2020 != expected.halfWord(offset) {
                return false
            }
            offset += 4
        }
        while offset < count {
            if self.byte(start + offset) | 0x20 != expected.byte(offset) { return false }
            offset += 1
        }
        return true
    }

    /// Compares the bytes from `start` with `expected`, letter case included.
    @inline(__always)
    func equalsExactly(_ expected: StaticString, at start: Int) -> Bool {
        let count = expected.utf8CodeUnitCount
        assert(start + count <= self.byteCount)
        let other = unsafe RawSpan(_unsafeStart: expected.utf8Start, byteCount: count)
        for offset in 0..<count where self.byte(start + offset) != other.byte(offset) {
            return false
        }
        return true
    }

    /// Compares two ranges, ignoring the case of ASCII letters.
    func namesMatch(_ first: Range<Int>, _ second: Range<Int>) -> Bool {
        guard first.count == second.count else { return false }
        let left = first.lowerBound
        let right = second.lowerBound
        var offset = 0
        // Setting bit 5 can only make different words equal, so this loop rejects and never
        // accepts.
        while offset + 8 <= first.count {
            let difference = self.word(left + offset) ^ self.word(right + offset)
            if difference & ~ByteScan8.caseBits != 0 { return false }
            offset += 8
        }
        for offset in 0..<first.count {
            let one = ASCII.lowerCased(self.byte(left + offset))
            let other = ASCII.lowerCased(self.byte(right + offset))
            if one != other { return false }
        }
        return true
    }
}

/// Eight bytes at once: each function sets bit 7 of the bytes it reports.
///
/// Only the lowest reported byte is meaningful where a borrow can run upwards; the scans use no
/// other.
enum ByteScan8 {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let highBits: UInt64 = 0x8080_8080_8080_8080
    static let caseBits: UInt64 = 0x2020_2020_2020_2020

    /// Reports bytes that are zero.
    @inline(__always)
    static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- Self.ones) & ~word & Self.highBits
    }

    /// Reports bytes below 0x20 and 0x7F, tab included.
    @inline(__always)
    static func stopAtControl(_ word: UInt64) -> UInt64 {
        let low = (word &- 0x2020_2020_2020_2020) & ~word & Self.highBits
        return low | Self.zeroBytes(word ^ 0x7F7F_7F7F_7F7F_7F7F)
    }

    /// Reports bytes outside `!`…`~`, and `#`.
    @inline(__always)
    static func stopOutsideTarget(_ word: UInt64) -> UInt64 {
        let low = (word &- 0x2121_2121_2121_2121) & ~word & Self.highBits
        return low | (word & Self.highBits) | Self.zeroBytes(word ^ 0x7F7F_7F7F_7F7F_7F7F)
            | Self.zeroBytes(word ^ 0x2323_2323_2323_2323)
    }

    /// Reports bytes that are neither letter, digit nor hyphen; exact in every byte.
    @inline(__always)
    static func stopOutsideName(_ word: UInt64) -> UInt64 {
        let seven = word & 0x7F7F_7F7F_7F7F_7F7F
        let lower = seven | Self.caseBits
        // Adding 0x80 - c sets bit 7 of each byte that is at least c; no byte overflows into the
        // next.
        let letter = (lower &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(lower &+ 0x0505_0505_0505_0505)
        let digit = (seven &+ 0x5050_5050_5050_5050) & ~(seven &+ 0x4646_4646_4646_4646)
        let hyphen = (seven &+ 0x5353_5353_5353_5353) & ~(seven &+ 0x5252_5252_5252_5252)
        return ~((letter | digit | hyphen) & ~word) & Self.highBits
    }
}
