import Catalog
import Domain
import Routing

/// The choice of an endpoint among 100 endpoints with 1,000 models.
final class RoutingPick: Workload {
    let name: String
    let limit: Double? = 1_000
    private let snapshot: FleetSnapshot
    private let router: Router
    private let session: SessionKey?
    private let kind: RouteKind
    private let path = Array("/v1/chat/completions".utf8)
    private let models: [[UInt8]]
    private var picked = 0
    private var asked = 0

    /// A choice by a balancer, or of the endpoint that a session is pinned to.
    init(_ balancer: Balancer, isSticky: Bool = false) throws {
        let how = isSticky ? "sticky session" : "\(balancer.label)"
        self.name = "pick among 100 endpoints, 1,000 models: \(how)"
        self.router = Router(rules: RoutingRules(balancer: balancer), sessions: isSticky ? StickySessions() : nil)
        self.session =
            isSticky ? SessionKey(.sessionHeader, value: "session".utf8.span, model: "".utf8.span) : nil
        let builder = FleetBuilder()
        let names = (0..<1_000).map { "family-\($0 % 40)/model-\($0):7b" }
        let listed = names.map(DiscoveredModel.init(name:))
        let inputs = try (0..<100).map { place in
            let url = try EndpointURL("http://10.0.\(place).1:8000")
            guard
                let spec = try EndpointSpec.resolving(
                    name: "endpoint-\(place)", url: url, typeText: "vllm", profiles: builder.profiles)
            else { throw WorkloadFailure("type vllm is unknown") }
            let live = EndpointLive()
            live.experience.answered(after: .milliseconds(Int64(place + 100)), at: .zero + .seconds(1))
            return FleetBuilder.Input(spec: spec, live: live, state: .healthy, models: listed)
        }
        self.snapshot = try builder.build(generation: 1, endpoints: inputs)
        guard let route = self.snapshot.profiles.route(forPrefix: "openai".utf8.span) else {
            throw WorkloadFailure("prefix openai is unknown")
        }
        self.kind = .provider(route)
        self.models = names.map { Array($0.utf8) }
    }

    func run(rounds: Int) {
        let (path, models, snapshot) = (self.path, self.models, self.snapshot)
        for round in 0..<rounds {
            // A millisecond a round, so that what is remembered fades as it does under traffic.
            let now = MonotonicTime(rawValue: 1_000_000_000 + Int64(round) * 1_000_000)
            let bits = UInt64(truncatingIfNeeded: round) &* 0x9E37_79B9_7F4A_7C15
            let request = RouteRequest(
                kind: self.kind, now: now, random: bits, session: self.session, affinity: bits >> 52)
            let model = models[round % models.count]
            let result = self.router.pick(request, path: path.span, model: model.span, in: snapshot)
            if case .routed(let decision) = result {
                self.picked += 1
                snapshot.live(decision.endpoint).abandon(decision.ticket, at: now)
            }
        }
        self.asked += rounds
    }

    func complaint() -> String? { self.picked == self.asked ? nil : "no endpoint was found" }
}
