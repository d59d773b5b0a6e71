/// Ways to cut bytes into the pieces they may arrive in.
public enum Cuts {
    /// All in one piece.
    public static func whole(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }

    /// Byte by byte.
    public static func single(_ bytes: [UInt8]) -> [[UInt8]] { bytes.map { [$0] } }

    /// In two, before the byte at `index`, which may be the end.
    public static func at(_ index: Int, _ bytes: [UInt8]) -> [[UInt8]] {
        [Array(bytes[..<index]), Array(bytes[index...])]
    }

    /// In pieces of 1 to 40 bytes, most of them short.
    public static func random(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = min(rest.count, 1 + random.below(random.below(4) == 0 ? 40 : 6))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    /// Every way that a suite should try: whole, byte by byte, in two at each place.
    public static func all(_ bytes: [UInt8]) -> [[[UInt8]]] {
        [Self.whole(bytes), Self.single(bytes)] + bytes.indices.map { Self.at($0, bytes) }
    }
}
