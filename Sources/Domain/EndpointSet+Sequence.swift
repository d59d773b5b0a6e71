/// The endpoints of a set in configuration order; going through them allocates nothing.
extension EndpointSet: Sequence {
    /// Walks over the set bits.
    public struct Iterator: IteratorProtocol, Sendable {
        @usableFromInline var words: InlineArray<4, UInt64>
        @usableFromInline var word: Int

        @inlinable
        init(_ words: InlineArray<4, UInt64>) {
            self.words = words
            self.word = 0
        }

        /// The next endpoint, or nil after the last.
        @inlinable
        public mutating func next() -> EndpointIndex? {
            while self.word < 4 {
                let bits = self.words[self.word]
                if bits != 0 {
                    self.words[self.word] = bits & (bits &- 1)
                    return EndpointIndex(rawValue: UInt16(self.word << 6 | bits.trailingZeroBitCount))
                }
                self.word += 1
            }
            return nil
        }
    }

    /// An iterator at the first endpoint.
    @inlinable
    public func makeIterator() -> Iterator { Iterator(self.words) }
}
