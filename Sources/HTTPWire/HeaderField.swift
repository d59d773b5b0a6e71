/// Where one field stands in the caller's buffer, and what its name means.
///
/// A field holds offsets only: it is valid for the bytes that were parsed and for nothing else.
///
/// - Bounds: 16 bytes; names up to 65,535 bytes, offsets up to ``HeadLimits/headBytesCeiling``.
public struct HeaderField: Equatable, Sendable {
    @usableFromInline var nameStart: UInt32
    @usableFromInline var valueStart: UInt32
    @usableFromInline var valueEnd: UInt32
    @usableFromInline var nameCount: UInt16

    /// What the gateway knows the name as.
    public internal(set) var known: KnownHeader

    /// Whether a `Connection` field of the same head lists this name, so that it must not be
    /// forwarded.
    ///
    /// Set when the head is complete (RFC 9110 section 7.6.1).
    public internal(set) var isNamedByConnection: Bool

    @inline(__always)
    init(nameStart: Int, nameEnd: Int, valueStart: Int, valueEnd: Int, known: KnownHeader) {
        self.nameStart = UInt32(truncatingIfNeeded: nameStart)
        self.nameCount = UInt16(truncatingIfNeeded: nameEnd - nameStart)
        self.valueStart = UInt32(truncatingIfNeeded: valueStart)
        self.valueEnd = UInt32(truncatingIfNeeded: valueEnd)
        self.known = known
        self.isNamedByConnection = false
    }

    /// The name, as it was written.
    @inlinable
    public var name: Range<Int> {
        let start = Int(self.nameStart)
        return unsafe Range(uncheckedBounds: (start, start + Int(self.nameCount)))
    }

    /// The value without the white space around it; possibly empty.
    @inlinable
    public var value: Range<Int> {
        unsafe Range(uncheckedBounds: (Int(self.valueStart), Int(self.valueEnd)))
    }

    /// Whether a proxy must drop the field: hop-by-hop by its name, or named by `Connection`.
    @inlinable
    public var isHopByHop: Bool { self.isNamedByConnection || self.known.isHopByHop }
}
