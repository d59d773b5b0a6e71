import Catalog
import Domain
import Routing
import Synchronization
import Testing

/// A fleet to route over; each endpoint is written as one line of a table.
struct TestFleet {
    struct Line {
        var type = "vllm"
        var state = EndpointState.healthy
        var models: [String] = []
        var priority = 100
        var limit = 0
    }

    let snapshot: FleetSnapshot
    var now = MonotonicTime.zero + .seconds(100)

    init(_ lines: [Line], aliases: [ModelAlias] = []) throws {
        let builder = FleetBuilder(aliases: aliases)
        let inputs = try lines.enumerated().map { position, line in
            let resolved = try EndpointSpec.resolving(
                name: "e\(position)", url: EndpointURL("http://10.0.0.\(position + 1):8000"), typeText: line.type,
                profiles: builder.profiles)
            var spec = try #require(resolved)
            spec.priority = line.priority
            spec.maxConcurrentRequests = line.limit
            return FleetBuilder.Input(
                spec: spec, live: EndpointLive(breaker: .init(consecutiveFailures: 1)), state: line.state,
                models: line.models.map(DiscoveredModel.init(name:)))
        }
        self.snapshot = try builder.build(generation: 1, endpoints: inputs)
    }

    func kind(_ prefix: String?) throws -> RouteKind {
        guard let prefix else { return .proxy }
        let route = self.snapshot.profiles.route(forPrefix: prefix.utf8.span)
        return .provider(try #require(route))
    }

    /// Picks, and gives the reservation back unless it is to be kept.
    func pick(
        _ router: Router = Router(balancer: .roundRobin), prefix: String? = nil, path: String = "/v1/chat/completions",
        model: String = "", excluding excluded: EndpointSet = .init(), random: UInt64 = 0, keeping: Bool = false
    ) throws -> RouteResult {
        let request = RouteRequest(
            kind: try self.kind(prefix), excluded: excluded, now: self.now, random: random)
        let hasCandidate = router.hasCandidate(
            request, path: path.utf8.span, model: model.utf8.span, in: self.snapshot)
        let result = router.pick(request, path: path.utf8.span, model: model.utf8.span, in: self.snapshot)
        var canWait = false
        if case .rejected(let rejection) = result { canWait = rejection.kind == .allAtCapacity }
        #expect((result.decision != nil || canWait) == hasCandidate)
        if let decision = result.decision, !keeping { self.live(Int(decision.endpoint.rawValue)).end() }
        return result
    }

    /// The endpoints that are picked within many tries, and the last decision.
    func reach(
        prefix: String? = nil, path: String = "/v1/chat/completions", model: String = "",
        excluding excluded: EndpointSet = .init()
    ) throws -> Set<Int> {
        let router = Router(balancer: .roundRobin)
        var reached: Set<Int> = []
        for _ in 0..<64 {
            let result = try self.pick(router, prefix: prefix, path: path, model: model, excluding: excluded)
            if case .routed(let decision) = result { reached.insert(Int(decision.endpoint.rawValue)) }
        }
        return reached
    }

    func rejection(
        prefix: String? = nil, path: String = "/v1/chat/completions", model: String = "",
        excluding excluded: EndpointSet = .init()
    ) throws -> RouteRejection? {
        let result = try self.pick(prefix: prefix, path: path, model: model, excluding: excluded)
        guard case .rejected(let rejection) = result else { return nil }
        return rejection
    }

    func live(_ position: Int) -> EndpointLive {
        self.snapshot.live(EndpointIndex(rawValue: UInt16(position)))
    }

    /// Opens the breaker of an endpoint, which one failure does here.
    func trip(_ position: Int) {
        let live = self.live(position)
        if case .admit(let ticket) = live.breaker.admit(at: self.now) {
            _ = live.breaker.recordFailure(ticket, at: self.now)
        }
    }
}

func endpoints(_ positions: Int...) -> EndpointSet {
    var set = EndpointSet()
    for position in positions { set.insert(EndpointIndex(rawValue: UInt16(position))) }
    return set
}

extension RouteResult {
    var decision: RouteDecision? {
        guard case .routed(let decision) = self else { return nil }
        return decision
    }
}

@Suite("Strict routing by model")
struct StrictRoutingTests {
    private func fleet() throws -> TestFleet {
        try TestFleet([
            .init(models: ["llama3"]), .init(type: "ollama", models: ["Llama3:latest", "phi"]),
            .init(state: .offline, models: ["gone"]), .init(type: "ollama", state: .busy),
        ])
    }

    @Test func `a candidate has it: routed, model_found`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(model: "LLAMA3") == [0, 1])
        let decision = try #require(try fleet.pick(model: "phi").decision)
        #expect(decision.endpoint.rawValue == 1)
        #expect(decision.reason == .model)
        #expect(decision.candidateCount == 1)
        #expect(decision.note?.strategy.label.description == "strict")
        #expect(decision.note?.verdict.label.description == "routed")
        #expect(decision.note?.reasonCode?.description == "model_found")
        #expect(decision.model.map { fleet.snapshot[$0].id } == "phi")
    }

    @Test func `nobody has it: rejected, model_not_found, 404`() throws {
        let rejection = try #require(try self.fleet().rejection(model: "unknown"))
        #expect(rejection.kind == .modelNotFound)
        #expect(rejection.status == 404)
        #expect(rejection.outcome == .clientError)
        #expect(rejection.failure == .noModel)
        #expect(rejection.note?.verdict.label.description == "rejected")
        #expect(rejection.note?.reasonCode?.description == "model_not_found")
    }

    @Test(arguments: [(String?.none, "gone"), ("ollama", "gone"), ("vllm", "phi")])
    func `only non-candidates have it: rejected, model_unavailable, 503`(prefix: String?, model: String) throws {
        let rejection = try #require(try self.fleet().rejection(prefix: prefix, model: model))
        #expect(rejection.kind == .modelUnavailable)
        #expect(rejection.status == 503)
        #expect(rejection.outcome == .noEndpoint)
        #expect(rejection.failure == .noHealthy)
        #expect(rejection.note?.reasonCode?.description == "model_unavailable")
        #expect(rejection.message(for: .proxy, profiles: .builtIn) == "model_unavailable")
    }

    @Test(arguments: ["", "  "])
    func `no model: any routable endpoint and no routing headers`(model: String) throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(model: model) == [0, 1, 3])
        let decision = try #require(try fleet.pick(model: model).decision)
        #expect(decision.reason == .any)
        #expect(decision.note == nil)
        #expect(decision.model == nil)
    }

    @Test func `before any model is known, a fleet that is down says so instead of guessing`() throws {
        let starting = try TestFleet([.init(state: .unknown)])
        #expect(try starting.rejection(model: "llama3")?.kind == .noHealthyEndpoint)
        let known = try TestFleet([.init(state: .offline, models: ["x"])])
        #expect(try known.rejection(model: "llama3")?.kind == .modelNotFound)
        let up = try TestFleet([.init()])
        #expect(try up.rejection(model: "llama3")?.kind == .modelNotFound)
    }
}

@Suite("Routing by alias")
struct AliasRoutingTests {
    private let aliases = [
        ModelAlias(name: "GPT-4", targets: ["big", "small"]), ModelAlias(name: "real", targets: ["big"]),
        ModelAlias(name: "lost", targets: ["gone"]),
    ]

    private func fleet() throws -> TestFleet {
        try TestFleet(
            [
                .init(models: ["small", "big"]), .init(models: ["small"]), .init(models: ["real"]),
                .init(state: .offline, models: ["gone"]),
            ], aliases: aliases)
    }

    @Test func `leads to every endpoint that has one of the models, and names the model`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(model: "gpt-4") == [0, 1])
        let decision = try #require(try fleet.pick(model: "gpt-4", excluding: endpoints(1)).decision)
        #expect(decision.reason == .alias)
        #expect(decision.model.map { fleet.snapshot[$0].id } == "big")
        let other = try #require(try fleet.pick(model: "gpt-4", excluding: endpoints(0)).decision)
        #expect(other.model.map { fleet.snapshot[$0].id } == "small")
    }

    @Test func `says so in the routing headers`() throws {
        let decision = try #require(try self.fleet().pick(model: "Gpt-4").decision)
        let note = try #require(decision.note)
        #expect(note.strategy.label.description == "alias")
        var text: [UInt8] = []
        let name = " Gpt-4\r\nX: 1"
        note.appendReason(model: name.utf8.span, to: &text)
        #expect(String(decoding: text, as: UTF8.self) == "alias \"Gpt-4X: 1\" resolved to 2 endpoint(s)")
        #expect(note.reasonCode == nil)
    }

    @Test func `takes precedence over a model of the same name`() throws {
        #expect(try self.fleet().reach(model: "real") == [0])
    }

    @Test func `without a healthy target is an ordinary name`() throws {
        #expect(try self.fleet().rejection(model: "lost")?.kind == .modelNotFound)
        let onlyReal = try TestFleet(
            [.init(state: .offline, models: ["big"]), .init(models: ["real"])], aliases: aliases)
        #expect(try onlyReal.reach(model: "real") == [1])
    }
}

@Suite("Provider routes")
struct ProviderRoutingTests {
    private func fleet() throws -> TestFleet {
        try TestFleet([
            .init(type: "ollama"), .init(type: "lm_studio", state: .warming), .init(type: "vllm", state: .offline),
            .init(type: "auto"), .init(type: "openai"),
        ])
    }

    @Test(
        arguments: [
            (nil, [0, 1, 3, 4]), ("ollama", [0, 3]), ("lmstudio", [1, 3]), ("lm-studio", [1, 3]),
            ("lm_studio", [1, 3]),
            ("vllm", [3]), ("openai", [0, 1, 3, 4]), ("openai-compatible", [0, 1, 3, 4]), ("sglang", [3]),
        ] as [(String?, Set<Int>)])
    func `keep the endpoints of their kind and auto`(prefix: String?, expected: Set<Int>) throws {
        #expect(try self.fleet().reach(prefix: prefix) == expected)
    }

    @Test(
        arguments: [
            ("vllm", "No vllm endpoints available"), ("dmr", "No dmr endpoints available"),
            ("lm_studio", "No lm-studio endpoints available"),
        ])
    func `never lead to another provider: 404`(prefix: String, message: String) throws {
        let fleet = try TestFleet([.init(type: "ollama"), .init(type: "vllm", state: .offline)])
        for model in ["", "llama3"] {
            let rejection = try #require(try fleet.rejection(prefix: prefix, model: model))
            #expect(rejection.kind == .noProviderEndpoint)
            #expect(rejection.status == 404)
            #expect(rejection.outcome == .noEndpoint)
            #expect(rejection.failure == .noHealthy)
            #expect(rejection.note == nil)
            #expect(rejection.message(for: try fleet.kind(prefix), profiles: .builtIn) == message)
        }
    }

    @Test(arguments: [nil, "openai"])
    func `that take any endpoint answer 503 when nothing is healthy`(prefix: String?) throws {
        let fleet = try TestFleet([.init(type: "ollama", state: .unhealthy)])
        let rejection = try #require(try fleet.rejection(prefix: prefix))
        #expect(rejection.kind == .noHealthyEndpoint)
        #expect(rejection.status == 503)
        #expect(
            rejection.message(for: try fleet.kind(prefix), profiles: .builtIn) == "no healthy endpoints available")
    }

    @Test(arguments: EndpointState.allCases)
    func `use exactly the routable states`(state: EndpointState) throws {
        let fleet = try TestFleet([.init(state: state)])
        #expect(try fleet.reach() == (state.isRoutable ? [0] : []))
    }
}

@Suite("Routing by path")
struct PathRoutingTests {
    private func fleet() throws -> TestFleet {
        try TestFleet([
            .init(type: "ollama", models: ["m"]), .init(type: "vllm", models: ["m"]),
            .init(type: "omlx", models: ["x"]),
        ])
    }

    @Test func `outside v1 keeps those whose profile lists it`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(path: "/api/tags") == [0])
        #expect(try fleet.rejection(path: "/api/tags", excluding: endpoints(0))?.kind == .exhausted)
    }

    @Test func `below v1 only says who is asked first`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(path: "/v1/responses") == [2])
        #expect(try fleet.reach(path: "/v1/responses", excluding: endpoints(2)) == [0, 1])
    }

    @Test func `never keeps a request from an endpoint that has its model`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(path: "/v1/responses", model: "m") == [0, 1])
        #expect(try fleet.reach(path: "/api/chat", model: "m") == [0])
        #expect(try fleet.reach(path: "/api/chat", model: "m", excluding: endpoints(0)) == [1])
    }

    @Test func `that nobody lists narrows nothing, and the model still counts`() throws {
        let fleet = try self.fleet()
        #expect(try fleet.reach(path: "/api/embed") == [0, 1, 2])
        #expect(try fleet.reach(path: "/api/embed", model: "x") == [2])
    }

    @Test func `that no healthy endpoint lists narrows nothing`() throws {
        #expect(try self.fleet().reach(path: "/pooling") == [0, 1, 2])
    }
}

@Suite("What takes endpoints out of selection")
struct AvailabilityTests {
    @Test func `an open breaker, a wait that was asked for, a refused connection`() throws {
        let fleet = try TestFleet([.init(), .init(), .init(), .init()])
        fleet.trip(0)
        fleet.live(1).hold(for: .seconds(5), at: fleet.now)
        #expect(fleet.live(2).demote())
        #expect(try fleet.reach() == [3])
    }

    @Test func `all breakers open or waiting: 503, with the time the first is free`() throws {
        var fleet = try TestFleet([.init(models: ["m"]), .init(models: ["m"])])
        fleet.trip(0)
        fleet.live(1).hold(for: .seconds(5), at: fleet.now)
        let rejection = try #require(try fleet.rejection(model: "m"))
        #expect(rejection.kind == .allBreakersOpen)
        #expect(rejection.status == 503)
        #expect(rejection.failure == .allBreakersOpen)
        #expect(rejection.outcome == .noEndpoint)
        #expect(rejection.retryAt == fleet.now + .seconds(5))
        #expect(rejection.note?.reasonCode?.description == "model_found")
        fleet.now = fleet.now + .seconds(5)
        #expect(try fleet.reach(model: "m") == [1])
    }

    @Test func `all refused connections since the snapshot: as if it said so`() throws {
        let fleet = try TestFleet([.init(models: ["m"])])
        #expect(fleet.live(0).demote())
        #expect(try fleet.rejection()?.kind == .noHealthyEndpoint)
        #expect(try fleet.rejection(model: "m")?.kind == .modelUnavailable)
        #expect(try fleet.rejection(prefix: "vllm")?.kind == .noProviderEndpoint)
        #expect(try fleet.rejection(prefix: "openai")?.kind == .noHealthyEndpoint)
    }

    @Test func `all tried: the last failure stands and no routing failure is counted`() throws {
        let fleet = try TestFleet([.init(), .init()])
        let rejection = try #require(try fleet.rejection(excluding: endpoints(0, 1)))
        #expect(rejection.kind == .exhausted)
        #expect(rejection.failure == nil)
        #expect(try fleet.rejection(model: "new", excluding: endpoints(0))?.kind == .exhausted)
    }

    @Test func `a half-open breaker takes one request, and a second goes elsewhere`() throws {
        var fleet = try TestFleet([.init(priority: 200), .init()])
        fleet.trip(0)
        fleet.now = fleet.now + .seconds(30)
        let router = Router(balancer: .priority)
        let trial = try #require(try fleet.pick(router, keeping: true).decision)
        #expect(trial.endpoint.rawValue == 0)
        #expect(trial.ticket.isTrial)
        #expect(trial.breakerEntered == .halfOpen)
        let other = try #require(try fleet.pick(router, keeping: true).decision)
        #expect(other.endpoint.rawValue == 1)
        #expect(other.breakerEntered == nil)
        #expect(fleet.live(0).active == 1)
    }

    @Test func `a limit on concurrent requests`() throws {
        let fleet = try TestFleet([.init(priority: 200, limit: 2), .init(limit: 1)])
        let router = Router(balancer: .priority)
        let chosen = try (0..<3).map { _ in try fleet.pick(router, keeping: true).decision?.endpoint.rawValue }
        #expect(chosen == [0, 0, 1])
        let rejection = try #require(try fleet.rejection())
        #expect(rejection.kind == .allAtCapacity)
        #expect(rejection.status == 503)
        #expect(rejection.line == endpoints(0, 1))
        fleet.live(1).end()
        #expect(try fleet.reach() == [1])
    }

    @Test func `a rejection reserves nothing`() throws {
        let fleet = try TestFleet([.init(limit: 1)])
        #expect(try fleet.pick(keeping: true).decision != nil)
        for _ in 0..<10 { #expect(try fleet.rejection()?.kind == .allAtCapacity) }
        #expect(fleet.live(0).active == 1)
    }

    @Test func `no limit is passed and no trial given twice when many loops pick at once`() async throws {
        var fleet = try TestFleet([.init(limit: 7), .init(), .init(limit: 3)])
        fleet.trip(1)
        fleet.now = fleet.now + .seconds(30)
        let router = Router(balancer: .leastConnections)
        let shared = fleet
        let counts = await withTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var counts = [0, 0, 0]
                    for turn in 0..<50 {
                        let request = RouteRequest(kind: .proxy, now: shared.now, random: UInt64(turn))
                        let path = "/v1/chat/completions"
                        let result = router.pick(
                            request, path: path.utf8.span, model: "".utf8.span, in: shared.snapshot)
                        if let decision = result.decision { counts[Int(decision.endpoint.rawValue)] += 1 }
                    }
                    return counts
                }
            }
            return await group.reduce(into: [0, 0, 0]) { sums, counts in
                for position in 0..<3 { sums[position] += counts[position] }
            }
        }
        #expect(counts == [7, 1, 3])
        #expect((0..<3).map { fleet.live($0).active } == [7, 1, 3])
    }

    /// Two loops see the same free trial; the one that loses the race must give its reservation back and go elsewhere.
    @Test func `losing the race for a trial leaves no reservation behind`() async throws {
        for round in 0..<100 {
            var fleet = try TestFleet([.init(priority: 200), .init()])
            fleet.trip(0)
            fleet.now = fleet.now + .seconds(30)
            let (shared, router, gate) = (fleet, Router(balancer: .priority), StartingGate(count: 2))
            let chosen = await withTaskGroup(of: UInt16?.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let request = RouteRequest(kind: .proxy, now: shared.now, random: 0)
                        gate.arrive()
                        let result = router.pick(
                            request, path: "/v1/x".utf8.span, model: "".utf8.span, in: shared.snapshot)
                        return result.decision?.endpoint.rawValue
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(chosen) == [0, 1], "round \(round)")
            #expect((0..<2).map { fleet.live($0).active } == [1, 1], "round \(round)")
        }
    }
}

/// Lets tasks begin together; it does not wait for ever, so that one thread is enough.
private final class StartingGate: Sendable {
    private let missing: Atomic<Int>

    init(count: Int) { self.missing = Atomic(count) }

    func arrive() {
        self.missing.subtract(1, ordering: .relaxed)
        var patience = 20_000
        while self.missing.load(ordering: .relaxed) > 0, patience > 0 { patience -= 1 }
    }
}
