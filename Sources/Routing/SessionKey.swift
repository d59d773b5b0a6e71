import Domain

/// Where the key of a conversation comes from; key `proxy.sticky_sessions.key_sources` (routing-and-config 6.4).
public enum SessionSource: UInt8, CaseIterable, Sendable {
    /// `X-Olla-Session-ID`.
    case sessionHeader
    /// The first bytes of the messages.
    case prefixHash
    /// `Authorization`.
    case authHeader
    /// The address of the TCP peer.
    case address

    /// The word used in the configuration and in `X-Olla-Sticky-Key-Source`.
    public var label: StaticString {
        switch self {
        case .sessionHeader: "session_header"
        case .prefixHash: "prefix_hash"
        case .authHeader: "auth_header"
        case .address: "ip"
        }
    }
}

/// What a conversation is known by: hashes only, never the values themselves.
public struct SessionKey: Hashable, Sendable {
    /// Where it comes from.
    public let source: SessionSource
    /// FNV-1a of the value.
    public let value: UInt64
    /// FNV-1a of the model's name in lower case; of nothing without a model.
    public let scope: UInt64

    /// A key of a value, for a model.
    ///
    /// - Parameters:
    ///   - source: where the value comes from.
    ///   - value: the value, not empty.
    ///   - model: the model's name as the client sent it; empty when there is none.
    public init(_ source: SessionSource, value: Span<UInt8>, model: Span<UInt8>) {
        self.source = source
        var hash = FNV1a()
        hash.add(value)
        self.value = hash.value
        self.scope = Self.scope(of: model)
    }

    /// FNV-1a of a model's name, trimmed and in lower case.
    public static func scope(of model: Span<UInt8>) -> UInt64 {
        var hash = FNV1a()
        for offset in ModelName.trimmedRange(of: model) { hash.add(ASCII.lowercased(model[offset])) }
        return hash.value
    }

    /// What `prefix-affinity` places a conversation by.
    ///
    /// - Parameters:
    ///   - conversation: FNV-1a of the beginning of its messages.
    ///   - model: the model's name as the client sent it.
    /// - Returns: a hash of both.
    public static func affinity(of conversation: UInt64, model: Span<UInt8>) -> UInt64 {
        Rendezvous.mixed(conversation ^ Rendezvous.mixed(self.scope(of: model)))
    }

    /// Spreads keys over shards: every bit of the key counts.
    var spread: UInt64 { Rendezvous.mixed(self.value ^ Rendezvous.mixed(self.scope &+ UInt64(self.source.rawValue))) }

    /// Two keys are equal when source, value and scope are.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.spread) }
}

/// Highest-random-weight hashing (Thaler and Ravishankar, 1998).
enum Rendezvous {
    /// How strongly a key is drawn to an endpoint.
    static func weight(of key: UInt64, on identity: UInt64) -> UInt64 { self.mixed(key ^ identity) }

    /// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
