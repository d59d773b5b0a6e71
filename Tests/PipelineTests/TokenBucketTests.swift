import Domain
import SeededRandomness
import Testing

@testable import Pipeline

@Suite("TokenBucket")
struct TokenBucketTests {
    private static func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(rawValue: 1_000_000_000_000 + Int64(seconds * 1e9))
    }

    @Test("starts full, refuses when empty, and refills by the clock")
    func refills() throws {
        let rate = try #require(BucketRate(perMinute: 60, burst: 3))
        let bucket = TokenBucket()
        for left in [2, 1, 0] as [Int64] {
            let reading = bucket.take(rate, at: Self.at(0))
            #expect(reading.isAllowed)
            #expect(reading.remaining == left)
        }
        let refused = bucket.take(rate, at: Self.at(0.5))
        #expect(!refused.isAllowed)
        #expect(refused.remaining == 0)
        #expect(refused.retryAt == Self.at(1))
        #expect(refused.fullAt == Self.at(3))
        let again = bucket.take(rate, at: Self.at(1))
        #expect(again.isAllowed)
        let next = bucket.take(rate, at: Self.at(1.9))
        #expect(!next.isAllowed)
    }

    @Test("a limit of 0 or less is off, a burst of 0 refuses everything")
    func edges() throws {
        #expect(BucketRate(perMinute: 0, burst: 50) == nil)
        #expect(BucketRate(perMinute: -1, burst: 50) == nil)
        let rate = try #require(BucketRate(perMinute: 60, burst: 0))
        let bucket = TokenBucket()
        let reading = bucket.take(rate, at: Self.at(9))
        #expect(!reading.isAllowed)
        #expect(reading.retryAt == .distantFuture)
        let huge = try #require(BucketRate(perMinute: .max, burst: .max))
        let other = TokenBucket()
        let allowed = other.take(huge, at: Self.at(0)).isAllowed
        #expect(allowed)
    }

    @Test("what is given back can be taken again; a charge may leave a debt of at most a day")
    func givesBackAndCharges() throws {
        let rate = try #require(BucketRate(perMinute: 60, burst: 1))
        let bucket = TokenBucket()
        let first = bucket.take(rate, at: Self.at(0)).isAllowed
        bucket.giveBack(rate)
        let second = bucket.take(rate, at: Self.at(0)).isAllowed
        #expect(first)
        #expect(second)
        let tokens = try #require(BucketRate(perMinute: 60, burst: 60))
        let account = TokenBucket()
        account.charge(90, tokens, at: Self.at(0))
        let owing = account.peek(tokens, at: Self.at(29)).isAllowed
        let paid = account.peek(tokens, at: Self.at(31)).isAllowed
        #expect(!owing)
        #expect(paid)
        account.charge(.max, tokens, at: Self.at(31))
        let day = account.peek(tokens, at: Self.at(31 + 86_400 + 61)).isAllowed
        #expect(day)
    }

    @Test("over any schedule no more is let through than burst and refill allow", arguments: 0..<20)
    func holdsTheRate(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let perMinute = Int.random(in: 1...6000, using: &random)
        let burst = Int.random(in: 1...100, using: &random)
        let rate = try #require(BucketRate(perMinute: perMinute, burst: burst))
        let bucket = TokenBucket()
        var (now, allowed) = (0.0, 0)
        for _ in 0..<2000 {
            now += Double.random(in: 0...0.05, using: &random)
            if bucket.take(rate, at: Self.at(now)).isAllowed { allowed += 1 }
        }
        #expect(Double(allowed) <= Double(burst) + now * Double(perMinute) / 60 + 1)
        #expect(Double(allowed) >= min(2000, Double(burst)) - 1)
    }

    @Test("loops that share a bucket take exactly what it holds")
    func isShared() async {
        let keys = ClientKeys([
            ClientKey(name: "a", digest: KeyDigest(of: Array("a".utf8).span.bytes), requestsPerMinute: 1000)
        ])
        let total = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<500).reduce(0) { sum, _ in sum + (keys.take(0, at: Self.at(0)) == nil ? 1 : 0) } }
            }
            return await group.reduce(0, +)
        }
        #expect(total == 1000)
    }
}

@Suite("ClientBuckets")
struct ClientBucketsTests {
    private static let now = MonotonicTime(rawValue: 1_000_000_000_000)

    @Test("addresses have buckets of their own; a /64 of IPv6 is one client")
    func separates() throws {
        let rate = try #require(BucketRate(perMinute: 1, burst: 1))
        let table = ClientBuckets(seed: 1)
        let addresses = try ["10.0.0.1", "10.0.0.2", "2001:db8::1"].map { try #require(NetworkAddress($0)) }
        for address in addresses { #expect(table.take(address, rate, at: Self.now).isAllowed) }
        for address in addresses { #expect(!table.take(address, rate, at: Self.now).isAllowed) }
        let neighbour = try #require(NetworkAddress("2001:db8::2"))
        #expect(!table.take(neighbour, rate, at: Self.now).isAllowed)
        #expect(table.trackedCount(at: Self.now) == 3)
        #expect(table.refusedCount(since: Self.now) == 3)
        #expect(table.trackedCount(at: Self.now + .seconds(61)) == 0)
    }

    @Test("a flood of addresses stays within the table, and never costs a heavy user its bucket at once")
    func isBounded() throws {
        let rate = try #require(BucketRate(perMinute: 1, burst: 50))
        let table = ClientBuckets(seed: 7)
        let heavy = try #require(NetworkAddress("192.0.2.1"))
        for _ in 0..<50 { _ = table.take(heavy, rate, at: Self.now) }
        for number in 0..<100_000 {
            let text = "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
            _ = table.take(try #require(NetworkAddress(text)), rate, at: Self.now)
        }
        #expect(!table.take(heavy, rate, at: Self.now).isAllowed)
        #expect(table.trackedCount(at: Self.now) <= ClientBuckets.capacity)
    }
}
