import Catalog
import Domain
import Routing
import Testing

/// The balancers that go by what attempts find out: `p2c`, `ewma` and `prefix-affinity`.
@Suite("Balancers of our own")
struct LoadBalancerTests {
    private static let path = "/v1/chat/completions"

    private func pick(
        _ router: Router, _ fleet: TestFleet, random: UInt64 = 0, affinity: UInt64? = nil,
        excluding: EndpointSet = .init(), keeping: Bool = false
    ) throws -> Int {
        let request = RouteRequest(
            kind: .proxy, excluded: excluding, now: fleet.now, random: random, affinity: affinity)
        let explained = router.explain(
            request, path: Self.path.utf8.span, model: "".utf8.span, in: fleet.snapshot)
        let result = router.pick(request, path: Self.path.utf8.span, model: "".utf8.span, in: fleet.snapshot)
        let decision = try #require(result.decision)
        if excluding.isEmpty {
            guard case .chosen(decision.endpoint) = explained.ending else {
                Issue.record("\(explained.ending) is not \(decision.endpoint)")
                return -1
            }
        }
        let index = Int(decision.endpoint.rawValue)
        if !keeping { fleet.live(index).abandon(decision.ticket, at: fleet.now) }
        return index
    }

    private func load(_ fleet: TestFleet, _ position: Int, _ count: Int) {
        for _ in 0..<count { _ = fleet.live(position).tryBegin(limit: 0) }
    }

    /// Evenly spread random numbers, each half of the bits of its own.
    private static func random(_ step: Int) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: step &* 0x9E37_79B9)) << 32
            | UInt64(UInt32(truncatingIfNeeded: step &* 0x85EB_CA6B))
    }

    private func shares(_ router: Router, _ fleet: TestFleet, picks: Int = 12_000) throws -> [Int] {
        var counts = [Int](repeating: 0, count: fleet.snapshot.endpoints.count)
        for step in 0..<picks { counts[try self.pick(router, fleet, random: Self.random(step))] += 1 }
        return counts
    }

    // MARK: p2c

    @Test func `p2c draws every pair and takes the lighter one`() throws {
        let fleet = try TestFleet([.init(), .init(), .init(), .init()])
        for position in 0..<4 { self.load(fleet, position, position) }
        let counts = try self.shares(Router(balancer: .powerOfTwoChoices), fleet)
        // The k-th lightest of n is in (n - k) of n (n - 1) / 2 pairs in which it is the lighter one.
        for (count, expected) in zip(counts, [6_000, 4_000, 2_000, 0]) {
            #expect(abs(count - expected) < 300, "\(counts)")
        }
    }

    @Test func `p2c spreads evenly over equals`() throws {
        let fleet = try TestFleet([.init(), .init(), .init()])
        for count in try self.shares(Router(balancer: .powerOfTwoChoices), fleet) { #expect(abs(count - 4_000) < 300) }
    }

    @Test func `p2c avoids an endpoint that failed lately, and forgives it by and by`() throws {
        var fleet = try TestFleet([.init(), .init()])
        let router = Router(balancer: .powerOfTwoChoices)
        for _ in 0..<4 { fleet.live(0).experience.failed(after: .zero, at: fleet.now) }
        self.load(fleet, 1, 3)
        #expect(try self.shares(router, fleet, picks: 100) == [0, 100])
        self.load(fleet, 1, 3)
        #expect(try self.shares(router, fleet, picks: 100) == [100, 0])
        for _ in 0..<6 { fleet.live(1).end() }
        self.load(fleet, 1, 1)
        #expect(try self.shares(router, fleet, picks: 100) == [0, 100])
        fleet.now = fleet.now + .seconds(30)
        #expect(try self.shares(router, fleet, picks: 100) == [100, 0])
    }

    @Test func `p2c counts poor health as load`() throws {
        let fleet = try TestFleet([.init(state: .warming), .init()])
        self.load(fleet, 1, 8)
        #expect(try self.shares(Router(balancer: .powerOfTwoChoices), fleet, picks: 50) == [0, 50])
        self.load(fleet, 1, 2)
        #expect(try self.shares(Router(balancer: .powerOfTwoChoices), fleet, picks: 50) == [50, 0])
    }

    // MARK: ewma

    @Test func `ewma takes the endpoint whose answer is expected soonest`() throws {
        let fleet = try TestFleet([.init(), .init()])
        fleet.live(0).experience.answered(after: .milliseconds(100), at: fleet.now)
        fleet.live(1).experience.answered(after: .milliseconds(350), at: fleet.now)
        let router = Router(balancer: .movingAverage)
        let picks = try (0..<6).map { _ in try self.pick(router, fleet, keeping: true) }
        // 100, 200, 300 against 350; then 400 against 350; then 400 and 500 against 700.
        #expect(picks == [0, 0, 0, 1, 0, 0])
    }

    @Test func `ewma gives an endpoint it knows nothing of one request and then waits for its answer`() throws {
        let fleet = try TestFleet([.init(), .init()])
        fleet.live(0).experience.answered(after: .milliseconds(100), at: fleet.now)
        let router = Router(balancer: .movingAverage)
        #expect(try (0..<4).map { _ in try self.pick(router, fleet, keeping: true) } == [1, 0, 0, 0])
        fleet.live(1).experience.answered(after: .milliseconds(10), at: fleet.now)
        #expect(try self.pick(router, fleet) == 1)
    }

    @Test func `ewma takes 429 and 5xx for slow answers, and tries again later`() throws {
        var fleet = try TestFleet([.init(), .init()])
        for position in 0..<2 { fleet.live(position).experience.answered(after: .milliseconds(100), at: fleet.now) }
        fleet.live(0).experience.failed(after: .milliseconds(1), at: fleet.now)
        let router = Router(balancer: .movingAverage)
        #expect(try (0..<10).map { _ in try self.pick(router, fleet) } == [Int](repeating: 1, count: 10))
        for _ in 0..<30 {
            fleet.now = fleet.now + .seconds(1)
            fleet.live(1).experience.answered(after: .milliseconds(100), at: fleet.now)
        }
        #expect(try self.pick(router, fleet) == 0)
    }

    // MARK: prefix-affinity

    private func homes(_ router: Router, _ fleet: TestFleet, keys: Int) throws -> [Int] {
        try (0..<keys).map { try self.pick(router, fleet, affinity: FNV1a.hash("conversation \($0)")) }
    }

    @Test func `prefix-affinity gives a conversation the same endpoint on every replica`() throws {
        let fleet = try TestFleet((0..<10).map { _ in .init() })
        let first = try self.homes(Router(balancer: .prefixAffinity), fleet, keys: 300)
        // Another replica: other objects, another router, other requests before.
        let other = try TestFleet((0..<10).map { _ in .init() })
        let second = try self.homes(Router(balancer: .prefixAffinity), other, keys: 300)
        #expect(first == second)
        #expect(Set(first).count == 10)
    }

    @Test func `prefix-affinity leaves conversations where they are when another endpoint goes`() throws {
        let before = try TestFleet((0..<10).map { _ in .init() })
        let after = try TestFleet((0..<10).map { .init(state: $0 == 4 ? .offline : .healthy) })
        let homes = try self.homes(Router(balancer: .prefixAffinity), before, keys: 1_000)
        let later = try self.homes(Router(balancer: .prefixAffinity), after, keys: 1_000)
        for (home, now) in zip(homes, later) where home != 4 { #expect(now == home) }
        let moved = zip(homes, later).filter { $0.0 == 4 }.map(\.1)
        #expect(!moved.contains(4))
        #expect(Set(moved).count == 9)
    }

    @Test func `prefix-affinity gives no endpoint more than its share of what runs`() throws {
        let fleet = try TestFleet((0..<4).map { _ in .init() })
        let router = Router(balancer: .prefixAffinity)
        for _ in 0..<400 { _ = try self.pick(router, fleet, affinity: 7, keeping: true) }
        let active = (0..<4).map { fleet.live($0).active }
        #expect(active.reduce(0, +) == 400)
        // 1.125 times the mean, and room for chance.
        #expect(try #require(active.max()) <= 125)
    }

    @Test func `prefix-affinity keeps a lively conversation of an idle fleet where it is`() throws {
        let fleet = try TestFleet((0..<4).map { _ in .init() })
        let router = Router(balancer: .prefixAffinity)
        #expect(Set(try (0..<200).map { _ in try self.pick(router, fleet, affinity: 7) }).count == 1)
    }

    @Test func `prefix-affinity avoids an endpoint that has become slow`() throws {
        let fleet = try TestFleet((0..<4).map { _ in .init() })
        let router = Router(balancer: .prefixAffinity)
        let home = try self.pick(router, fleet, affinity: 7)
        for position in 0..<4 { self.load(fleet, position, position == home ? 40 : 10) }
        #expect(try self.pick(router, fleet, affinity: 7) != home)
        for _ in 0..<25 { fleet.live(home).end() }
        #expect(try self.pick(router, fleet, affinity: 7) == home)
    }

    @Test func `prefix-affinity without a conversation takes the least loaded`() throws {
        let fleet = try TestFleet([.init(), .init(), .init()])
        self.load(fleet, 0, 2)
        self.load(fleet, 2, 1)
        #expect(try self.pick(Router(balancer: .prefixAffinity), fleet) == 1)
    }

    // MARK: Explanation

    @Test("An explanation moves no cursor and takes no place", arguments: Balancer.allCases)
    func explains(balancer: Balancer) throws {
        let fleet = try TestFleet([.init(models: ["m"]), .init(models: ["m"]), .init(models: ["m"])])
        let router = Router(balancer: balancer)
        for step in 0..<20 {
            let random = Self.random(step)
            for _ in 0..<3 {
                let request = RouteRequest(kind: .proxy, now: fleet.now, random: random, affinity: 9)
                _ = router.explain(request, path: Self.path.utf8.span, model: "m".utf8.span, in: fleet.snapshot)
            }
            #expect((0..<3).allSatisfy { fleet.live($0).active == 0 })
            // Compares with what the explanation before says.
            _ = try self.pick(router, fleet, random: random, affinity: 9)
        }
    }

    @Test("An explanation says why an endpoint takes no part")
    func exclusions() throws {
        let fleet = try TestFleet([
            .init(models: ["m"]), .init(state: .offline, models: ["m"]), .init(type: "ollama", models: ["m"]),
            .init(models: ["n"]), .init(models: ["m"]), .init(models: ["m"]), .init(models: ["m"], limit: 1),
            .init(models: ["m"]),
        ])
        fleet.trip(4)
        fleet.live(5).hold(for: .seconds(7), at: fleet.now)
        self.load(fleet, 6, 1)
        _ = fleet.live(7).demote()
        let request = RouteRequest(kind: try fleet.kind("vllm"), now: fleet.now, random: 0)
        let explanation = Router(balancer: .leastConnections).explain(
            request, path: Self.path.utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        #expect(
            explanation.rows.map(\.exclusion) == [
                nil, .notRoutable, .otherProvider, .modelMissing, .breakerOpen, .retryAfter, .atCapacity, .unreachable,
            ])
        #expect(explanation.rows[0].score == 0)
        #expect(explanation.rows[1...].allSatisfy { $0.score == nil })
        #expect(explanation.rows[5].retryAt == fleet.now + .seconds(7))
        guard case .chosen(let endpoint) = explanation.ending else {
            Issue.record("\(explanation.ending)")
            return
        }
        #expect(endpoint.rawValue == 0)
    }
}
