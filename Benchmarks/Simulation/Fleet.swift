import Catalog
import Domain

/// The endpoints of a simulation: the gateway's view and the servers' own state.
struct Fleet {
    let lives: [EndpointLive]
    private(set) var snapshot: FleetSnapshot
    private let specs: [EndpointSpec]
    private let builder = FleetBuilder()

    init(count: Int) throws {
        let profiles = self.builder.profiles
        self.specs = try (0..<count).map { place in
            let url = try EndpointURL("http://10.0.\(place).1:8000")
            guard
                let spec = try EndpointSpec.resolving(
                    name: "endpoint-\(place)", url: url, typeText: "vllm", profiles: profiles)
            else { throw SimulationFailure("type vllm is unknown") }
            return spec
        }
        self.lives = self.specs.map { _ in EndpointLive() }
        self.snapshot = try Self.build(self.builder, 1, self.specs, self.lives, down: nil)
    }

    /// Takes an endpoint out, or all back in.
    mutating func setDown(_ place: Int?) throws {
        self.snapshot = try Self.build(
            self.builder, self.snapshot.generation + 1, self.specs, self.lives, down: place)
    }

    private static func build(
        _ builder: FleetBuilder, _ generation: UInt64, _ specs: [EndpointSpec], _ lives: [EndpointLive], down: Int?
    ) throws -> FleetSnapshot {
        let model = DiscoveredModel(name: "m")
        let inputs = specs.indices.map { place in
            FleetBuilder.Input(
                spec: specs[place], live: lives[place], state: place == down ? .offline : .healthy, models: [model])
        }
        return try builder.build(generation: generation, endpoints: inputs)
    }
}

/// Something a simulation needs is not there.
public struct SimulationFailure: Error, CustomStringConvertible {
    /// What is missing.
    public let description: String

    init(_ description: String) { self.description = description }
}
