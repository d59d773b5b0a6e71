/// How one of several candidates is chosen; key `proxy.load_balancer` (routing-and-config 6).
///
/// docs/BALANCERS.md compares them by simulation.
public enum Balancer: UInt8, CaseIterable, Sendable {
    /// The highest priority; among equals at random, weighted by health.
    case priority
    /// One after the other, with a cursor per candidate set.
    case roundRobin
    /// The fewest active requests; among equals the healthiest, then in turn.
    case leastConnections
    /// The less loaded of two drawn at random; recent failures and poor health count as load.
    case powerOfTwoChoices
    /// The shortest expected time to first token: its peak-sensitive moving average times the load.
    case movingAverage
    /// The endpoint that the conversation hashes to, unless that one has more than its share.
    case prefixAffinity

    /// The word used in the configuration, in JSON and as metric label.
    public var label: StaticString {
        switch self {
        case .priority: "priority"
        case .roundRobin: "round-robin"
        case .leastConnections: "least-connections"
        case .powerOfTwoChoices: "p2c"
        case .movingAverage: "ewma"
        case .prefixAffinity: "prefix-affinity"
        }
    }
}
