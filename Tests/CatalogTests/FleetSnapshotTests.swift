import Catalog
import Domain
import Testing

/// Shorthand for the input of a fleet builder.
struct TestEndpoint {
    var url: String
    var name = ""
    var type = "ollama"
    var state = EndpointState.healthy
    var models: [String] = []
    var priority = 100

    func input(_ profiles: ProfileSet) throws -> FleetBuilder.Input {
        let resolved = try EndpointSpec.resolving(
            name: self.name, url: EndpointURL(self.url), typeText: self.type, profiles: profiles)
        var spec = try #require(resolved)
        spec.priority = self.priority
        return FleetBuilder.Input(
            spec: spec, live: EndpointLive(), state: self.state, models: self.models.map(DiscoveredModel.init(name:)))
    }
}

func makeSnapshot(
    _ endpoints: [TestEndpoint], aliases: [ModelAlias] = [], generation: UInt64 = 1
) throws -> FleetSnapshot {
    let builder = FleetBuilder(aliases: aliases)
    return try builder.build(
        generation: generation, endpoints: endpoints.map { try $0.input(builder.profiles) },
        modelSlot: { UInt16($0.utf8.count) })
}

func set(_ indexes: Int...) -> EndpointSet {
    var set = EndpointSet()
    for index in indexes { set.insert(EndpointIndex(rawValue: UInt16(index))) }
    return set
}

private func index(_ value: Int) -> EndpointIndex { EndpointIndex(rawValue: UInt16(value)) }

@Suite("A fleet snapshot")
struct FleetSnapshotTests {
    private func holders(of name: String, in snapshot: FleetSnapshot) -> EndpointSet? {
        let model = snapshot.model(named: name.utf8.span)
        return model.map { snapshot.endpoints(of: $0) }
    }

    @Test func `finds models whatever their case, white space and latest tag`() throws {
        let snapshot = try makeSnapshot([
            TestEndpoint(url: "http://a", models: ["Llama3:latest", "phi"]),
            TestEndpoint(url: "http://b", type: "vllm", state: .offline, models: ["llama3", "llama3:8b"]),
        ])
        #expect(self.holders(of: "llama3", in: snapshot) == set(0, 1))
        #expect(self.holders(of: " LLAMA3:LATEST ", in: snapshot) == set(0, 1))
        #expect(self.holders(of: "llama3:8b", in: snapshot) == set(1))
        #expect(self.holders(of: "phi:latest", in: snapshot) == set(0))
        #expect(self.holders(of: "phi3", in: snapshot) == nil)
        #expect(self.holders(of: "", in: snapshot) == nil)
        #expect(snapshot.models.map(\.id) == ["Llama3:latest", "llama3:8b", "phi"])
        #expect(snapshot.models.map(\.metricSlot) == [13, 9, 3])
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `finds exactly what a dictionary finds`(seed: UInt64) throws {
        var state = seed
        func random(_ bound: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % bound)
        }
        var endpoints: [TestEndpoint] = []
        var expected: [String: EndpointSet] = [:]
        for position in 0..<20 {
            let models = (0..<random(120)).map { _ in "org\(random(5))/M-\(random(400))" }
            endpoints.append(TestEndpoint(url: "http://e\(position)", models: models))
            for model in models { expected[ModelName.key(model), default: .init()].insert(index(position)) }
        }
        let snapshot = try makeSnapshot(endpoints)
        #expect(snapshot.models.count == expected.count)
        for organisation in 0..<6 {
            for number in 0..<420 {
                let name = "ORG\(organisation)/m-\(number)"
                #expect(self.holders(of: name, in: snapshot) == expected[ModelName.key(name)], "\(name)")
            }
        }
    }

    @Test func `sorts endpoints by state, route and priority`() throws {
        let snapshot = try makeSnapshot([
            TestEndpoint(url: "http://a", type: "ollama", state: .healthy, priority: 5),
            TestEndpoint(url: "http://b", type: "lm_studio", state: .busy, priority: 9),
            TestEndpoint(url: "http://c", type: "auto", state: .warming, priority: 5),
            TestEndpoint(url: "http://d", type: "vllm", state: .offline, priority: 0),
        ])
        #expect(snapshot.routable == set(0, 1, 2))
        #expect(snapshot.healthy == set(0))
        #expect(snapshot.busy == set(1))
        #expect(snapshot.warming == set(2))
        #expect(snapshot.undetermined == set(2))
        #expect(snapshot.priorityTiers == [set(1), set(0, 2), set(3)])
        #expect(snapshot.openAICompatible == set(0, 1, 2, 3))
        for (prefix, expected) in [
            ("ollama", set(0, 2)), ("lmstudio", set(1, 2)), ("vllm", set(2, 3)), ("openai", set(0, 1, 2, 3)),
        ] {
            let route = try #require(snapshot.profiles.routes.firstIndex { $0.prefix == prefix })
            let found = snapshot.profiles.route(forPrefix: prefix.utf8.span)
            #expect(found.map { snapshot.endpoints(of: $0) } == expected, "\(prefix) \(route)")
        }
    }

    @Test(
        arguments: [
            ("/api/tags", set(0, 3)), ("/v1/embeddings", set(0, 1, 3)), ("/pooling", set(2, 3)),
            ("/x/api/tags", set(0, 3)), ("/prefix/v1/chat/completions", set(0, 1, 2, 3)),
        ])
    func `knows who lists a path, exactly or as a suffix`(path: String, expected: EndpointSet) throws {
        let snapshot = try makeSnapshot([
            TestEndpoint(url: "http://a", type: "ollama"), TestEndpoint(url: "http://b", type: "vllm"),
            TestEndpoint(url: "http://c", type: "lmdeploy"), TestEndpoint(url: "http://d", type: ""),
        ])
        let found = snapshot.endpoints(listing: path.utf8.span)
        #expect(found == expected)
    }

    @Test func `knows that nobody lists a path`() throws {
        let snapshot = try makeSnapshot([TestEndpoint(url: "http://a", type: "auto")])
        let unlisted = "/api/embed"
        let found = snapshot.endpoints(listing: unlisted.utf8.span)
        #expect(found == nil)
    }

    @Test func `labels are names or addresses, never empty and never twice`() throws {
        let snapshot = try makeSnapshot([
            TestEndpoint(url: "http://a", name: "gpu"), TestEndpoint(url: "http://b", name: "gpu"),
            TestEndpoint(url: "http://c", name: "gpu-2"), TestEndpoint(url: "http://d"),
            TestEndpoint(url: "https://d", name: "d:80"), TestEndpoint(url: "http://e", name: "gpu"),
        ])
        #expect(snapshot.endpoints.map(\.label) == ["gpu", "gpu-2", "gpu-2-2", "d:80", "d:80-2", "gpu-3"])
    }

    @Test func `a name is rewritten only if the endpoint does not know it so`() throws {
        let snapshot = try makeSnapshot([
            TestEndpoint(url: "http://a", models: ["llama3:latest"]),
            TestEndpoint(url: "http://b", models: ["Llama3", "llama3:latest"]),
        ])
        let record = try #require(snapshot.models.first)
        func rewrite(_ name: String, _ endpoint: Int) -> String? {
            record.rewrite(of: name.utf8.span, on: index(endpoint))
        }
        #expect(rewrite("llama3", 0) == "llama3:latest")
        #expect(rewrite("llama3:latest", 0) == nil)
        #expect(rewrite("llama3", 1) == "Llama3")
        #expect(rewrite("Llama3", 1) == nil)
        #expect(rewrite("llama3:latest", 1) == nil)
        #expect(rewrite("llama3", 7) == nil)
        #expect(record.nativeName(on: index(1)) == "Llama3")
    }

    @Test func `an alias means on each endpoint the first of its models that is there`() throws {
        let snapshot = try makeSnapshot(
            [
                TestEndpoint(url: "http://a", models: ["small", "big"]), TestEndpoint(url: "http://b", models: ["big"]),
                TestEndpoint(url: "http://c", models: ["other"]),
            ],
            aliases: [
                ModelAlias(name: "GPT-4", targets: ["missing", "Small", "big:latest"]),
                ModelAlias(name: "gpt-4", targets: ["other"]), ModelAlias(name: "none", targets: ["missing"]),
            ])
        let name = "gpt-4"
        let found = snapshot.alias(named: name.utf8.span)
        let alias = try #require(found)
        #expect(snapshot.endpoints(of: alias) == set(0, 1))
        let targets = (0..<3).map { snapshot.model(of: alias, on: index($0)).map { snapshot[$0].id } }
        #expect(targets == ["small", "big", nil])
        let empty = "none"
        let other = snapshot.alias(named: empty.utf8.span)
        #expect(other.map { snapshot.endpoints(of: $0).isEmpty } == true)
    }

    @Test func `more endpoints than fit are refused`() throws {
        let input = try TestEndpoint(url: "http://a").input(.builtIn)
        let tooMany = [FleetBuilder.Input](repeating: input, count: 257)
        let error = #expect(throws: FleetBuilder.TooManyEndpoints.self) {
            _ = try FleetBuilder().build(generation: 1, endpoints: tooMany)
        }
        #expect(error?.count == 257)
        let most = try FleetBuilder().build(generation: 1, endpoints: Array(tooMany.dropLast()))
        #expect(most.endpoints.count == 256)
        #expect(Set(most.endpoints.map(\.label)).count == 256)
        #expect(Set(most.endpoints.map(\.id)).count == 256)
    }

    @Test func `more models than fit are dropped and counted`() throws {
        var input = try TestEndpoint(url: "http://a").input(.builtIn)
        input.models = (0..<(FleetBuilder.modelsMax + 3)).map { DiscoveredModel(name: "m\($0)") }
        let snapshot = try FleetBuilder().build(generation: 1, endpoints: [input])
        #expect(snapshot.models.count == FleetBuilder.modelsMax)
        #expect(snapshot.droppedModelCount == 3)
    }
}

@Suite("Listings")
struct ListingTests {
    private func snapshot() throws -> FleetSnapshot {
        try makeSnapshot([
            TestEndpoint(url: "http://a", name: "one", models: ["zeta", "llama3:latest"]),
            TestEndpoint(url: "http://b", name: "two", state: .warming, models: ["llama3", "alpha"]),
            TestEndpoint(url: "http://c", name: "three", state: .offline, models: ["gone"]),
            TestEndpoint(url: "http://d", name: "four", type: "vllm", models: ["LLAMA3"]),
        ])
    }

    @Test func `show the models of routable endpoints of the provider, sorted`() throws {
        let snapshot = try self.snapshot()
        let prefixes = ["ollama", "vllm", "sglang", "openai"]
        let listed = prefixes.map { prefix -> [String] in
            let route = snapshot.profiles.route(forPrefix: prefix.utf8.span)
            return route.map { snapshot.listing(for: $0).map(\.id) } ?? ["no route"]
        }
        #expect(listed == [["alpha", "llama3:latest", "zeta"], ["LLAMA3"], [], ["alpha", "llama3:latest", "zeta"]])
        #expect(snapshot.listing().map(\.id) == listed[3])
    }

    @Test func `name the holders and the other spellings`() throws {
        let models = try self.snapshot().listing()
        let llama = try #require(models.first { $0.id == "llama3:latest" })
        #expect(llama.holders.map(\.endpoint.label) == ["one", "two", "four"])
        #expect(llama.otherNames == ["llama3", "LLAMA3"])
    }

    @Test func `complete the first sighting from the others`() throws {
        var first = DiscoveredModel(name: "m")
        first.family = "llama"
        var second = DiscoveredModel(name: "m")
        second.family = "qwen"
        second.contextLength = 8_192
        var inputs = [
            try TestEndpoint(url: "http://a").input(.builtIn), try TestEndpoint(url: "http://b").input(.builtIn),
        ]
        inputs[0].models = [first]
        inputs[1].models = [second]
        let listed = try FleetBuilder().build(generation: 1, endpoints: inputs).listing()
        #expect(listed.map(\.model.family) == ["llama"])
        #expect(listed.map(\.model.contextLength) == [8_192])
    }
}

@Suite("The fleet handle")
struct FleetHandleTests {
    @Test func `gives caches the newest snapshot and never an older one`() throws {
        let handle = FleetHandle(try makeSnapshot([], generation: 1))
        var cache = FleetCache(handle)
        let refreshedEarly = cache.refresh()
        #expect(!refreshedEarly)
        #expect(handle.publish(try makeSnapshot([], generation: 3)))
        #expect(!handle.publish(try makeSnapshot([], generation: 2)))
        #expect(!handle.publish(try makeSnapshot([], generation: 3)))
        #expect(cache.snapshot.generation == 1)
        let refreshed = cache.refresh()
        #expect(refreshed)
        #expect(cache.current().generation == 3)
        #expect(handle.snapshot.generation == 3)
    }

    @Test func `is safe while loops read and the control plane publishes`() async throws {
        let handle = FleetHandle(try makeSnapshot([TestEndpoint(url: "http://a")], generation: 1))
        let snapshots = try (2...200).map { generation in
            try makeSnapshot([TestEndpoint(url: "http://a")], generation: UInt64(generation))
        }
        let wentBack = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var cache = FleetCache(handle)
                    var last: UInt64 = 0
                    for _ in 0..<5_000 {
                        let generation = cache.current().generation
                        if generation < last { return true }
                        last = generation
                    }
                    return false
                }
            }
            for snapshot in snapshots { handle.publish(snapshot) }
            return await group.contains(true)
        }
        #expect(!wentBack)
        #expect(handle.generation == 200)
    }
}
