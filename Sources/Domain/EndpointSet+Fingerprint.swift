extension EndpointSet {
    /// A 64-bit number for the set: equal sets have equal numbers, and two sets that differ almost never.
    ///
    /// Each word goes through the finalizer of MurmurHash3, which lets every bit of it change every bit of the result.
    @inlinable
    public var fingerprint: UInt64 {
        var hash: UInt64 = 0
        for word in 0..<4 {
            hash = (hash &+ 0x9E37_79B9_7F4A_7C15) ^ self.words[word]
            hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
            hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
            hash ^= hash >> 33
        }
        return hash
    }
}
