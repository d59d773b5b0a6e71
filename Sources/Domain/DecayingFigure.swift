public import Synchronization

/// A figure that halves with every half-life that passes without news, in one word.
///
/// The value stands in the upper 32 bits, the millisecond of the last news in the lower ones. Between two halvings the
/// decay is a straight line, at most six percent above the exponential; with news all the time only the beginning of that
/// line is used, which makes the half-life 1.4 times as long.
///
/// - Isolation: shared by all loops; every operation is atomic.
/// - Bounds: constant size; values saturate at 2^32 - 1. After 24 days without news the age is taken for zero, by when
///   whatever the figure was about is long over.
@usableFromInline
struct DecayingFigure: ~Copyable, Sendable {
    @usableFromInline let word: Atomic<UInt64>
    /// The half-life is two to this power, in milliseconds.
    private let halfLifeBits: UInt32

    /// A figure of which nothing is known.
    init(halfLifeBits: UInt32) {
        self.word = Atomic(0)
        self.halfLifeBits = halfLifeBits
    }

    /// The value at a moment; nil as long as there has been no news.
    ///
    /// A selection asks every endpoint, so the caller names the half-life and it becomes a constant of the loop.
    @inlinable
    func value(at now: MillisecondTick, halfLifeBits: UInt32) -> UInt32? {
        let word = self.word.load(ordering: .relaxed)
        return word == 0
            ? nil
            : Self.decayed(
                UInt32(truncatingIfNeeded: word &>> 32), by: Self.age(word, at: now), halfLifeBits: halfLifeBits)
    }

    /// Adds to what is left.
    func add(_ amount: UInt32, at now: MillisecondTick) {
        self.update(at: now) { rest, _ in
            let (sum, overflow) = rest.addingReportingOverflow(amount)
            return overflow ? .max : sum
        }
    }

    /// Follows a measurement: up to it at once, down to it with the half-life (a peak-sensitive moving average).
    func follow(_ sample: UInt32, at now: MillisecondTick) {
        self.update(at: now) { rest, age in
            guard sample < rest else { return sample }
            return rest + (sample - Self.decayed(sample, by: age, halfLifeBits: self.halfLifeBits))
        }
    }

    /// Lifts the value to at least `floor`.
    func lift(to floor: UInt32, at now: MillisecondTick) {
        guard floor > self.value(at: now, halfLifeBits: self.halfLifeBits) ?? 0 else { return }
        self.update(at: now) { rest, _ in max(rest, floor) }
    }

    private func update(at now: MillisecondTick, _ change: (_ rest: UInt32, _ age: UInt32) -> UInt32) {
        var word = self.word.load(ordering: .relaxed)
        while true {
            let age = Self.age(word, at: now)
            let rest =
                word == 0 ? 0 : Self.decayed(UInt32(word >> 32), by: age, halfLifeBits: self.halfLifeBits)
            // Never all zero: that word says that nothing is known.
            let next = UInt64(max(1, change(rest, age))) << 32 | UInt64(now.rawValue)
            let (exchanged, original) = self.word.weakCompareExchange(
                expected: word, desired: next, ordering: .relaxed)
            if exchanged { return }
            word = original
        }
    }

    @inlinable
    static func age(_ word: UInt64, at now: MillisecondTick) -> UInt32 {
        let age = now.rawValue &- UInt32(truncatingIfNeeded: word)
        // The readings of two loops may be out of order by a little.
        return age > .max / 2 ? 0 : age
    }

    @inlinable
    static func decayed(_ value: UInt32, by age: UInt32, halfLifeBits: UInt32) -> UInt32 {
        let halvings = age &>> halfLifeBits
        guard halvings < 32 else { return 0 }
        let halved = UInt64(value &>> halvings)
        let part = UInt64(age & ((1 &<< halfLifeBits) &- 1))
        return UInt32(truncatingIfNeeded: halved &- (halved &* part) &>> UInt64(halfLifeBits &+ 1))
    }
}

/// A moment in milliseconds, as far as ages of up to 24 days are concerned.
public struct MillisecondTick: Equatable, Sendable {
    @usableFromInline let rawValue: UInt32

    /// The millisecond of a moment.
    @inlinable
    public init(_ now: MonotonicTime) {
        self.rawValue = UInt32(truncatingIfNeeded: now.rawValue / 1_000_000)
    }
}
