// Names, schemes and types are compared without the case of ASCII letters (RFC 9110 sections 5.1, 8.3.1 and 11.1).

extension RawSpan {
    /// Whether these are the bytes of a name, which is given in lower case, whatever the case of the letters here.
    public func isName(_ lowerCased: [UInt8]) -> Bool {
        guard self.byteCount == lowerCased.count else { return false }
        for offset in lowerCased.indices where ASCII.lowerCased(self.byte(offset)) != lowerCased[offset] {
            return false
        }
        return true
    }

    /// Whether these bytes begin with a text, which is given in lower case, whatever the case of the letters here.
    public func begins(with lowerCased: StaticString) -> Bool {
        let count = lowerCased.utf8CodeUnitCount
        guard self.byteCount >= count else { return false }
        let expected = unsafe RawSpan(_unsafeStart: lowerCased.utf8Start, byteCount: count)
        for offset in 0..<count where ASCII.lowerCased(self.byte(offset)) != expected.byte(offset) { return false }
        return true
    }
}
