/// Where a request's time went: one accumulator per stage, one stage at a time.
///
/// Every clock reading closes one stage and opens the next, so the stage times add up to the request's
/// duration exactly, whatever order the stages are entered in and however often.
///
/// - Isolation: owned by one request.
/// - Bounds: constant size, no allocation.
public struct Timeline: Sendable {
    /// When the first byte of the request was read.
    public let start: MonotonicTime
    @usableFromInline var current: Stage
    @usableFromInline var mark: MonotonicTime
    @usableFromInline var spent: InlineArray<14, Int64>
    @usableFromInline var entered: InlineArray<14, Int64>

    /// Starts the clock in ``Stage/readHead``.
    @inlinable
    public init(startedAt start: MonotonicTime) {
        self.start = start
        self.current = .readHead
        self.mark = start
        self.spent = .init(repeating: 0)
        self.entered = .init(repeating: .min)
        self.entered[Int(Stage.readHead.rawValue)] = start.rawValue
    }

    /// The stage the request is in now.
    @inlinable
    public var stage: Stage { self.current }

    /// Closes the current stage at `now` and opens `stage`.
    ///
    /// A reading earlier than the last mark (it cannot happen with one monotonic clock) counts as no time.
    @inlinable
    public mutating func enter(_ stage: Stage, at now: MonotonicTime) {
        if now > self.mark {
            self.spent[Int(self.current.rawValue)] &+= now.rawValue &- self.mark.rawValue
            self.mark = now
        }
        self.current = stage
        let index = Int(stage.rawValue)
        if self.entered[index] == .min { self.entered[index] = self.mark.rawValue }
    }

    /// When a stage was entered for the first time; nil when it never was.
    @inlinable
    public func firstEntry(of stage: Stage) -> MonotonicTime? {
        let moment = self.entered[Int(stage.rawValue)]
        return moment == .min ? nil : MonotonicTime(rawValue: moment)
    }

    /// Closes the current stage at `now`; the timeline then stands still.
    @inlinable
    public mutating func close(at now: MonotonicTime) { self.enter(self.current, at: now) }

    /// The time spent in a stage so far.
    @inlinable
    public subscript(stage: Stage) -> Nanoseconds { .init(rawValue: self.spent[Int(stage.rawValue)]) }

    /// The last mark: when ``close(at:)`` was called, once it was.
    @inlinable
    public var end: MonotonicTime { self.mark }

    /// From the first byte to the last mark; equals the sum of all stages.
    @inlinable
    public var total: Nanoseconds { self.mark - self.start }

    /// Takes the times of the four upstream stages out, for the attempt that has just ended.
    ///
    /// The attempt's record owns them from then on, so a retry starts at zero and nothing is counted twice.
    @inlinable
    public mutating func takeUpstream() -> UpstreamTimes {
        let times = UpstreamTimes(
            acquire: self[.acquire], send: self[.send], wait: self[.wait], stream: self[.stream])
        self.spent[Int(Stage.acquire.rawValue)] = 0
        self.spent[Int(Stage.send.rawValue)] = 0
        self.spent[Int(Stage.wait.rawValue)] = 0
        self.spent[Int(Stage.stream.rawValue)] = 0
        return times
    }
}

/// The four upstream stage times of one attempt.
public struct UpstreamTimes: Sendable {
    /// Waiting for a connection.
    public var acquire: Nanoseconds
    /// Writing the request.
    public var send: Nanoseconds
    /// Waiting for the response head.
    public var wait: Nanoseconds
    /// Receiving the response.
    public var stream: Nanoseconds

    /// Four times, given.
    @inlinable
    public init(acquire: Nanoseconds, send: Nanoseconds, wait: Nanoseconds, stream: Nanoseconds) {
        self.acquire = acquire
        self.send = send
        self.wait = wait
        self.stream = stream
    }

    /// All four together.
    @inlinable
    public var total: Nanoseconds { self.acquire + self.send + self.wait + self.stream }
}
