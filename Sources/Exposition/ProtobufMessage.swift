/// The bytes of one protobuf message.
///
/// Source: Protocol Buffers documentation, "Encoding": a field is its number and wire type as a
/// varint, then the value.
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    /// The wire types in use.
    private enum WireType {
        static let (varint, fixed64, delimited): (UInt64, UInt64, UInt64) = (0, 1, 2)
    }

    /// Empties the message, keeping its room.
    mutating func clear() { self.bytes.removeAll(keepingCapacity: true) }

    /// Appends a field of type `uint32`, `uint64`, `int32`, `int64` or an enumeration, not negative.
    mutating func append(_ field: Int, _ value: UInt64) {
        self.appendTag(field, WireType.varint)
        Self.appendVarint(value, to: &self.bytes)
    }

    /// Appends a field of type `sint32` or `sint64`.
    mutating func append(_ field: Int, signed value: Int64) {
        self.append(field, Self.zigzag(value))
    }

    /// Appends an element of a packed field of type `sint32` or `sint64`.
    mutating func appendPacked(signed value: Int64) {
        Self.appendVarint(Self.zigzag(value), to: &self.bytes)
    }

    /// Appends a field of type `double`.
    mutating func append(_ field: Int, _ value: Double) {
        self.appendTag(field, WireType.fixed64)
        let bits = value.bitPattern
        for place in 0..<8 as Range<UInt64> {
            self.bytes.append(UInt8(truncatingIfNeeded: bits >> (place * 8)))
        }
    }

    /// Appends a field of type `string` or `bytes`.
    mutating func append(_ field: Int, _ text: some Collection<UInt8>) {
        self.appendTag(field, WireType.delimited)
        Self.appendVarint(UInt64(text.count), to: &self.bytes)
        self.bytes.append(contentsOf: text)
    }

    /// Appends a field that is a message, or the elements of a packed field.
    mutating func append(_ field: Int, _ message: ProtobufMessage) {
        self.append(field, message.bytes)
    }

    /// Appends this message to a page, its length before it.
    func appendDelimited(to page: inout [UInt8]) {
        Self.appendVarint(UInt64(self.bytes.count), to: &page)
        page.append(contentsOf: self.bytes)
    }

    private mutating func appendTag(_ field: Int, _ type: UInt64) {
        Self.appendVarint(UInt64(field) << 3 | type, to: &self.bytes)
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    private static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Maps small magnitudes of either sign to small numbers.
    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: value << 1 ^ value >> 63)
    }
}
