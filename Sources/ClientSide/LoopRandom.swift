/// Random bits for request ids and ties: xoshiro256** (Blackman and Vigna, 2018), seeded by the system.
///
/// The system's own generator costs a system call per number, three of them a request. Ids have to be unique, which 64
/// bits of a well-mixed 256-bit state give; they are no secrets.
///
/// - Isolation: one event loop.
/// - Bounds: 32 bytes; about a nanosecond a number.
struct LoopRandom: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A generator that starts where no other one does.
    init() {
        var system = SystemRandomNumberGenerator()
        // The state must not be all zero.
        self.state = (system.next() | 1, system.next(), system.next(), system.next())
    }

    mutating func next() -> UInt64 {
        let result = Self.rotate(self.state.1 &* 5, by: 7) &* 9
        let shifted = self.state.1 &<< 17
        self.state.2 ^= self.state.0
        self.state.3 ^= self.state.1
        self.state.1 ^= self.state.2
        self.state.0 ^= self.state.3
        self.state.2 ^= shifted
        self.state.3 = Self.rotate(self.state.3, by: 45)
        return result
    }

    private static func rotate(_ value: UInt64, by bits: UInt64) -> UInt64 {
        value &<< bits | value &>> (64 &- bits)
    }
}
