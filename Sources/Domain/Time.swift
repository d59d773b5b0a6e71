/// A span of time in whole nanoseconds.
///
/// The unit used everywhere inside the gateway; seconds appear only where metrics are exposed.
/// Range: ±292 years. Arithmetic traps on overflow, which no pair of real clock readings can reach.
public struct Nanoseconds: RawRepresentable, Comparable, Hashable, Sendable {
    /// The span as a signed number of nanoseconds.
    public let rawValue: Int64

    /// Wraps a number of nanoseconds.
    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// No time at all.
    public static let zero = Nanoseconds(rawValue: 0)

    /// A span of whole microseconds.
    @inlinable
    public static func microseconds(_ count: Int64) -> Nanoseconds { .init(rawValue: count * 1_000) }

    /// A span of whole milliseconds.
    @inlinable
    public static func milliseconds(_ count: Int64) -> Nanoseconds { .init(rawValue: count * 1_000_000) }

    /// A span of whole seconds.
    @inlinable
    public static func seconds(_ count: Int64) -> Nanoseconds { .init(rawValue: count * 1_000_000_000) }

    /// The span in seconds, for exposition and log lines.
    @inlinable
    public var seconds: Double { Double(self.rawValue) / 1e9 }

    /// Whether the left value comes before the right one.
    @inlinable
    public static func < (left: Nanoseconds, right: Nanoseconds) -> Bool { left.rawValue < right.rawValue }

    /// The sum of both.
    @inlinable
    public static func + (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
        .init(rawValue: left.rawValue + right.rawValue)
    }

    /// The difference of both.
    @inlinable
    public static func - (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
        .init(rawValue: left.rawValue - right.rawValue)
    }

    /// Adds the right value to the left one.
    @inlinable
    public static func += (left: inout Nanoseconds, right: Nanoseconds) { left = left + right }
}

/// A reading of one process-wide monotonic clock, in nanoseconds since an arbitrary origin.
///
/// Layer 1 never reads the clock: every event carries its reading. Compare only readings of the same process.
public struct MonotonicTime: RawRepresentable, Comparable, Hashable, Sendable {
    /// Nanoseconds since the clock's origin.
    public let rawValue: Int64

    /// Wraps a clock reading.
    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The clock's origin; also used as "never".
    public static let zero = MonotonicTime(rawValue: 0)

    /// Later than every real reading: "no deadline".
    public static let distantFuture = MonotonicTime(rawValue: .max)

    /// Whether the left value comes before the right one.
    @inlinable
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.rawValue < right.rawValue }

    /// The time that passed from `right` to `left`.
    @inlinable
    public static func - (left: MonotonicTime, right: MonotonicTime) -> Nanoseconds {
        .init(rawValue: left.rawValue - right.rawValue)
    }

    /// The moment a span later; saturates at ``distantFuture``.
    @inlinable
    public static func + (left: MonotonicTime, right: Nanoseconds) -> MonotonicTime {
        let (sum, overflow) = left.rawValue.addingReportingOverflow(right.rawValue)
        return overflow ? .distantFuture : .init(rawValue: sum)
    }
}
