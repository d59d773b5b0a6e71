import Catalog
import Domain
import Routing
import Testing

@Suite("Passing messages through")
struct MessagesPassthroughTests {
    /// A fleet of endpoints, one of each type.
    private static func fleet(_ types: [String], profiles: ProfileSet) throws -> FleetSnapshot {
        let inputs = try types.enumerated().map { position, type -> FleetBuilder.Input in
            let spec = try EndpointSpec.resolving(
                name: "e\(position)", url: EndpointURL("http://10.0.0.\(position + 1):8000"), typeText: type,
                profiles: profiles)
            return FleetBuilder.Input(
                spec: try #require(spec), live: EndpointLive(breaker: .init(consecutiveFailures: 1)), state: .healthy,
                models: [])
        }
        return try FleetBuilder(profiles: profiles).build(generation: 1, endpoints: inputs)
    }

    private static func decide(
        _ types: [String], needs: MessageNeeds = [], profiles: ProfileSet = .builtIn
    ) throws -> MessagesPassthrough {
        let fleet = try Self.fleet(types, profiles: profiles)
        return MessagesPassthrough(needs, among: fleet.routable, in: fleet)
    }

    private static func set(_ places: UInt8...) -> EndpointSet {
        var set = EndpointSet()
        for place in places { set.insert(EndpointIndex(rawValue: .init(place))) }
        return set
    }

    @Test("needs an endpoint that speaks the API")
    func speakers() throws {
        #expect(try Self.decide(["openai-compatible", "sglang", "litellm"]) == .noEndpointSpeaksIt)
        #expect(try Self.decide([]) == .noEndpointSpeaksIt)
        #expect(
            try Self.decide(["sglang", "vllm", "openai", "ollama"]) == .possible(Self.set(1, 3), path: "/v1/messages"))
    }

    @Test("takes the path that most endpoints have, of equals the default one")
    func paths() throws {
        let docker = "/anthropic/v1/messages"
        #expect(try Self.decide(["dmr", "vllm", "dmr"]) == .possible(Self.set(0, 2), path: docker))
        #expect(try Self.decide(["dmr", "vllm"]) == .possible(Self.set(1), path: "/v1/messages"))
        #expect(try Self.decide(["dmr"]) == .possible(Self.set(0), path: docker))
    }

    @Test(
        "leaves out who lacks what the request needs",
        arguments: [
            (["no_tool_use"], MessageNeeds.tools, true), (["no_tool_use"], .images, false),
            (["no_extended_thinking", "other"], .thinking, true), (["no_vision"], .images, true),
            (["no_token_counting"], .tools, false),
        ])
    func limitations(words: [String], needs: MessageNeeds, isLacking: Bool) throws {
        let limited = Profile(name: "limited", prefixes: ["limited"], anthropic: AnthropicSupport(limitations: words))
        let profiles = ProfileSet([limited])
        let decision = try Self.decide(["limited"], needs: needs, profiles: profiles)
        #expect(decision == (isLacking ? .needsTooMuch : .possible(Self.set(0), path: "/v1/messages")))
    }
}
