public import Domain
import Synchronization

/// How fast a bucket refills, and how much it holds.
public struct BucketRate: Equatable, Sendable {
    /// Nanoseconds for one token, at least 1.
    let interval: Int64
    /// Nanoseconds that an empty bucket needs to be full; 0 for a bucket that holds nothing.
    let span: Int64

    /// A rate; nil when `perMinute` is 0 or less, which switches a limit off.
    ///
    /// - Parameters:
    ///   - perMinute: tokens a minute; above 6·10¹⁰ counts as that many.
    ///   - burst: tokens the bucket holds; 0 or less refuses everything.
    public init?(perMinute: Int, burst: Int) {
        guard perMinute > 0 else { return nil }
        self.interval = max(1, 60_000_000_000 / Int64(perMinute))
        // A quarter of the range leaves room for the clock and for what one request may owe.
        let most = Int64.max / 4 / self.interval
        self.span = min(Int64(max(0, burst)), most) * self.interval
    }
}

/// What a bucket said.
public struct BucketReading: Equatable, Sendable {
    /// Whether the tokens were there.
    public var isAllowed: Bool
    /// Whole tokens left now, at least 0.
    public var remaining: Int64
    /// When the bucket is full again.
    public var fullAt: MonotonicTime
    /// When the tokens asked for are there; ``MonotonicTime/distantFuture`` when the bucket never holds as many.
    public var retryAt: MonotonicTime
}

/// A token bucket in one word: it starts full, refills continuously, and is shared without a lock.
///
/// Only the moment at which the bucket will be full is stored (the "theoretical arrival time" of the generic cell rate
/// algorithm, ITU-T I.371 annex A), so a bucket that nobody has used for long is equal to one that was never used.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: eight bytes.
struct TokenBucket: ~Copyable, Sendable {
    private let fullAt = Atomic<Int64>(0)

    /// Takes one token, if there is one; a refusal takes nothing.
    func take(_ rate: BucketRate, at now: MonotonicTime) -> BucketReading {
        var seen = self.fullAt.load(ordering: .relaxed)
        while true {
            let base = max(seen, now.rawValue)
            let after = base + rate.interval
            guard after - now.rawValue <= rate.span else { return Self.reading(false, base, rate, now) }
            let swap = self.fullAt.compareExchange(expected: seen, desired: after, ordering: .relaxed)
            if swap.exchanged { return Self.reading(true, after, rate, now) }
            seen = swap.original
        }
    }

    /// Asks without taking: whether anything at all is left.
    func peek(_ rate: BucketRate, at now: MonotonicTime) -> BucketReading {
        let base = max(self.fullAt.load(ordering: .relaxed), now.rawValue)
        return Self.reading(base - now.rawValue < rate.span, base, rate, now)
    }

    /// Takes tokens that are known only afterwards; the bucket may owe what it does not hold, at most one day's worth.
    func charge(_ count: Int64, _ rate: BucketRate, at now: MonotonicTime) {
        guard count > 0 else { return }
        let (cost, overflows) = count.multipliedReportingOverflow(by: rate.interval)
        let owed = overflows ? Self.debtMax : min(cost, Self.debtMax)
        var seen = self.fullAt.load(ordering: .relaxed)
        while true {
            let after = min(max(seen, now.rawValue) + owed, now.rawValue + rate.span + Self.debtMax)
            let swap = self.fullAt.compareExchange(expected: seen, desired: after, ordering: .relaxed)
            if swap.exchanged { return }
            seen = swap.original
        }
    }

    /// Gives a token back that ``take(_:at:)`` took.
    func giveBack(_ rate: BucketRate) { self.fullAt.wrappingSubtract(rate.interval, ordering: .relaxed) }

    /// Makes the bucket full.
    func refill() { self.fullAt.store(0, ordering: .relaxed) }

    /// When the bucket is full, as the clock counts; 0 when it was never used.
    var moment: Int64 { self.fullAt.load(ordering: .relaxed) }

    /// One day in nanoseconds.
    private static let debtMax: Int64 = 86_400_000_000_000

    private static func reading(
        _ isAllowed: Bool, _ fullAt: Int64, _ rate: BucketRate, _ now: MonotonicTime
    ) -> BucketReading {
        let wait = fullAt + rate.interval - rate.span
        return BucketReading(
            isAllowed: isAllowed, remaining: max(0, (rate.span - (fullAt - now.rawValue)) / rate.interval),
            fullAt: MonotonicTime(rawValue: fullAt),
            retryAt: rate.span < rate.interval ? .distantFuture : MonotonicTime(rawValue: wait))
    }
}

/// A bucket that outlives the rules that made it.
final class SharedBucket: Sendable {
    let bucket = TokenBucket()
}
