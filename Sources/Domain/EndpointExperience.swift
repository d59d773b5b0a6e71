/// What attempts have lately found out about an endpoint: how fast it answers, how often it fails, how much it was given.
///
/// The balancers `p2c`, `ewma` and `prefix-affinity` choose by it. Everything is forgotten by and by, so an endpoint
/// that was bad is tried again.
///
/// - Isolation: shared by all loops; every operation is atomic.
/// - Bounds: constant size; no allocation after `init`.
public struct EndpointExperience: ~Copyable, Sendable {
    /// How slow a failed attempt counts: 429, 5xx and transport failures are answers nobody wanted to wait for.
    public static let failureTime = Nanoseconds.seconds(10)
    /// What one request counts in ``recentRequests(at:)``, and one failure in ``recentFailures(at:)``.
    public static let unit: UInt32 = 1024

    // In microseconds; a half-life of 4 s.
    @usableFromInline let answerTime: DecayingFigure
    @inlinable static var answerTimeBits: UInt32 { 12 }
    // In units; a half-life of 8 s.
    @usableFromInline let failures: DecayingFigure
    @inlinable static var failuresBits: UInt32 { 13 }
    // In units; a half-life of 16 s.
    @usableFromInline let requests: DecayingFigure
    @inlinable static var requestsBits: UInt32 { 14 }

    /// No experience.
    public init() {
        self.answerTime = DecayingFigure(halfLifeBits: Self.answerTimeBits)
        self.failures = DecayingFigure(halfLifeBits: Self.failuresBits)
        self.requests = DecayingFigure(halfLifeBits: Self.requestsBits)
    }

    /// The first token, or the head of an answer that is no stream, came after a time.
    public func answered(after time: Nanoseconds, at now: MonotonicTime) {
        self.answerTime.follow(Self.microseconds(time), at: MillisecondTick(now))
    }

    /// An attempt failed, or was answered 429 or 5xx.
    public func failed(after time: Nanoseconds, at now: MonotonicTime) {
        let tick = MillisecondTick(now)
        self.answerTime.follow(Self.microseconds(max(time, Self.failureTime)), at: tick)
        self.failures.add(Self.unit, at: tick)
    }

    /// A client left after it had waited in vain for so long: the endpoint is at least that slow.
    public func keptWaiting(for time: Nanoseconds, at now: MonotonicTime) {
        self.answerTime.lift(to: Self.microseconds(time), at: MillisecondTick(now))
    }

    /// The endpoint was chosen.
    public func chosen(at now: MonotonicTime) { self.requests.add(Self.unit, at: MillisecondTick(now)) }

    /// The peak-sensitive moving average of the time to first token, in microseconds; nil before the first answer.
    @inlinable
    public func answerMicroseconds(at now: MillisecondTick) -> UInt32? {
        self.answerTime.value(at: now, halfLifeBits: Self.answerTimeBits)
    }

    /// The failures of the last seconds, in ``unit``.
    @inlinable
    public func recentFailures(at now: MillisecondTick) -> UInt32 {
        self.failures.value(at: now, halfLifeBits: Self.failuresBits) ?? 0
    }

    /// The requests of the last seconds, in ``unit``; only kept for balancers that ask.
    @inlinable
    public func recentRequests(at now: MillisecondTick) -> UInt32 {
        self.requests.value(at: now, halfLifeBits: Self.requestsBits) ?? 0
    }

    private static func microseconds(_ time: Nanoseconds) -> UInt32 {
        UInt32(clamping: max(0, time.rawValue) / 1_000)
    }
}
