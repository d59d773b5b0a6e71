public import Catalog
public import Domain

/// What happened on one endpoint since start; attempts are counted once.
public struct EndpointTraffic: Equatable, Sendable {
    /// Attempts that ended.
    public var requests: Int
    /// Of these, the ones that failed.
    public var failures: Int
    /// How many attempts ``latencySum`` covers: the successful ones where they can be told apart; nil means all.
    public var timed: Int?
    /// The time of the ``timed`` attempts together.
    public var latencySum: Nanoseconds
    /// The shortest of the timed attempts, if known.
    public var latencyMin: Nanoseconds?
    /// The longest of the timed attempts, if known.
    public var latencyMax: Nanoseconds?
    /// Response body bytes.
    public var bytes: Int

    /// No traffic, or what is given.
    public init(
        requests: Int = 0, failures: Int = 0, timed: Int? = nil, latencySum: Nanoseconds = .zero,
        latencyMin: Nanoseconds? = nil, latencyMax: Nanoseconds? = nil, bytes: Int = 0
    ) {
        self.requests = requests
        self.failures = failures
        self.timed = timed
        self.latencySum = latencySum
        self.latencyMin = latencyMin
        self.latencyMax = latencyMax
        self.bytes = bytes
    }

    var successes: Int { max(0, self.requests - self.failures) }

    /// The share of successful attempts in percent; nil without traffic.
    var successPercent: Double? {
        self.requests > 0 ? Double(self.successes) / Double(self.requests) * 100 : nil
    }

    /// The mean time of an attempt; nil without one.
    var latencyMean: Nanoseconds? {
        let count = self.timed ?? self.requests
        return count > 0 ? Nanoseconds(rawValue: self.latencySum.rawValue / Int64(count)) : nil
    }
}

/// What health checking knows about one endpoint beyond the fleet snapshot.
///
/// Moments are nanoseconds since the Unix epoch; nil is "never".
public struct EndpointHealth: Equatable, Sendable {
    /// When the last check ended.
    public var lastCheck: Nanoseconds?
    /// When the next check is due.
    public var nextCheck: Nanoseconds?
    /// How long the last check took.
    public var lastDuration: Nanoseconds?
    /// Failures since the last success.
    public var failuresInRow: Int
    /// When the models were last listed.
    public var lastModelSync: Nanoseconds?

    /// Nothing known, or what is given.
    public init(
        lastCheck: Nanoseconds? = nil, nextCheck: Nanoseconds? = nil, lastDuration: Nanoseconds? = nil,
        failuresInRow: Int = 0, lastModelSync: Nanoseconds? = nil
    ) {
        self.lastCheck = lastCheck
        self.nextCheck = nextCheck
        self.lastDuration = lastDuration
        self.failuresInRow = failuresInRow
        self.lastModelSync = lastModelSync
    }
}

/// The figures of the status pages that are not in the fleet snapshot.
public struct StatusReport: Sendable {
    /// The fleet whose endpoints the lists below are about; nil for the newest.
    public var fleet: FleetSnapshot?
    /// Traffic by endpoint, in configuration order; a missing entry is no traffic.
    public var traffic: [EndpointTraffic]
    /// Health by endpoint, in configuration order; a missing entry is nothing known.
    public var health: [EndpointHealth]
    /// Client requests now being served.
    public var activeConnections: Int
    /// Requests refused by a rate limit.
    public var rateLimitViolations: Int
    /// Requests refused for their size.
    public var sizeLimitViolations: Int
    /// Distinct addresses that were rate limited within about the last hour.
    public var blockedAddresses: Int

    /// Nothing happened yet, or what is given.
    public init(
        fleet: FleetSnapshot? = nil, traffic: [EndpointTraffic] = [], health: [EndpointHealth] = [],
        activeConnections: Int = 0, rateLimitViolations: Int = 0, sizeLimitViolations: Int = 0,
        blockedAddresses: Int = 0
    ) {
        self.fleet = fleet
        self.traffic = traffic
        self.health = health
        self.activeConnections = activeConnections
        self.rateLimitViolations = rateLimitViolations
        self.sizeLimitViolations = sizeLimitViolations
        self.blockedAddresses = blockedAddresses
    }

    func traffic(of index: EndpointIndex) -> EndpointTraffic {
        let position = Int(index.rawValue)
        return position < self.traffic.count ? self.traffic[position] : EndpointTraffic()
    }

    func health(of index: EndpointIndex) -> EndpointHealth {
        let position = Int(index.rawValue)
        return position < self.health.count ? self.health[position] : EndpointHealth()
    }

    /// All endpoints together.
    var total: EndpointTraffic {
        self.traffic.reduce(into: EndpointTraffic(timed: 0)) { total, traffic in
            total.requests += traffic.requests
            total.failures += traffic.failures
            total.timed = (total.timed ?? 0) + (traffic.timed ?? traffic.requests)
            total.latencySum += traffic.latencySum
            total.bytes += traffic.bytes
        }
    }
}
