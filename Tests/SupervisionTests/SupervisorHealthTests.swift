import Catalog
import Domain
import Supervision
import Testing

@Suite("Supervisor: health checks")
struct SupervisorHealthTests {
    @Test("The gateway is ready once every endpoint has been checked once")
    func firstPass() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://b:1000/", .slow(.seconds(1)))
        #expect(!harness.supervisor.isReady)
        #expect(harness.states == [.unknown, .unknown])
        try await harness.run { harness in
            #expect(harness.states == [.healthy, .unknown])
            #expect(!harness.supervisor.isReady)
            await harness.advance(by: .seconds(1))
            #expect(harness.supervisor.isReady)
            #expect(harness.states == [.healthy, .healthy])
        }
    }

    @Test("Without endpoints the gateway is ready at once")
    func noEndpoints() async throws {
        let harness = try await Harness([], policy: healthOnly)
        #expect(harness.supervisor.isReady)
        try await harness.run { _ in }
    }

    @Test("The first pass asks ten endpoints at a time")
    func firstPassWidth() async throws {
        let specs = try (0..<25).map { try makeSpec("e\($0)") }
        let harness = try await Harness(specs, policy: healthOnly)
        for spec in specs { harness.transport.set(spec.healthURL.text, .slow(.seconds(1))) }
        try await harness.run { harness in
            // Ten running; ten done and ten running; twenty done and five running; all done.
            for asked in [10, 20, 25] {
                #expect(harness.transport.urls.count == asked)
                #expect(!harness.supervisor.isReady)
                await harness.advance(by: .seconds(1))
            }
            #expect(harness.supervisor.isReady)
            #expect(harness.transport.runningMax == 10)
        }
    }

    @Test("A healthy endpoint is checked every interval, with the agreed headers")
    func interval() async throws {
        let spec = try makeSpec("a", interval: .seconds(7)) {
            $0.headers = [HeaderField(name: "X-Team", value: "blue"), HeaderField(name: "accept", value: "x/y")]
            $0.auth = HeaderField(name: "Authorization", value: "Bearer secret")
        }
        let harness = try await Harness([spec], policy: healthOnly)
        harness.transport.set("http://a:1000/", .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(22))
        }
        #expect(harness.transport.times("http://a:1000/") == [0, 7, 14, 21])
        let fields = try #require(harness.transport.requests("http://a:1000/").first).fields
        #expect(
            fields.map { "\($0.name): \($0.value)" } == [
                "User-Agent: olla-HealthChecker/1.2.3", "Cache-Control: no-cache", "X-Team: blue",
                "accept: x/y", "Authorization: Bearer secret",
            ])
        #expect(!harness.log.joined().contains("secret"))
    }

    @Test("Failing checks are spaced 5, 10, 20, 40, 60 seconds, and the breaker saves the request in between")
    func backoff() async throws {
        let harness = try await Harness([makeSpec("a")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .answer(status: 500))
        try await harness.run { harness in
            #expect(harness.states == [.unhealthy])
            var due: [Double] = []
            for _ in 0..<6 {
                let next = await harness.conditions[0].nextCheck
                let wait = try #require(next) - harness.clock.wallTime()
                due.append(wait.seconds)
                await harness.advance(by: wait)
            }
            #expect(due == [5, 10, 20, 40, 60, 60])
        }
        // At 35 the health breaker is open: no request, but the waits go on growing.
        #expect(harness.transport.times("http://a:1000/") == [0, 5, 15, 75, 135, 195])
    }

    @Test("Each status leads to its state")
    func states() async throws {
        let table: [(Int, EndpointState)] = [
            (200, .healthy), (204, .healthy), (401, .configError), (403, .configError), (404, .unhealthy),
            (429, .rateLimited), (500, .unhealthy), (304, .unhealthy),
        ]
        let specs = try table.indices.map { try makeSpec("e\($0)") }
        let harness = try await Harness(specs, policy: healthOnly)
        for (position, row) in table.enumerated() {
            harness.transport.set(specs[position].healthURL.text, .answer(status: row.0))
        }
        try await harness.run { _ in }
        #expect(harness.states == table.map(\.1))
        #expect(harness.metric("glasspot_health_checks_total", "e0", "ok") == 1)
        #expect(harness.metric("glasspot_health_checks_total", "e6", "fail") == 1)
        #expect(harness.metric("glasspot_endpoint_state", "e2", "config_error") == 1)
        #expect(harness.metric("glasspot_endpoint_state_changes_total", "e5") == 1)
    }

    @Test("A network error is tried twice more within the check, a time limit is not")
    func repeats() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b"), makeSpec("c")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .failure(.network("reset")))
        harness.transport.set("http://b:1000/", .slow(.seconds(9)))
        harness.transport.set("http://c:1000/", .failure(.network("reset")), .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(3))
        }
        #expect(harness.transport.times("http://a:1000/") == [0, 0.1, 0.3])
        #expect(harness.transport.times("http://b:1000/") == [0])
        #expect(harness.transport.times("http://c:1000/") == [0, 0.1])
        #expect(harness.states == [.offline, .offline, .healthy])
        #expect(harness.metric("glasspot_health_checks_total", "a", "fail") == 1)
        #expect(harness.metric("glasspot_health_checks_total", "b", "timeout") == 1)
        #expect(harness.metric("glasspot_health_checks_total", "c", "ok") == 1)
    }

    @Test("A slow answer within a long time limit means busy")
    func busy() async throws {
        let spec = try makeSpec("a", interval: .seconds(40), timeout: .seconds(30))
        let harness = try await Harness([spec], policy: healthOnly)
        harness.transport.set("http://a:1000/", .slow(.seconds(12)))
        try await harness.run { harness in
            await harness.advance(by: .seconds(12))
        }
        #expect(harness.states == [.busy])
        #expect(harness.snapshot.routable.count == 1)
    }

    @Test("After a 429 the endpoint is left alone for as long as it asks")
    func rateLimited() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")], policy: healthOnly)
        harness.transport.set(
            "http://a:1000/", .answer(status: 429, fields: [("Retry-After", "17")]), .answer(status: 200))
        // The clock starts at midnight, 1 January 2026.
        harness.transport.set(
            "http://b:1000/",
            .answer(status: 429, fields: [("retry-after", "Thu, 01 Jan 2026 00:00:50 GMT")]),
            .answer(status: 200))
        try await harness.run { harness in
            #expect(harness.states == [.rateLimited, .rateLimited])
            await harness.advance(by: .seconds(51))
            #expect(harness.states == [.healthy, .healthy])
        }
        #expect(harness.transport.times("http://a:1000/").prefix(2) == [0, 17])
        #expect(harness.transport.times("http://b:1000/") == [0, 50])
    }

    @Test("A hanging endpoint delays no other")
    func independence() async throws {
        let slow = try makeSpec("slow", interval: .seconds(60), timeout: .seconds(30))
        let harness = try await Harness([slow, makeSpec("quick", interval: .seconds(1))], policy: healthOnly)
        harness.transport.set("http://slow:1000/", .slow(.seconds(100)))
        harness.transport.set("http://quick:1000/", .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(10))
            #expect(harness.states == [.unknown, .healthy])
        }
        #expect(harness.transport.times("http://quick:1000/") == (0...10).map(Double.init))
    }

    @Test("A request that cannot connect takes the endpoint out at once; a check brings it back warming")
    func demotion() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://b:1000/", .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(2))
            let index = EndpointIndex(rawValue: 0)
            let live = harness.snapshot.live(index)
            harness.supervisor.endpointFailedToConnect(live)
            harness.supervisor.endpointFailedToConnect(live)
            #expect(live.isDemoted)
            await harness.clock.settle()
            #expect(harness.states == [.offline, .healthy])
            #expect(!harness.snapshot.routable.contains(index))
            #expect(await harness.conditions[0].failuresInRow == 1)
            // The check that was due at 5 is put off to 2 + 5.
            await harness.advance(by: .seconds(4))
            #expect(harness.transport.times("http://a:1000/") == [0])
            await harness.advance(by: .seconds(1))
            #expect(harness.states == [.warming, .healthy])
            #expect(!live.isDemoted)
            await harness.advance(by: .seconds(5))
            #expect(harness.states == [.healthy, .healthy])
        }
        #expect(harness.metric("glasspot_endpoint_state_changes_total", "a") == 4)
        #expect(harness.log.filter { $0.contains("state=offline") }.count == 1)
    }

    @Test("Configured fields go only to the endpoint's own origin")
    func credentials() async throws {
        let adjust: (inout EndpointSpec) -> Void = {
            $0.auth = HeaderField(name: "Authorization", value: "Bearer secret")
            $0.headers = [HeaderField(name: "X-Team", value: "blue")]
        }
        let harness = try await Harness(
            [
                makeSpec("a", health: "http://elsewhere:1000/ok", adjust: adjust),
                makeSpec("b", health: "/start", adjust: adjust),
                makeSpec("c", health: "/loop", adjust: adjust),
            ], policy: healthOnly)
        let transport = harness.transport
        transport.set("http://elsewhere:1000/ok", .answer(status: 200))
        transport.set("http://b:1000/start", .answer(status: 302, fields: [("Location", "/own")]))
        transport.set("http://b:1000/own", .answer(status: 307, fields: [("location", "//other:99/x?y=1")]))
        transport.set("http://other:99/x?y=1", .answer(status: 301, fields: [("Location", "http://b:1000/end")]))
        transport.set("http://b:1000/end", .answer(status: 200))
        transport.set("http://c:1000/loop", .answer(status: 302, fields: [("Location", "loop")]))
        try await harness.run { _ in }
        #expect(harness.states == [.healthy, .healthy, .offline])
        let hasSecret: (String) -> Bool = { url in
            transport.requests(url).contains {
                $0.fields.contains { $0.value.contains("secret") || $0.name == "X-Team" }
            }
        }
        #expect(!hasSecret("http://elsewhere:1000/ok"))
        #expect(hasSecret("http://b:1000/start"))
        #expect(hasSecret("http://b:1000/own"))
        #expect(!hasSecret("http://other:99/x?y=1"))
        #expect(hasSecret("http://b:1000/end"))
        #expect(transport.times("http://c:1000/loop").count == 11)
    }

    @Test("Jitter never puts a check off and never brings it more than a tenth forward", arguments: [1, 2, 3])
    func jitter(seed: UInt64) async throws {
        let random = SeededNumbers(seed: seed)
        let harness = try await Harness(
            [makeSpec("a", interval: .seconds(10))], policy: healthOnly, jitter: Jitter { random.next() })
        harness.transport.set("http://a:1000/", .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(200))
        }
        let times = harness.transport.times("http://a:1000/")
        let waits = zip(times.dropFirst(), times).map(-)
        #expect(waits.count >= 20)
        #expect(waits.allSatisfy { $0 > 8.999 && $0 <= 10 })
        #expect(Set(waits).count > 10)
    }

    @Test("The conditions say when checks were and will be made")
    func conditions() async throws {
        let harness = try await Harness([makeSpec("a")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .slow(.milliseconds(250)))
        #expect(await harness.conditions[0].lastCheck == nil)
        #expect(await harness.conditions[0].nextCheck == nil)
        try await harness.run { harness in
            await harness.advance(by: .seconds(1))
            let condition = await harness.conditions[0]
            #expect(condition.lastCheck == ManualClock.epoch + .milliseconds(250))
            #expect(condition.nextCheck == ManualClock.epoch + .milliseconds(5_250))
            #expect(condition.lastDuration == .milliseconds(250))
            #expect(condition.failuresInRow == 0)
            #expect(condition.lastModelSync == nil)
        }
    }
}
