extension RawSpan {
    /// Returns the byte at an offset that the caller knows to exist; a wrong one traps.
    @inline(__always)
    subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < self.byteCount, "read past the bytes")
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Whether the bytes from `start` begin with an ASCII constant.
    func hasPrefix(_ constant: StaticString, at start: Int = 0, ignoringCase: Bool = false) -> Bool {
        let count = constant.utf8CodeUnitCount
        guard start >= 0, self.byteCount - start >= count else { return false }
        for index in 0..<count {
            let wanted = unsafe constant.utf8Start[index]
            let byte = self[start + index]
            guard (ignoringCase ? byte.asciiLowercased : byte) == wanted else { return false }
        }
        return true
    }

    /// Whether the bytes equal an ASCII constant.
    func equals(_ constant: StaticString, ignoringCase: Bool = false) -> Bool {
        self.byteCount == constant.utf8CodeUnitCount
            && self.hasPrefix(constant, ignoringCase: ignoringCase)
    }

    /// Whether a lower-case ASCII constant occurs anywhere, in any case.
    func containsIgnoringCase(_ constant: StaticString) -> Bool {
        let last = self.byteCount - constant.utf8CodeUnitCount
        guard last >= 0 else { return false }
        return (0...last).contains { self.hasPrefix(constant, at: $0, ignoringCase: true) }
    }

    /// Whether a path ends in these segments.
    func endsWithSegments(_ segments: StaticString) -> Bool {
        let start = self.byteCount - segments.utf8CodeUnitCount
        guard start >= 0, self.hasPrefix(segments, at: start) else { return false }
        return start == 0 || self[start - 1] == UInt8(ascii: "/")
    }

    /// The bytes without blanks at either end.
    var trimmed: RawSpan {
        @_lifetime(copy self)
        get {
            var start = 0
            var end = self.byteCount
            while start < end, self[start].isBlank { start += 1 }
            while start < end, self[end - 1].isBlank { end -= 1 }
            return self.extracting(start..<end)
        }
    }
}

extension UInt8 {
    /// The byte with `A` to `Z` turned into `a` to `z`.
    @inline(__always)
    var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// Whether the byte is white space of ASCII.
    @inline(__always)
    var isBlank: Bool { self == 0x20 || self &- 0x09 < 5 }
}
