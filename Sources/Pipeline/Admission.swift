public import Domain

/// The rules by which requests are let in: rates per address and for all, and keys of clients.
///
/// Shared by all loops; nothing on the way of a request takes a lock or allocates.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: 8192 addresses at a time for each kind of limit that is on.
public final class Admission: Sendable {
    /// What the operator asked for.
    public struct Rules: Sendable {
        /// For all clients together.
        public var global: BucketRate?
        /// For each client address.
        public var client: BucketRate?
        /// Requests a minute of ``client`` as configured, for `X-RateLimit-Limit`; 0 when it is off.
        public var clientPerMinute = 0
        /// For each client address on the health route.
        public var health: BucketRate?
        /// The peers whose `X-Forwarded-For` is believed; nil when no header is.
        public var trusted: TrustedPeers?
        /// The keys; empty when everybody may use the gateway.
        public var keys: [ClientKey] = []
        /// One more header in which the key may stand, in lower case; empty for none.
        public var keyHeader: [UInt8] = []

        /// No rule at all.
        public init() {}

        /// Whether there is anything to check.
        public var isEmpty: Bool {
            self.global == nil && self.client == nil && self.health == nil && self.keys.isEmpty && self.trusted == nil
        }
    }

    /// The keys of clients.
    public let keys: ClientKeys
    /// The rules.
    public let rules: Rules
    private let clients: ClientBuckets?
    private let health: ClientBuckets?
    private let global: SharedBucket

    /// Buckets for these rules.
    ///
    /// - Parameters:
    ///   - rules: what the operator asks for.
    ///   - seed: makes the places of addresses unpredictable for clients.
    ///   - previous: the rules before these, whose buckets go on; nil for full ones.
    public init(_ rules: Rules, seed: UInt64, following previous: Admission? = nil) {
        self.rules = rules
        self.keys = ClientKeys(rules.keys, following: previous?.keys)
        self.clients = rules.client == nil ? nil : previous?.clients ?? ClientBuckets(seed: seed)
        self.health = rules.health == nil ? nil : previous?.health ?? ClientBuckets(seed: seed)
        self.global = previous?.global ?? SharedBucket()
    }

    /// Takes a token of an address; nil when there is no such limit.
    public func takeClient(_ address: NetworkAddress, at now: MonotonicTime) -> BucketReading? {
        guard let rate = self.rules.client else { return nil }
        return self.clients?.take(address, rate, at: now)
    }

    /// Gives back what ``takeClient(_:at:)`` took.
    public func giveBackClient(_ address: NetworkAddress) {
        guard let rate = self.rules.client else { return }
        self.clients?.giveBack(address, rate)
    }

    /// Takes a token of the limit all clients share; nil when there is no such limit.
    public func takeGlobal(at now: MonotonicTime) -> BucketReading? {
        guard let rate = self.rules.global else { return nil }
        return self.global.bucket.take(rate, at: now)
    }

    /// Takes a token of an address for the health route; nil when there is no such limit.
    public func takeHealth(_ address: NetworkAddress, at now: MonotonicTime) -> BucketReading? {
        guard let rate = self.rules.health else { return nil }
        return self.health?.take(address, rate, at: now)
    }

    /// The addresses whose buckets are not full.
    public func trackedClients(at now: MonotonicTime) -> Int { self.clients?.trackedCount(at: now) ?? 0 }

    /// The addresses refused within the hour before `now`, as far as they are remembered.
    public func refusedClients(at now: MonotonicTime) -> Int {
        self.clients?.refusedCount(since: now + Nanoseconds.seconds(-3600)) ?? 0
    }
}
