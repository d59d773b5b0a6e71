/// Unchecked reads, for loops that have established their bounds themselves.
///
/// Every read is checked in debug builds, so each test and each fuzz run also proves the bounds.
extension RawSpan {
    /// Reads the byte at `offset`, which the caller knows to be below `byteCount`.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < self.byteCount, "read past the piece")
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Reads eight bytes from `offset`, first byte lowest; the caller knows that all eight exist.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= self.byteCount, "read past the piece")
        return UInt64(
            littleEndian: unsafe self.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Reads up to eight bytes from `offset`, first byte lowest, missing ones zero.
    @inline(__always)
    func word(at offset: Int, count: Int) -> UInt64 {
        if offset + 8 <= self.byteCount {
            let word = self.word(at: offset)
            return count >= 8 ? word : word & ((1 &<< (UInt64(count) &* 8)) &- 1)
        }
        var word: UInt64 = 0
        var index = min(count, self.byteCount - offset)
        while index > 0 {
            index &-= 1
            word = word &<< 8 | UInt64(self.byte(at: offset &+ index))
        }
        return word
    }

    /// Reads sixteen bytes from `offset`; the caller knows that all of them exist.
    @inline(__always)
    func vector(at offset: Int) -> SIMD16<UInt8> {
        assert(offset >= 0 && offset + 16 <= self.byteCount, "read past the piece")
        return unsafe self.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self)
    }
}

extension MutableSpan<UInt8> {
    /// Copies `count` bytes of the piece from `start` on to `target`; the caller knows that they
    /// exist and fit.
    @inline(__always)
    mutating func copy(_ piece: RawSpan, from start: Int, count: Int, to target: Int) {
        assert(target >= 0 && target + count <= self.count, "write past the storage")
        unsafe self.withUnsafeMutableBytes { buffer in
            var offset = 0
            while offset &+ 8 <= count {
                unsafe buffer.storeBytes(
                    of: piece.word(at: start &+ offset).littleEndian,
                    toByteOffset: target &+ offset, as: UInt64.self)
                offset &+= 8
            }
            while offset < count {
                unsafe buffer[target &+ offset] = piece.byte(at: start &+ offset)
                offset &+= 1
            }
        }
    }
}
