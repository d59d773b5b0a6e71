import Catalog
import Domain
import Routing
import Testing

@Suite("Balancers")
struct BalancerTests {
    @Test(
        arguments: [
            ("priority", Balancer.priority), ("round-robin", .roundRobin), ("least-connections", .leastConnections),
            ("p2c", .powerOfTwoChoices), ("ewma", .movingAverage), ("prefix-affinity", .prefixAffinity),
        ])
    func `are spelled as in the configuration`(text: String, balancer: Balancer) {
        #expect("\(balancer.label)" == text)
        #expect(balancer.label.description == text)
    }

    /// Picks many times with evenly spread random numbers; returns how often each endpoint was picked.
    private func shares(
        _ fleet: TestFleet, _ balancer: Balancer, picks: Int, excluding excluded: EndpointSet = .init()
    ) throws -> [Int] {
        let router = Router(balancer: balancer)
        var counts = [Int](repeating: 0, count: fleet.snapshot.endpoints.count)
        for position in 0..<picks {
            let random = UInt64(position) &* (UInt64.max / UInt64(picks))
            let decision = try #require(
                try fleet.pick(router, excluding: excluded, random: random).decision)
            counts[Int(decision.endpoint.rawValue)] += 1
        }
        return counts
    }

    // MARK: priority

    @Test func `priority takes the highest tier and the next only when that is gone`() throws {
        let fleet = try TestFleet([
            .init(priority: 50), .init(priority: 100), .init(state: .warming, priority: 200), .init(priority: 0),
        ])
        #expect(try self.shares(fleet, .priority, picks: 20) == [0, 0, 20, 0])
        #expect(try self.shares(fleet, .priority, picks: 20, excluding: endpoints(2)) == [0, 20, 0, 0])
        #expect(try self.shares(fleet, .priority, picks: 20, excluding: endpoints(1, 2)) == [20, 0, 0, 0])
        #expect(try self.shares(fleet, .priority, picks: 20, excluding: endpoints(0, 1, 2)) == [0, 0, 0, 20])
    }

    @Test func `priority weighs equals by health: 1, 0.3 and 0.1`() throws {
        let fleet = try TestFleet([
            .init(), .init(state: .busy), .init(state: .warming), .init(), .init(state: .offline),
        ])
        // Ten, three, one and ten of twenty-four parts.
        let counts = try self.shares(fleet, .priority, picks: 24_000)
        for (count, expected) in zip(counts, [10_000, 3_000, 1_000, 10_000, 0]) {
            #expect(abs(count - expected) <= 2, "\(counts)")
        }
    }

    @Test(arguments: [0, 1, UInt64.max / 2, UInt64.max])
    func `priority copes with every random number`(random: UInt64) throws {
        for states in [[EndpointState.healthy], [.busy, .warming], [.warming, .warming, .warming]] {
            let fleet = try TestFleet(states.map { .init(state: $0) })
            #expect(try fleet.pick(Router(balancer: .priority), random: random).decision != nil)
        }
    }

    // MARK: round-robin

    @Test func `round-robin goes through the candidates in configuration order, whatever their weight`() throws {
        let fleet = try TestFleet([.init(priority: 1), .init(state: .busy), .init(state: .offline), .init()])
        let router = Router(balancer: .roundRobin)
        let picks = try (0..<7).map { _ in try fleet.pick(router).decision?.endpoint.rawValue }
        #expect(picks == [0, 1, 3, 0, 1, 3, 0])
    }

    @Test func `round-robin keeps a cursor per candidate set`() throws {
        let fleet = try TestFleet([
            .init(models: ["a"]), .init(models: ["a", "b"]), .init(models: ["b"]),
        ])
        let router = Router(balancer: .roundRobin)
        var picks: [String: [UInt16?]] = [:]
        for position in 0..<12 {
            let model = position.isMultiple(of: 3) ? "a" : "b"
            picks[model, default: []].append(try fleet.pick(router, model: model).decision?.endpoint.rawValue)
        }
        #expect(picks["a"] == [0, 1, 0, 1])
        #expect(picks["b"] == [1, 2, 1, 2, 1, 2, 1, 2])
    }

    @Test func `round-robin stays fair with more candidate sets than cursors`() throws {
        let names = (0..<400).map { "m\($0)" }
        let lines = (0..<10).map { position in
            TestFleet.Line(
                models: names.enumerated().filter { ($0.offset + 1) >> position & 1 == 1 }.map(\.element))
        }
        let fleet = try TestFleet(lines)
        let router = Router(balancer: .roundRobin)
        for name in names { #expect(try fleet.pick(router, model: name).decision != nil) }
        let counts = try (0..<1_000).map { _ in try fleet.pick(router, model: "m6").decision?.endpoint.rawValue }
        // The seventh model is on the first three endpoints.
        for endpoint in 0..<3 as Range<UInt16> {
            #expect(abs(counts.count { $0 == endpoint } - 333) <= 1)
        }
    }

    // MARK: least-connections

    @Test func `least-connections takes the least loaded, whatever its priority and weight`() throws {
        let fleet = try TestFleet([.init(priority: 200), .init(state: .warming, priority: 1), .init()])
        for (position, active) in [3, 1, 2].enumerated() {
            for _ in 0..<active { #expect(fleet.live(position).tryBegin(limit: 0)) }
        }
        let router = Router(balancer: .leastConnections)
        let picks = try (0..<6).map { _ in try fleet.pick(router, keeping: true).decision?.endpoint.rawValue }
        #expect(picks.first == 1)
        // Ties between the healthy ones rotate, so the order among them is free; the loads end level.
        #expect((0..<3).map { fleet.live($0).active } == [4, 4, 4])
    }

    @Test func `least-connections prefers the healthier of equals, then takes turns`() throws {
        let fleet = try TestFleet([.init(state: .warming), .init(), .init(state: .busy), .init()])
        #expect(try self.shares(fleet, .leastConnections, picks: 10) == [0, 5, 0, 5])
        #expect(try self.shares(fleet, .leastConnections, picks: 10, excluding: endpoints(1, 3)) == [0, 0, 10, 0])
    }

    @Test func `every balancer takes the only candidate`() throws {
        let fleet = try TestFleet([.init(state: .offline), .init(state: .warming)])
        for balancer in Balancer.allCases {
            let decision = try #require(try fleet.pick(Router(balancer: balancer)).decision)
            #expect(decision.endpoint.rawValue == 1)
            #expect(decision.candidateCount == 1)
        }
    }
}
