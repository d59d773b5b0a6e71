public import Domain

/// A model's place in one snapshot's model table; meaningless in any other snapshot.
public struct ModelIndex: RawRepresentable, Hashable, Sendable {
    /// The position in ``FleetSnapshot/models``.
    public let rawValue: UInt32

    /// Wraps a position.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// An alias's place in one snapshot's alias table; meaningless in any other snapshot.
public struct AliasIndex: RawRepresentable, Hashable, Sendable {
    /// The position in ``FleetSnapshot/aliases``.
    public let rawValue: UInt32

    /// Wraps a position.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A model as the whole fleet knows it: all sightings of names that mean the same.
public struct ModelRecord: Sendable {
    /// One endpoint's sighting.
    public struct Source: Sendable {
        /// Where the model was seen.
        public let endpoint: EndpointIndex
        /// How it is listed there; ``DiscoveredModel/name`` is the native name.
        public let model: DiscoveredModel
    }

    /// The native name of the first sighting in configuration order; followed by the end of the digest where another model
    /// has that name.
    public let id: String
    /// All sightings in configuration order; an endpoint that lists two spellings has two.
    public let sources: [Source]
    /// Every endpoint that has the model, up or down.
    public let endpoints: EndpointSet
    /// The `model` label's place among the metrics; opaque here.
    public let metricSlot: UInt16

    /// The fields of the first sighting, completed from the others.
    ///
    /// - Parameter endpoints: only sightings on these count.
    /// - Returns: nil when there is no sighting.
    public func merged(over endpoints: EndpointSet) -> DiscoveredModel? {
        var result: DiscoveredModel?
        for source in self.sources where endpoints.contains(source.endpoint) {
            if result == nil { result = source.model } else { result?.fillMissing(from: source.model) }
        }
        return result
    }

    /// The native name on an endpoint: the first it lists.
    public func nativeName(on endpoint: EndpointIndex) -> String? {
        self.sources.first { $0.endpoint == endpoint }?.model.name
    }

    /// The name to put in place of the one a client sent, or nil if the endpoint knows it by exactly that.
    ///
    /// Allocates nothing.
    public func rewrite(of asked: Span<UInt8>, on endpoint: EndpointIndex) -> String? {
        var native: String?
        for position in self.sources.indices where self.sources[position].endpoint == endpoint {
            let name = self.sources[position].model.name
            if Self.isIdentical(name.utf8.span, asked) { return nil }
            if native == nil { native = name }
        }
        return native
    }

    private static func isIdentical(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in left.indices where left[offset] != right[offset] { return false }
        return true
    }
}

/// A name that stands for one of several real models; key `model_aliases`.
public struct ModelAlias: Equatable, Sendable {
    /// The name clients use.
    public var name: String
    /// Real names; on an endpoint that has several of them, the first listed is used.
    public var targets: [String]

    /// An alias.
    public init(name: String, targets: [String]) {
        self.name = name
        self.targets = targets
    }
}
