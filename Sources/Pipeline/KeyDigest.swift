import Crypto

/// The SHA-256 digest of a key (FIPS 180-4 section 6.2).
///
/// Digests are compared in constant time: how long it takes says nothing about where two of them differ.
public struct KeyDigest: Sendable {
    private let words: InlineArray<8, UInt32>

    /// The digest of some bytes.
    public init(of message: RawSpan) {
        var hash = SHA256()
        unsafe message.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        var words = InlineArray<8, UInt32>(repeating: 0)
        for (position, byte) in hash.finalize().enumerated() {
            words[position / 4] = words[position / 4] << 8 | UInt32(byte)
        }
        self.words = words
    }

    /// Reads 64 hexadecimal digits, of either case; nil for anything else.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var words = InlineArray<8, UInt32>(repeating: 0)
        for (position, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x41...0x46: value = digit - 0x37
            case 0x61...0x66: value = digit - 0x57
            default: return nil
            }
            words[position / 8] = words[position / 8] << 4 | UInt32(value)
        }
        self.words = words
    }

    /// 0 when two digests are equal, else something else; every word is looked at.
    func difference(from other: KeyDigest) -> UInt32 {
        var sum: UInt32 = 0
        for index in 0..<8 { sum |= self.words[index] ^ other.words[index] }
        return sum
    }
}
