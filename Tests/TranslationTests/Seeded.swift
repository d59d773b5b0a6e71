/// A seeded generator (SplitMix64), so that a failing case can be repeated.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}

/// Ways to cut bytes into pieces.
enum Cuts {
    static func whole(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }

    static func single(_ bytes: [UInt8]) -> [[UInt8]] { bytes.map { [$0] } }

    static func at(_ index: Int, _ bytes: [UInt8]) -> [[UInt8]] {
        [Array(bytes[..<index]), Array(bytes[index...])]
    }

    static func random(_ bytes: [UInt8], _ random: inout Seeded) -> [[UInt8]] {
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
    static func all(_ bytes: [UInt8]) -> [[[UInt8]]] {
        [Self.whole(bytes), Self.single(bytes)] + bytes.indices.map { Self.at($0, bytes) }
    }
}
