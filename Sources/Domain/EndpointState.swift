/// What health checking knows about an endpoint.
///
/// Spellings are fixed by the compatible system.
public enum EndpointState: UInt8, CaseIterable, Sendable {
    case healthy
    case busy
    case warming
    case unhealthy
    case offline
    case unknown
    case configError
    case rateLimited

    /// The word used in JSON, metric labels and log lines.
    public var label: StaticString {
        switch self {
        case .healthy: "healthy"
        case .busy: "busy"
        case .warming: "warming"
        case .unhealthy: "unhealthy"
        case .offline: "offline"
        case .unknown: "unknown"
        case .configError: "config_error"
        case .rateLimited: "rate_limited"
        }
    }

    /// Whether the endpoint may be given requests.
    @inlinable
    public var isRoutable: Bool {
        switch self {
        case .healthy, .busy, .warming: true
        case .unhealthy, .offline, .unknown, .configError, .rateLimited: false
        }
    }

    /// The share of traffic relative to a healthy endpoint of the same priority.
    @inlinable
    public var weight: Double {
        switch self {
        case .healthy: 1.0
        case .busy: 0.3
        case .warming: 0.1
        case .unhealthy, .offline, .unknown, .configError, .rateLimited: 0
        }
    }
}

/// The state of an endpoint's request breaker.
public enum BreakerState: UInt8, CaseIterable, Sendable {
    case closed
    case open
    case halfOpen

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        }
    }
}

/// An endpoint's place in the configuration; stable for the life of one fleet generation.
///
/// Range: 0 ..< ``EndpointSet/capacity``.
public struct EndpointIndex: RawRepresentable, Hashable, Comparable, Sendable {
    /// The position in the configuration's endpoint list.
    public let rawValue: UInt16

    /// Wraps a position.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Whether the left value comes before the right one.
    @inlinable
    public static func < (left: EndpointIndex, right: EndpointIndex) -> Bool { left.rawValue < right.rawValue }
}

/// A set of endpoints as a bit per configured endpoint: intersecting candidates allocates nothing.
///
/// - Bounds: ``capacity`` endpoints; a configuration with more is refused at load.
public struct EndpointSet: Equatable, Sendable {
    /// The most endpoints a configuration may have.
    public static let capacity = 256
    @usableFromInline var words: InlineArray<4, UInt64>

    /// The empty set.
    @inlinable
    public init() { self.words = .init(repeating: 0) }

    /// Whether no endpoint is in the set.
    @inlinable
    public var isEmpty: Bool { (self.words[0] | self.words[1] | self.words[2] | self.words[3]) == 0 }

    /// How many endpoints are in the set.
    @inlinable
    public var count: Int {
        self.words[0].nonzeroBitCount + self.words[1].nonzeroBitCount + self.words[2].nonzeroBitCount
            + self.words[3].nonzeroBitCount
    }

    /// Whether an endpoint is in the set.
    @inlinable
    public func contains(_ index: EndpointIndex) -> Bool {
        self.words[Int(index.rawValue >> 6) & 3] & (1 << UInt64(index.rawValue & 63)) != 0
    }

    /// Adds an endpoint.
    @inlinable
    public mutating func insert(_ index: EndpointIndex) {
        self.words[Int(index.rawValue >> 6) & 3] |= 1 << UInt64(index.rawValue & 63)
    }

    /// Removes an endpoint.
    @inlinable
    public mutating func remove(_ index: EndpointIndex) {
        self.words[Int(index.rawValue >> 6) & 3] &= ~(1 << UInt64(index.rawValue & 63))
    }

    /// The endpoints that are in both sets.
    @inlinable
    public func intersection(_ other: EndpointSet) -> EndpointSet {
        var result = self
        for word in 0..<4 { result.words[word] &= other.words[word] }
        return result
    }

    /// The endpoints that are in either set.
    @inlinable
    public func union(_ other: EndpointSet) -> EndpointSet {
        var result = self
        for word in 0..<4 { result.words[word] |= other.words[word] }
        return result
    }

    /// The endpoints of this set that are not in the other.
    @inlinable
    public func subtracting(_ other: EndpointSet) -> EndpointSet {
        var result = self
        for word in 0..<4 { result.words[word] &= ~other.words[word] }
        return result
    }

    /// Calls `body` for each endpoint in configuration order.
    @inlinable
    public func forEach(_ body: (EndpointIndex) -> Void) {
        for word in 0..<4 {
            var bits = self.words[word]
            while bits != 0 {
                body(EndpointIndex(rawValue: UInt16(word << 6 | bits.trailingZeroBitCount)))
                bits &= bits &- 1
            }
        }
    }

    /// The `position`-th endpoint of the set in configuration order, or nil past the end.
    @inlinable
    public func element(at position: Int) -> EndpointIndex? {
        var remaining = position
        for word in 0..<4 {
            var bits = self.words[word]
            let here = bits.nonzeroBitCount
            if remaining >= here {
                remaining -= here
                continue
            }
            while remaining > 0 {
                bits &= bits &- 1
                remaining -= 1
            }
            return EndpointIndex(rawValue: UInt16(word << 6 | bits.trailingZeroBitCount))
        }
        return nil
    }

    /// Whether both hold the same.
    @inlinable
    public static func == (left: EndpointSet, right: EndpointSet) -> Bool {
        left.words[0] == right.words[0] && left.words[1] == right.words[1] && left.words[2] == right.words[2]
            && left.words[3] == right.words[3]
    }
}
