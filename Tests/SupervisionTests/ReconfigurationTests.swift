import Catalog
import Domain
import Supervision
import Testing

@Suite("Supervisor: a new configuration")
struct ReconfigurationTests {
    private let policy = SupervisionPolicy(version: "1.2.3")

    private func list(_ names: String...) -> ScriptedTransport.Script {
        .answer(status: 200, body: "{\"models\":[\(names.map { "{\"name\":\"\($0)\"}" }.joined(separator: ","))]}")
    }

    private func plan(_ specs: [EndpointSpec], revision: UInt32 = 1) -> FleetPlan {
        FleetPlan(specs: specs, builder: FleetBuilder(revision: revision))
    }

    private func isUp(_ harness: Harness, _ names: String...) {
        for name in names {
            harness.transport.set("http://\(name):1000/", .answer(status: 200))
            harness.transport.set("http://\(name):1000/api/tags", self.list("m-\(name)"))
        }
    }

    @Test("What stays keeps health, models and load; what comes is checked at once; what goes is asked no more")
    func addAndRemove() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")])
        self.isUp(harness, "a", "b", "c")
        try await harness.run { harness in
            let kept = harness.snapshot.endpoints[1].live
            await harness.advance(by: .seconds(2))
            let change = try await harness.supervisor.reconfigure(
                self.plan([makeSpec("c"), makeSpec("b")]), policy: self.policy)
            #expect(change == FleetChange(added: ["c"], removed: ["a"]))
            #expect(harness.snapshot.revision == 1)
            #expect(harness.states[1] == .healthy)
            #expect(harness.modelNames(1) == ["m-b"])
            #expect(harness.snapshot.endpoints[1].live === kept)
            await harness.clock.settle()
            #expect(harness.states == [.healthy, .healthy])
            #expect(harness.modelNames(0) == ["m-c"])
            #expect(harness.snapshot.models.map(\.id) == ["m-b", "m-c"])
            await harness.advance(by: .seconds(20))
        }
        #expect(harness.transport.times("http://a:1000/") == [0])
        #expect(harness.transport.times("http://b:1000/") == [0, 5, 10, 15, 20])
        #expect(harness.transport.times("http://b:1000/api/tags") == [0])
        #expect(harness.transport.times("http://c:1000/") == [2, 7, 12, 17, 22])
    }

    @Test("An endpoint that goes leaves the metrics once nothing runs on it")
    func leavers() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")])
        self.isUp(harness, "a", "b")
        try await harness.run { harness in
            let gone = harness.snapshot.endpoints[0].live
            #expect(gone.tryBegin(limit: 0))
            _ = try await harness.supervisor.reconfigure(self.plan([makeSpec("b")]), policy: self.policy)
            await harness.advance(by: .seconds(60))
            #expect(harness.metric("glasspot_endpoint_up", "a") == 1)
            #expect(!harness.log.contains { $0.contains("Endpoint removed") })
            gone.end()
            await harness.advance(by: .seconds(3))
            #expect(harness.log.contains("info Endpoint removed endpoint=a"))
            // A removed series shows once more and then never again.
            _ = harness.metric("glasspot_endpoint_up", "a")
            #expect(harness.metric("glasspot_endpoint_up", "a") == nil)
            #expect(harness.metric("glasspot_endpoint_up", "b") == 1)
        }
    }

    @Test("Another server behind a name begins as unknown, under the same label")
    func replaced() async throws {
        let harness = try await Harness([makeSpec("a")])
        self.isUp(harness, "a")
        var moved = try makeSpec("elsewhere")
        moved.name = "a"
        try await harness.run { harness in
            let change = try await harness.supervisor.reconfigure(self.plan([moved]), policy: self.policy)
            #expect(change == FleetChange(added: ["a"], removed: ["a"]))
            #expect(harness.states == [.unknown])
            #expect(harness.metric("glasspot_endpoint_up", "a") == 0)
            #expect(harness.metric("glasspot_endpoint_state", "a", "unknown") == 1)
            await harness.advance(by: .seconds(10))
            #expect(harness.states == [.offline])
            #expect(!harness.log.contains { $0.contains("Endpoint removed") })
            #expect(harness.metric("glasspot_endpoint_state", "a", "offline") == 1)
        }
    }

    @Test("Another name takes state and models along")
    func renamed() async throws {
        let harness = try await Harness([makeSpec("a")])
        self.isUp(harness, "a")
        var renamed = try makeSpec("a")
        renamed.name = "z"
        try await harness.run { harness in
            let change = try await harness.supervisor.reconfigure(self.plan([renamed]), policy: self.policy)
            #expect(change == FleetChange(changed: ["z"]))
            #expect(harness.states == [.healthy])
            #expect(harness.metric("glasspot_endpoint_up", "z") == 1)
            #expect(harness.metric("glasspot_endpoint_models", "z") == 1)
            await harness.advance(by: .seconds(3))
            _ = harness.metric("glasspot_endpoint_up", "a")
            #expect(harness.metric("glasspot_endpoint_up", "a") == nil)
        }
    }

    @Test("A new filter hides models at once and asks for the list again")
    func filter() async throws {
        let harness = try await Harness([makeSpec("a")])
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", self.list("llama3:8b", "phi3", "phi4"))
        let filtered = try makeSpec("a") { spec in
            if let filter = try? ModelFilter(include: [], exclude: ["phi3"]) { spec.modelFilter = filter }
        }
        try await harness.run { harness in
            #expect(harness.modelNames(0) == ["llama3:8b", "phi3", "phi4"])
            harness.transport.set("http://a:1000/api/tags", self.list("llama3:8b", "phi3", "phi5"))
            // The fleet by itself, before anybody asks for the list.
            _ = try await harness.fleet.reconfigure(self.plan([filtered]))
            #expect(harness.modelNames(0) == ["llama3:8b", "phi4"])
            _ = try await harness.supervisor.reconfigure(self.plan([filtered]), policy: self.policy)
            await harness.clock.settle()
            #expect(harness.modelNames(0) == ["llama3:8b", "phi5"])
        }
        #expect(harness.transport.times("http://a:1000/api/tags") == [0, 0])
    }

    @Test("Another type forgets the models and reads the list by the other profile")
    func type() async throws {
        let harness = try await Harness([makeSpec("a")])
        self.isUp(harness, "a")
        harness.transport.set("http://a:1000/health", .answer(status: 200))
        harness.transport.set("http://a:1000/v1/models", .answer(status: 200, body: "{\"data\":[{\"id\":\"v\"}]}"))
        try await harness.run { harness in
            let plan = try self.plan([makeSpec("a", type: "vllm")])
            // The fleet by itself, before anybody asks for the list.
            _ = try await harness.fleet.reconfigure(plan)
            #expect(harness.modelNames(0).isEmpty)
            #expect(harness.states == [.healthy])
            _ = try await harness.supervisor.reconfigure(plan, policy: self.policy)
            await harness.clock.settle()
            #expect(harness.modelNames(0) == ["v"])
        }
    }

    @Test("A shorter interval acts at once")
    func interval() async throws {
        let harness = try await Harness([makeSpec("a", interval: .seconds(100))], policy: healthOnly)
        self.isUp(harness, "a")
        try await harness.run { harness in
            await harness.advance(by: .seconds(10))
            _ = try await harness.supervisor.reconfigure(
                self.plan([makeSpec("a", interval: .seconds(20))]), policy: healthOnly)
            await harness.advance(by: .seconds(45))
        }
        #expect(harness.transport.times("http://a:1000/") == [0, 30, 50])
    }

    @Test("The gateway is ready when what was not checked yet has left")
    func readiness() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("slow")], policy: healthOnly)
        self.isUp(harness, "a", "b")
        harness.transport.set("http://slow:1000/", .slow(.seconds(100)))
        try await harness.run { harness in
            #expect(!harness.supervisor.isReady)
            _ = try await harness.supervisor.reconfigure(
                self.plan([makeSpec("a"), makeSpec("b")]), policy: healthOnly)
            #expect(harness.supervisor.isReady)
        }
    }

    @Test("More endpoints than there is room for change nothing")
    func tooMany() async throws {
        let harness = try await Harness([makeSpec("a")], policy: healthOnly)
        self.isUp(harness, "a")
        let specs = try (0...EndpointSet.capacity).map { try makeSpec("e\($0)") }
        try await harness.run { harness in
            await #expect(throws: FleetBuilder.TooManyEndpoints.self) {
                try await harness.supervisor.reconfigure(self.plan(specs), policy: healthOnly)
            }
            #expect(harness.snapshot.endpoints.map(\.label) == ["a"])
            #expect(harness.snapshot.revision == 0)
        }
    }

    @Test("A connect failure under an earlier configuration still takes the endpoint out")
    func demotion() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")], policy: healthOnly)
        self.isUp(harness, "a", "b")
        try await harness.run { harness in
            let live = harness.snapshot.endpoints[1].live
            let gone = harness.snapshot.endpoints[0].live
            _ = try await harness.supervisor.reconfigure(self.plan([makeSpec("b")]), policy: healthOnly)
            harness.supervisor.endpointFailedToConnect(live)
            harness.supervisor.endpointFailedToConnect(gone)
            await harness.clock.settle()
            #expect(harness.states == [.offline])
        }
    }
}

@Suite("Supervisor: refresh on a miss")
struct RefreshTests {
    @Test("One listing of every healthy endpoint serves all who ask meanwhile, within the limit")
    func refresh() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("slow"), makeSpec("down")])
        for name in ["a", "slow"] { harness.transport.set("http://\(name):1000/", .answer(status: 200)) }
        harness.transport.set(
            "http://a:1000/api/tags", .answer(status: 200, body: "{\"models\":[]}"),
            .answer(status: 200, body: "{\"models\":[{\"name\":\"new\"}]}"))
        harness.transport.set(
            "http://slow:1000/api/tags", .answer(status: 200, body: "{\"models\":[]}"), .slow(.seconds(20)))
        try await harness.run { harness in
            let supervisor = harness.supervisor
            let asking = (0..<3).map { _ in
                Task(executorPreference: harness.clock.executor) {
                    await supervisor.refreshModels(within: .seconds(2))
                }
            }
            await harness.clock.settle()
            #expect(harness.modelNames(0) == ["new"])
            await harness.advance(by: .seconds(2))
            for task in asking { #expect(await task.value == .refreshed) }
            #expect(harness.transport.times("http://slow:1000/api/tags") == [0, 0])
            #expect(harness.transport.times("http://down:1000/api/tags").isEmpty)
        }
    }

    @Test("With every endpoint down there is nobody to ask, which is no failure")
    func nobody() async throws {
        let harness = try await Harness([makeSpec("down")])
        let supervisor = harness.supervisor
        try await harness.run { harness in
            let asking = Task(executorPreference: harness.clock.executor) {
                await supervisor.refreshModels(within: .seconds(2))
            }
            await harness.clock.settle()
            #expect(await asking.value == .refreshed)
        }
    }

    @Test("Where nobody answers, or nobody supervises, the refresh has failed")
    func failure() async throws {
        let harness = try await Harness([makeSpec("a")])
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", .answer(status: 404))
        let supervisor = harness.supervisor
        try await harness.run { harness in
            let asking = Task(executorPreference: harness.clock.executor) {
                await supervisor.refreshModels(within: .seconds(2))
            }
            await harness.clock.settle()
            #expect(await asking.value == .failed)
        }
        #expect(await supervisor.refreshModels(within: .seconds(2)) == .failed)
    }
}
