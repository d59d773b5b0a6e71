/// FNV-1a, 64 bits: the hash whose values other systems can check (Fowler, Noll and Vo, 1991).
///
/// - Bounds: one word, no allocation; about a nanosecond a byte.
public struct FNV1a: Equatable, Sendable {
    /// The hash of the bytes so far.
    public private(set) var value: UInt64

    /// The hash of no bytes.
    public init() { self.value = 0xCBF2_9CE4_8422_2325 }

    /// Adds a byte.
    public mutating func add(_ byte: UInt8) { self.value = (self.value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    /// Adds bytes.
    public mutating func add(_ bytes: Span<UInt8>) {
        for offset in bytes.indices { self.add(bytes[offset]) }
    }

    /// The hash of a text's UTF-8 bytes.
    public static func hash(_ text: String) -> UInt64 {
        var hash = FNV1a()
        for byte in text.utf8 { hash.add(byte) }
        return hash.value
    }
}
