import Catalog
import Domain
import Routing
import Testing

/// Every row of routing-and-config 7.5.
@Suite("Routing strategies")
struct StrategyTests {
    /// One row of the table.
    struct Row: Sendable, CustomTestStringConvertible {
        var rules: RoutingRules
        var model: String
        var refresh = ModelRefresh.notAsked
        /// The routed endpoints, or none.
        var verdict: String
        var reason: String
        var status: Int?
        var isDown = false

        var testDescription: String {
            "\(self.rules.strategy) \(self.rules.fallback) \(self.model) \(self.refresh) → \(self.reason)"
        }
    }

    private static func optimistic(_ fallback: RoutingFallback) -> RoutingRules {
        RoutingRules(balancer: .roundRobin, strategy: .optimistic, fallback: fallback)
    }

    private static func discovery(_ fallback: RoutingFallback, refreshes: Bool = true) -> RoutingRules {
        RoutingRules(
            balancer: .roundRobin, strategy: .discovery, fallback: fallback, refreshesOnMiss: refreshes)
    }

    private static let rows: [Row] = [
        Row(rules: .init(), model: "here", verdict: "routed", reason: "model_found"),
        Row(rules: .init(), model: "nowhere", verdict: "rejected", reason: "model_not_found", status: 404),
        Row(rules: .init(), model: "away", verdict: "rejected", reason: "model_unavailable", status: 503),

        Row(rules: optimistic(.none), model: "here", verdict: "routed", reason: "model_found"),
        Row(rules: optimistic(.none), model: "nowhere", verdict: "rejected", reason: "model_not_found", status: 404),
        Row(
            rules: optimistic(.compatibleOnly), model: "nowhere", verdict: "rejected", reason: "model_not_found",
            status: 404),
        Row(rules: optimistic(.all), model: "nowhere", verdict: "fallback", reason: "model_not_found_fallback"),
        Row(
            rules: optimistic(.none), model: "away", verdict: "rejected", reason: "model_unavailable_no_fallback",
            status: 503),
        Row(
            rules: optimistic(.compatibleOnly), model: "away", verdict: "rejected",
            reason: "model_unavailable_compatible_only", status: 503),
        Row(rules: optimistic(.all), model: "away", verdict: "fallback", reason: "all_healthy_fallback"),

        Row(rules: discovery(.none), model: "here", verdict: "routed", reason: "model_found_no_refresh"),
        Row(
            rules: discovery(.none), model: "here", refresh: .done, verdict: "routed", reason: "model_found"),
        Row(
            rules: discovery(.all, refreshes: false), model: "away", verdict: "rejected",
            reason: "model_unavailable_no_refresh", status: 503),
        Row(
            rules: discovery(.none), model: "away", refresh: .failed, verdict: "rejected",
            reason: "discovery_failed_no_fallback", status: 503),
        Row(
            rules: discovery(.compatibleOnly), model: "nowhere", refresh: .failed, verdict: "rejected",
            reason: "discovery_failed_compatible_only", status: 503),
        Row(
            rules: discovery(.all), model: "away", refresh: .failed, verdict: "fallback",
            reason: "discovery_failed_all_fallback"),
        Row(
            rules: discovery(.none), model: "nowhere", refresh: .unavailable, verdict: "fallback",
            reason: "discovery_error_fallback"),
        Row(
            rules: discovery(.all), model: "nowhere", refresh: .done, verdict: "rejected",
            reason: "no_healthy_after_discovery", status: 503, isDown: true),
        Row(
            rules: discovery(.none), model: "nowhere", refresh: .done, verdict: "rejected",
            reason: "model_unavailable_after_discovery", status: 503),
        Row(
            rules: discovery(.compatibleOnly), model: "away", refresh: .done, verdict: "rejected",
            reason: "model_unavailable_after_discovery", status: 503),
        Row(
            rules: discovery(.all), model: "away", refresh: .done, verdict: "fallback",
            reason: "all_healthy_after_discovery"),
    ]

    private func fleet(isDown: Bool) throws -> TestFleet {
        let state = isDown ? EndpointState.offline : .healthy
        return try TestFleet([
            .init(state: state, models: ["here"]), .init(state: state, models: ["other"]),
            .init(state: .offline, models: ["away"]),
        ])
    }

    @Test("decide as the table says", arguments: StrategyTests.rows)
    func decides(row: Row) throws {
        let fleet = try self.fleet(isDown: row.isDown)
        let router = Router(rules: row.rules)
        let request = RouteRequest(kind: .proxy, now: fleet.now, random: 0, refresh: row.refresh)
        let result = router.pick(
            request, path: "/v1/chat/completions".utf8.span, model: row.model.utf8.span, in: fleet.snapshot)
        let note: RoutingNote?
        switch result {
        case .routed(let decision):
            note = decision.note
            #expect(row.status == nil)
            #expect(decision.reason == (row.verdict == "fallback" ? .fallback : .model))
            #expect(decision.candidateCount == (row.verdict == "fallback" ? 2 : 1))
        case .rejected(let rejection):
            note = rejection.note
            #expect(rejection.status == row.status)
            #expect(rejection.message(for: .proxy, profiles: fleet.snapshot.profiles) == row.reason)
            #expect(rejection.outcome == (row.status == 404 ? .clientError : .noEndpoint))
        case .refreshNeeded:
            Issue.record("asked for a refresh")
            note = nil
        }
        #expect(note?.strategy.label.description == "\(row.rules.strategy)")
        #expect(note?.verdict.label.description == row.verdict)
        #expect(note?.reasonCode?.description == row.reason)
    }

    @Test("and discovery asks the endpoints again on a miss, once", arguments: ["away", "nowhere"])
    func refreshes(model: String) throws {
        let fleet = try self.fleet(isDown: false)
        let router = Router(rules: Self.discovery(.all))
        let request = RouteRequest(kind: .proxy, now: fleet.now, random: 0)
        let path = "/v1/chat/completions"
        let result = router.pick(request, path: path.utf8.span, model: model.utf8.span, in: fleet.snapshot)
        #expect(result == .refreshNeeded)
        let has = router.hasCandidate(request, path: path.utf8.span, model: model.utf8.span, in: fleet.snapshot)
        #expect(!has)
    }

    @Test("and an alias without a model here goes through the strategy as a name of its own")
    func alias() throws {
        let fleet = try TestFleet(
            [.init(models: ["here"]), .init(state: .offline, models: ["away"])],
            aliases: [ModelAlias(name: "short", targets: ["away"])])
        let router = Router(rules: Self.optimistic(.all))
        let request = RouteRequest(kind: .proxy, now: fleet.now, random: 0)
        let result = router.pick(
            request, path: "/v1/x".utf8.span, model: "short".utf8.span, in: fleet.snapshot)
        let decision = try #require(result.decision)
        #expect(decision.note?.reasonCode?.description == "model_not_found_fallback")
        #expect(!decision.isAlias)
    }

    @Test("Rules change as a whole, for the next choice", arguments: Balancer.allCases)
    func change(balancer: Balancer) {
        let router = Router(balancer: .priority)
        for strategy in RoutingStrategy.allCases {
            for fallback in RoutingFallback.allCases {
                for refreshes in [false, true] {
                    let rules = RoutingRules(
                        balancer: balancer, strategy: strategy, fallback: fallback, refreshesOnMiss: refreshes)
                    router.rules = rules
                    #expect(router.rules == rules)
                }
            }
        }
    }
}
