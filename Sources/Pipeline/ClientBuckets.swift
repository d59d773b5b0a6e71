import Domain
import Synchronization

/// One bucket per client address, in a table of fixed size that all loops share without a lock.
///
/// An address belongs to a set of eight places. When all are taken, the place whose bucket is the fullest goes to the
/// newcomer: a full bucket loses nothing by that, so an address that keeps to its limit never notices. Two loops that
/// take the same place in the same instant cost one of the two addresses at most one token.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: ``capacity`` addresses; memory is taken once, when the table is made.
final class ClientBuckets: Sendable {
    /// The addresses remembered at the same time.
    static let capacity = 8192
    private static let ways = 8

    private final class Place: Sendable {
        // 0 is free.
        let owner = Atomic<UInt64>(0)
        let bucket = TokenBucket()
        // When the owner was last refused; `.min` for never.
        let refusedAt = Atomic<Int64>(.min)
    }

    private let places: [Place]
    private let seed: UInt64

    /// A table.
    ///
    /// - Parameter seed: makes the places of addresses unpredictable for clients.
    init(seed: UInt64) {
        self.places = (0..<Self.capacity).map { _ in Place() }
        self.seed = seed
    }

    /// Takes one token of an address, if there is one.
    func take(_ address: NetworkAddress, _ rate: BucketRate, at now: MonotonicTime) -> BucketReading {
        let place = self.place(of: address)
        let reading = place.bucket.take(rate, at: now)
        if !reading.isAllowed { place.refusedAt.store(now.rawValue, ordering: .relaxed) }
        return reading
    }

    /// Gives a token back.
    func giveBack(_ address: NetworkAddress, _ rate: BucketRate) { self.place(of: address).bucket.giveBack(rate) }

    /// The addresses whose buckets are not full.
    func trackedCount(at now: MonotonicTime) -> Int {
        self.places.reduce(0) { $0 + ($1.bucket.moment > now.rawValue ? 1 : 0) }
    }

    /// The addresses that were refused since a moment and are still remembered.
    func refusedCount(since moment: MonotonicTime) -> Int {
        self.places.reduce(0) { $0 + ($1.refusedAt.load(ordering: .relaxed) >= moment.rawValue ? 1 : 0) }
    }

    private func place(of address: NetworkAddress) -> Place {
        let tag = address.fingerprint(seed: self.seed)
        let first = Int(truncatingIfNeeded: tag >> 32) & (Self.capacity - Self.ways)
        for way in 0..<Self.ways {
            let place = self.places[first + way]
            var owner = place.owner.load(ordering: .relaxed)
            if owner == 0 {
                let claim = place.owner.compareExchange(expected: 0, desired: tag, ordering: .relaxed)
                owner = claim.exchanged ? tag : claim.original
            }
            if owner == tag { return place }
        }
        return self.evict(from: first, for: tag)
    }

    private func evict(from first: Int, for tag: UInt64) -> Place {
        var fullest = self.places[first]
        for way in 1..<Self.ways where self.places[first + way].bucket.moment < fullest.bucket.moment {
            fullest = self.places[first + way]
        }
        fullest.owner.store(tag, ordering: .relaxed)
        fullest.bucket.refill()
        fullest.refusedAt.store(.min, ordering: .relaxed)
        return fullest
    }
}

extension NetworkAddress {
    /// 64 bits of an address, never 0; an IPv6 client is told apart by its /64, which one subscriber holds as a whole
    /// (RFC 6177 section 2).
    func fingerprint(seed: UInt64) -> UInt64 {
        let (high, low) = self.words
        let isIPv4 = high == 0 && low >> 32 == 0xFFFF
        var value = (isIPv4 ? low : high) ^ seed
        // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return max(1, value ^ (value >> 31))
    }
}
