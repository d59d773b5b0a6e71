import Catalog
import Domain
import Routing
import Testing

@Suite("Sticky sessions")
struct StickySessionsTests {
    private static let path = "/v1/chat/completions"

    private func fleet(_ count: Int = 3) throws -> TestFleet {
        try TestFleet((0..<count).map { _ in .init(models: ["m", "n"]) })
    }

    private func router(_ policy: StickySessions.Policy = .init()) -> Router {
        Router(rules: .init(balancer: .roundRobin), sessions: StickySessions(policy: policy))
    }

    private func key(_ text: String, model: String = "m", _ source: SessionSource = .sessionHeader) -> SessionKey {
        SessionKey(source, value: text.utf8.span, model: model.utf8.span)
    }

    private func pick(
        _ router: Router, _ fleet: TestFleet, _ key: SessionKey?, excluding: EndpointSet = .init(),
        after time: Nanoseconds = .zero, in snapshot: FleetSnapshot? = nil
    ) throws -> RouteDecision {
        let request = RouteRequest(
            kind: .proxy, excluded: excluding, now: fleet.now + time, random: 0, session: key)
        let result = router.pick(
            request, path: Self.path.utf8.span, model: "m".utf8.span, in: snapshot ?? fleet.snapshot)
        let decision = try #require(result.decision)
        fleet.live(Int(decision.endpoint.rawValue)).abandon(decision.ticket, at: fleet.now)
        return decision
    }

    @Test("hash as the compatible system does")
    func hash() {
        #expect(String(FNV1a.hash("my-session-id"), radix: 16) == "bd95cc3ab55faccc")
        #expect(self.key("my-session-id").value == FNV1a.hash("my-session-id"))
    }

    @Test("are scoped to the model, whatever its case, and to the source")
    func scope() {
        #expect(self.key("a") == self.key("a", model: " M "))
        #expect(self.key("a") != self.key("a", model: "n"))
        #expect(self.key("a") != self.key("a", .authHeader))
        #expect(self.key("a") != self.key("b"))
    }

    @Test("miss, hit, repin, and disabled without a key")
    func outcomes() throws {
        let fleet = try self.fleet()
        let router = self.router()
        let first = try self.pick(router, fleet, self.key("a"))
        #expect(first.sticky == .miss)
        #expect(first.reason == .model)
        for _ in 0..<5 {
            let again = try self.pick(router, fleet, self.key("a"))
            #expect(again.sticky == .hit)
            #expect(again.reason == .sticky)
            #expect(again.endpoint == first.endpoint)
            // Others go their own way.
            #expect(try self.pick(router, fleet, nil).sticky == .disabled)
        }
        let moved = try self.pick(
            router, fleet, self.key("a"), excluding: endpoints(Int(first.endpoint.rawValue)))
        #expect(moved.sticky == .repin)
        #expect(moved.endpoint != first.endpoint)
        let after = try self.pick(router, fleet, self.key("a"))
        #expect(after.sticky == .hit)
        #expect(after.endpoint == moved.endpoint)
        let statistics = try #require(router.sessions).statistics
        #expect(statistics.active == 1)
        #expect(statistics.insertions == 1)
        #expect(statistics.hits == 6)
        #expect(statistics.misses == 1)
        #expect(statistics.evictions == 0)
    }

    @Test("move on when the breaker of their endpoint opens, and when it is at its limit")
    func notSelectable() throws {
        let fleet = try self.fleet(2)
        let router = self.router()
        let first = try self.pick(router, fleet, self.key("a"))
        fleet.trip(Int(first.endpoint.rawValue))
        let moved = try self.pick(router, fleet, self.key("a"))
        #expect(moved.sticky == .repin)
        #expect(moved.endpoint != first.endpoint)
    }

    @Test("begin anew when their endpoint is down")
    func down() throws {
        let fleet = try self.fleet(2)
        let router = self.router()
        let first = try self.pick(router, fleet, self.key("a"))
        let down = try TestFleet(
            (0..<2).map { .init(state: $0 == Int(first.endpoint.rawValue) ? .offline : .healthy, models: ["m"]) })
        let moved = try self.pick(router, fleet, self.key("a"), in: down.snapshot)
        #expect(moved.sticky == .miss)
        #expect(moved.evictions.endpointDown == 1)
        #expect(try #require(router.sessions).statistics.active == 1)
    }

    @Test("are forgotten after the idle time, which every use begins anew")
    func expiry() throws {
        let fleet = try self.fleet()
        let router = self.router(.init(idleTime: .seconds(10)))
        _ = try self.pick(router, fleet, self.key("a"))
        for step in 1...4 {
            #expect(try self.pick(router, fleet, self.key("a"), after: .seconds(Int64(step) * 9)).sticky == .hit)
        }
        let late = try self.pick(router, fleet, self.key("a"), after: .seconds(47))
        #expect(late.sticky == .miss)
        #expect(late.evictions.expired == 1)
        let sessions = try #require(router.sessions)
        #expect(sessions.sweep(fleet.snapshot, at: fleet.now + .seconds(57)).isEmpty)
        #expect(sessions.sweep(fleet.snapshot, at: fleet.now + .seconds(58)).expired == 1)
        #expect(sessions.count == 0)
    }

    @Test("without an idle time stay for ever")
    func noExpiry() throws {
        let fleet = try self.fleet()
        let router = self.router(.init(idleTime: .zero))
        _ = try self.pick(router, fleet, self.key("a"))
        #expect(try self.pick(router, fleet, self.key("a"), after: .seconds(1_000_000)).sticky == .hit)
    }

    @Test("never exceed their number; the one used longest ago goes")
    func capacity() throws {
        let fleet = try self.fleet()
        let router = self.router(.init(sessionsMax: 3))
        for name in ["a", "b", "c"] { _ = try self.pick(router, fleet, self.key(name)) }
        #expect(try self.pick(router, fleet, self.key("a")).sticky == .hit)
        let fourth = try self.pick(router, fleet, self.key("d"))
        #expect(fourth.evictions.displaced == 1)
        let sessions = try #require(router.sessions)
        #expect(sessions.count == 3)
        for name in ["a", "c", "d"] { #expect(try self.pick(router, fleet, self.key(name)).sticky == .hit) }
        #expect(try self.pick(router, fleet, self.key("b")).sticky == .miss)
    }

    @Test("stay within bounds over many shards, and without a bound keep all", arguments: [5_000, 0])
    func shards(limit: Int) throws {
        let fleet = try self.fleet()
        let router = self.router(.init(sessionsMax: limit))
        var displaced = 0
        for number in 0..<8_000 {
            displaced += try self.pick(router, fleet, self.key("s\(number)")).evictions.displaced
        }
        #expect(try #require(router.sessions).count == (limit == 0 ? 8_000 : limit))
        #expect(displaced == (limit == 0 ? 0 : 3_000))
        #expect(try self.pick(router, fleet, self.key("s7999")).sticky == .hit)
    }

    @Test("of endpoints that are down are swept")
    func sweep() throws {
        let fleet = try self.fleet(2)
        let router = self.router()
        for number in 0..<10 { _ = try self.pick(router, fleet, self.key("s\(number)")) }
        let down = try TestFleet([.init(models: ["m"]), .init(state: .offline, models: ["m"])])
        let sessions = try #require(router.sessions)
        #expect(sessions.sweep(down.snapshot, at: fleet.now).endpointDown == 5)
        #expect(sessions.count == 5)
    }

    @Test("are explained without being touched")
    func explained() throws {
        let fleet = try self.fleet()
        let router = self.router(.init(idleTime: .seconds(10)))
        let request = RouteRequest(kind: .proxy, now: fleet.now, random: 0, session: self.key("a"))
        let path = Self.path
        let before = router.explain(request, path: path.utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        #expect(before.sticky == .miss)
        let first = try self.pick(router, fleet, self.key("a"))
        let after = router.explain(request, path: path.utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        #expect(after.sticky == .hit)
        guard case .chosen(first.endpoint) = after.ending else {
            Issue.record("\(after.ending)")
            return
        }
        #expect(try #require(router.sessions).statistics.hits == 0)
    }
}
