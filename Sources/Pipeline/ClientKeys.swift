public import Domain
import HTTPWire

/// A key that a client may present, without its value.
public struct ClientKey: Sendable {
    /// The name in metrics and log lines.
    public var name: String
    /// The digest of the value.
    public var digest: KeyDigest
    /// Requests a minute; nil for any number.
    public var requests: BucketRate?
    /// Tokens a minute; nil for any number.
    public var tokens: BucketRate?

    /// A key; 0 or less switches a limit off, and a limit may be used up in a burst of one minute's worth.
    public init(name: String, digest: KeyDigest, requestsPerMinute: Int = 0, tokensPerMinute: Int = 0) {
        self.name = name
        self.digest = digest
        self.requests = BucketRate(perMinute: requestsPerMinute, burst: requestsPerMinute)
        self.tokens = BucketRate(perMinute: tokensPerMinute, burst: tokensPerMinute)
    }
}

/// The keys of a configuration with their buckets, shared by all loops.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: one place per key; a look-up visits all of them.
public final class ClientKeys: Sendable {
    private final class Place: Sendable {
        let key: ClientKey
        let requests: SharedBucket
        let tokens: SharedBucket

        init(_ key: ClientKey, following previous: Place?) {
            self.key = key
            self.requests = previous?.requests ?? SharedBucket()
            self.tokens = previous?.tokens ?? SharedBucket()
        }
    }

    private let places: [Place]

    /// The keys, in the order of the configuration; a key of the same name as one before them goes on with its buckets.
    public init(_ keys: [ClientKey], following previous: ClientKeys? = nil) {
        self.places = keys.map { key in
            Place(key, following: previous?.places.first { $0.key.name == key.name })
        }
    }

    /// Whether there are none, so that everybody may use the gateway.
    public var isEmpty: Bool { self.places.isEmpty }

    /// The key with this value; the time does not depend on which one it is, or on how near the value came.
    ///
    /// - Parameter value: what the client presented.
    /// - Returns: the key's position; nil when it is none of them.
    public func find(_ value: RawSpan) -> Int? {
        let digest = KeyDigest(of: value)
        var found = -1
        for position in self.places.indices {
            let difference = self.places[position].key.digest.difference(from: digest)
            // All ones where the digests are equal, without a branch.
            let mask = Int(truncatingIfNeeded: (Int64(difference) &- 1) >> 63)
            found = (found & ~mask) | (position & mask)
        }
        return found < 0 ? nil : found
    }

    /// Where the value after `Bearer` stands (RFC 6750 section 2.1, the scheme in any case); nil for another scheme.
    public static func bearer(_ field: RawSpan) -> Range<Int>? {
        let scheme: StaticString = "bearer "
        guard field.byteCount > scheme.utf8CodeUnitCount, field.begins(with: scheme) else { return nil }
        var start = scheme.utf8CodeUnitCount
        while start < field.byteCount, unsafe field.unsafeLoad(fromByteOffset: start, as: UInt8.self) == 0x20 {
            start += 1
        }
        return start..<field.byteCount
    }

    /// Whether the limits of a key let one more request through; takes one of its requests when they do.
    ///
    /// - Returns: nil when the request may go on; else the reading of the limit that is used up.
    public func take(_ position: Int, at now: MonotonicTime) -> BucketReading? {
        let place = self.places[position]
        if let rate = place.key.tokens {
            let reading = place.tokens.bucket.peek(rate, at: now)
            if !reading.isAllowed { return reading }
        }
        if let rate = place.key.requests {
            let reading = place.requests.bucket.take(rate, at: now)
            if !reading.isAllowed { return reading }
        }
        return nil
    }

    /// Gives back the request that ``take(_:at:)`` took.
    public func giveBack(_ position: Int) {
        let place = self.places[position]
        if let rate = place.key.requests { place.requests.bucket.giveBack(rate) }
    }

    /// Charges the tokens that an answer used.
    public func charge(_ position: Int, tokens: Int64, at now: MonotonicTime) {
        let place = self.places[position]
        if let rate = place.key.tokens { place.tokens.bucket.charge(tokens, rate, at: now) }
    }
}
