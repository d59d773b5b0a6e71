import Catalog
import Domain
import Routing

/// The choice of an endpoint by least connections among 100 endpoints with 1,000 models.
final class RoutingPick: Workload {
    let name = "pick among 100 endpoints, 1,000 models"
    private let snapshot: FleetSnapshot
    private let router = Router(balancer: .leastConnections)
    private let kind: RouteKind
    private let path = Array("/v1/chat/completions".utf8)
    private let models: [[UInt8]]
    private var picked = 0
    private var asked = 0

    init() throws {
        let builder = FleetBuilder()
        let names = (0..<1_000).map { "family-\($0 % 40)/model-\($0):7b" }
        let listed = names.map(DiscoveredModel.init(name:))
        let inputs = try (0..<100).map { place in
            let url = try EndpointURL("http://10.0.\(place).1:8000")
            guard
                let spec = try EndpointSpec.resolving(
                    name: "endpoint-\(place)", url: url, typeText: "vllm", profiles: builder.profiles)
            else { throw WorkloadFailure("type vllm is unknown") }
            return FleetBuilder.Input(spec: spec, live: EndpointLive(), state: .healthy, models: listed)
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
        let now = MonotonicTime(rawValue: 1_000_000_000)
        for round in 0..<rounds {
            let request = RouteRequest(kind: self.kind, now: now, random: UInt64(round))
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
