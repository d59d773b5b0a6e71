/// How one of several candidates is chosen; key `proxy.load_balancer` (routing-and-config 6).
public enum Balancer: String, CaseIterable, Sendable {
    /// The highest priority; among equals at random, weighted by health.
    case priority
    /// One after the other, with a cursor per candidate set.
    case roundRobin = "round-robin"
    /// The fewest active requests; among equals the healthiest, then in turn.
    case leastConnections = "least-connections"

    /// The word used in the configuration, in JSON and as metric label.
    public var label: StaticString {
        switch self {
        case .priority: "priority"
        case .roundRobin: "round-robin"
        case .leastConnections: "least-connections"
        }
    }
}
