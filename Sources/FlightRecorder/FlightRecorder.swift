public import Domain

/// Remembers the requests that somebody may ask about: the last ones, the last that failed, the slowest.
///
/// A burst of good requests pushes no failure out, and a burst of refused clients pushes no failure of an endpoint
/// out: each kind has a ring of its own. A slow request is kept until ``slowestAge`` has passed or
/// ``Capacity/slowest`` slower ones came.
///
/// - Isolation: single owner, the event loop whose requests it records.
/// - Bounds: ``Capacity/total`` records, about 170 KiB, all allocated by `init`; recording allocates nothing.
public struct FlightRecorder: ~Copyable {
    /// How many requests are remembered, by the reason they are.
    public struct Capacity: Sendable {
        /// The last requests of any outcome.
        public var recent = 128
        /// The last that an endpoint or the gateway failed.
        public var failed = 64
        /// The last that a client lost or left: refused, limited, cancelled.
        public var refused = 32
        /// The slowest of the last ``FlightRecorder/slowestAge``.
        public var slowest = 32

        /// The documented numbers.
        public init() {}

        /// All together.
        public var total: Int { self.recent + self.failed + self.refused + self.slowest }
    }

    /// Why a request is kept beyond its turn.
    enum Kept {
        case failed
        case refused
    }

    /// How long a slow request stands among the slowest.
    public static let slowestAge = Nanoseconds.seconds(900)

    private var recent: Ring
    private var failed: Ring
    private var refused: Ring
    private var slowest: [FlightRecord]
    /// Duration and end of each of ``slowest``, close together: they are looked at for every request.
    private var slowTimes: [(duration: Int64, end: Int64)]
    private var sequence: UInt64 = 0

    /// An empty memory.
    public init(capacity: Capacity = Capacity()) {
        self.recent = Ring(count: capacity.recent)
        self.failed = Ring(count: capacity.failed)
        self.refused = Ring(count: capacity.refused)
        self.slowest = Array(repeating: FlightRecord(), count: capacity.slowest)
        self.slowTimes = Array(repeating: (0, .min), count: capacity.slowest)
    }

    /// Remembers a finished request; `fill` sets every field of a record that begins as nothing.
    public mutating func record(_ fill: (inout FlightRecord) -> Void) {
        self.sequence += 1
        let place = self.recent.advance()
        self.recent.records[place] = FlightRecord()
        self.recent.records[place].sequence = self.sequence
        fill(&self.recent.records[place])
        switch self.recent.records[place].outcome.kept {
        case .failed: self.failed.records[self.failed.advance()] = self.recent.records[place]
        case .refused: self.refused.records[self.refused.advance()] = self.recent.records[place]
        case nil: break
        }
        self.keepIfSlow(place)
    }

    private mutating func keepIfSlow(_ place: Int) {
        let duration = self.recent.records[place].duration.rawValue
        let end = self.recent.records[place].start.rawValue + duration
        let oldest = end - Self.slowestAge.rawValue
        var victim = -1
        var least = duration
        for index in self.slowTimes.indices {
            let times = self.slowTimes[index]
            // A place whose request is too old counts as free, and a free one is the best victim.
            let weight = times.end <= oldest ? -1 : times.duration
            if weight < least {
                least = weight
                victim = index
            }
        }
        guard victim >= 0 else { return }
        self.slowTimes[victim] = (duration, end)
        self.slowest[victim] = self.recent.records[place]
    }

    /// Everything remembered, each request once, oldest first.
    ///
    /// Allocates: it is for a question, not for the data path.
    ///
    /// - Parameter now: nanoseconds since the Unix epoch, by which the slowest age.
    /// - Returns: copies that share nothing with the recorder.
    public func copy(at now: Nanoseconds) -> [FlightRecord] {
        var copies: [FlightRecord] = []
        copies.reserveCapacity(self.recent.records.count + self.failed.records.count)
        var seen: Set<UInt64> = []
        func take(_ record: FlightRecord) {
            if record.sequence > 0, seen.insert(record.sequence).inserted { copies.append(record) }
        }
        for record in self.recent.records { take(record) }
        for record in self.failed.records { take(record) }
        for record in self.refused.records { take(record) }
        for index in self.slowest.indices
        where self.slowTimes[index].end > now.rawValue - Self.slowestAge.rawValue {
            take(self.slowest[index])
        }
        return copies.sorted { $0.sequence < $1.sequence }
    }
}

/// Places that are used in turn.
private struct Ring {
    var records: [FlightRecord]
    private var next = 0

    init(count: Int) { self.records = Array(repeating: FlightRecord(), count: max(1, count)) }

    /// The place of the next record.
    mutating func advance() -> Int {
        defer { self.next = self.next + 1 == self.records.count ? 0 : self.next + 1 }
        return self.next
    }
}
