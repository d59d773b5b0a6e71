import Foundation
import MockLLM
import NIOCore
import NIOPosix
import NIOSSL
import Settings
import Synchronization
import TestKit
import Testing

@testable import GlasspotApp

/// The engines that must keep one contract.
enum Engine: String, CaseIterable, Sendable {
    case olla
    case sherpa

    // What may differ between them (routing-and-config 5.4, 8.1; docs/ENGINES.md).

    /// Field lines that a backend gets beside those of the client and the gateway when the client named no codings.
    var codingLines: [String] { self == .olla ? [] : ["Accept-Encoding: gzip"] }
    /// The most connections to one endpoint that idle, with one event loop.
    var idleConnectionsMax: Int { self == .olla ? 25 : 5 }
    /// Whether the steps of opening a connection are timed.
    var timesConnectSteps: Bool { self == .olla }
    /// The label of a TLS handshake that does not end in time.
    var handshakeTimeout: String { self == .olla ? "tls" : "connect_timeout" }
    /// Whether answers are seen as bytes: reason phrases, the form of chunks, trailers, a blank before a colon.
    var seesAnswersAsBytes: Bool { self == .olla }
    /// Whether the head of a request is written at once on a connection that idles, before more of the body is read.
    var writesHeadsAtOnce: Bool { self == .olla }
}

/// A change of the configuration under test.
struct Tuning: Sendable {
    let apply: @Sendable (inout Configuration) -> Void

    init(_ apply: @escaping @Sendable (inout Configuration) -> Void) { self.apply = apply }
}

/// An endpoint of the gateway under test.
struct Place: Sendable {
    var name: String
    var url: String
    var type = "openai-compatible"
    /// Further lines of its entry in the configuration file.
    var lines: [String] = []
    /// Asks the place itself how it is and which models it has; else a server beside it answers for it.
    var isAskedItself = false

    /// A place that plays a script.
    init(_ backend: ScriptedBackend, name: String = "alpha", lines: [String] = []) {
        self.init(port: backend.port, name: name, lines: lines)
    }

    /// A place at a port.
    init(port: Int, scheme: String = "http", path: String = "", name: String = "alpha", lines: [String] = []) {
        self.name = name
        self.url = "\(scheme)://127.0.0.1:\(port)\(path)"
        self.lines = lines
    }

    /// A place that imitates an inference server.
    init(_ backend: MockBackend, name: String = "alpha", lines: [String] = []) {
        self.init(port: backend.port, name: name, lines: lines)
        self.type = backend.kind == .openAI ? "openai-compatible" : backend.kind.rawValue
        self.isAskedItself = true
    }
}

/// A real gateway in this process, on free ports of the loopback address, with everything a test asks about it.
///
/// - Isolation: any thread.
final class World: Sendable {
    private let gateway: Gateway
    private let running: Task<Void, any Error>
    private let folder: URL
    private let log: FileHandle
    private let engine: Engine
    private let scraper: Scraper
    private let hasStopped = Atomic<Bool>(false)

    /// The port clients connect to.
    var port: Int { self.gateway.port }
    /// The port that has the internal routes.
    var internalPort: Int { self.gateway.adminPort ?? self.gateway.port }

    private init(
        _ engine: Engine, gateway: Gateway, running: Task<Void, any Error>, folder: URL, log: FileHandle
    ) {
        self.engine = engine
        self.gateway = gateway
        self.running = running
        self.folder = folder
        self.log = log
        self.scraper = Scraper(port: gateway.adminPort ?? gateway.port)
    }

    /// Runs `body` against a gateway before these places, and checks the invariants when it is done.
    ///
    /// - Parameters:
    ///   - engine: the engine that is tested.
    ///   - places: the endpoints.
    ///   - alone: no other world runs meanwhile, for tests that measure time.
    ///   - yaml: further sections of the configuration file.
    ///   - tuned: changes the configuration that was read from the file.
    ///   - sourceLocation: where breaches are shown.
    ///   - body: what to ask the gateway.
    /// - Throws: what the body throws, or that the gateway does not start.
    static func with(
        _ engine: Engine, _ places: [Place], alone: Bool = false, yaml: String = "",
        tuned: Tuning = Tuning { _ in },
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (World) async throws -> Void
    ) async throws {
        try await Turnstile.shared.pass(alone: alone) {
            let world = try await World.start(engine, places, yaml: yaml, tuned: tuned)
            do {
                try await world.isReady(models: places.contains { $0.isAskedItself })
                try await body(world)
                if !world.hasStopped.load(ordering: .acquiring) {
                    try await world.metrics(sourceLocation: sourceLocation)
                }
            } catch {
                try? await world.stop()
                world.remove()
                throw error
            }
            try await world.stop()
            world.remove()
        }
    }

    private static func start(
        _ engine: Engine, _ places: [Place], yaml: String, tuned: Tuning
    ) async throws -> World {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("glasspot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let registry = try await Registry.shared.port()
        let file = folder.appendingPathComponent("config.yaml")
        let text = Self.file(engine, places, registry: registry, yaml: yaml)
        try Data(text.utf8).write(to: file)
        let loaded = ConfigurationLoader(environment: [:], workingDirectory: folder.path).load(path: file.path)
        var settings = try #require(loaded.configuration, "\(loaded.errors)")
        settings.server.port = 0
        tuned.apply(&settings)
        let logFile = folder.appendingPathComponent("log.json")
        try Data().write(to: logFile)
        let log = try FileHandle(forWritingTo: logFile)
        let gateway = try await Gateway.start(settings, environment: [:], output: log.fileDescriptor)
        let running = Task { try await gateway.run(signals: []) }
        return World(engine, gateway: gateway, running: running, folder: folder, log: log)
    }

    /// Replaces the configuration file and has the gateway load it.
    ///
    /// `server` and `proxy` hold further members of these sections, as flow mapping entries; rate limits are off unless
    /// `server` has some. Returns whether the gateway took it over.
    @discardableResult
    func reload(
        _ places: [Place], server: String = "", proxy: String = "", yaml: String = ""
    ) async throws -> Bool {
        let registry = try await Registry.shared.port()
        let file = self.folder.appendingPathComponent("config.yaml")
        let text = Self.file(self.engine, places, registry: registry, server: server, proxy: proxy, yaml: yaml)
        try Data(text.utf8).write(to: file)
        let loader = ConfigurationLoader(environment: [:], workingDirectory: self.folder.path)
        return await self.gateway.reload(loader.load(path: file.path))
    }

    private static let noLimits = "rate_limits: {global_requests_per_minute: 0, per_ip_requests_per_minute: 0}"

    /// The configuration file: one event loop, so that it is known which connections can be used again.
    private static func file(
        _ engine: Engine, _ places: [Place], registry: Int, server: String = "", proxy: String = "", yaml: String
    ) -> String {
        let members = ["engine: \(engine.rawValue)"] + (proxy.isEmpty ? [] : [proxy])
        let limits = server.contains("rate_limits:") ? [] : [Self.noLimits]
        let serving = ["host: 127.0.0.1", "event_loops: 1"] + limits + (server.isEmpty ? [] : [server])
        var lines = [
            "server: {\(serving.joined(separator: ", "))}",
            "proxy: {\(members.joined(separator: ", "))}", "discovery:",
            "  model_discovery: {enabled: \(places.contains { $0.isAskedItself })}", "  static:",
            places.isEmpty ? "    endpoints: []" : "    endpoints:",
        ]
        for place in places {
            lines += ["      - url: \"\(place.url)\"", "        name: \(place.name)", "        type: \(place.type)"]
            if !place.isAskedItself {
                lines.append("        health_check_url: \"http://127.0.0.1:\(registry)/v1/models\"")
            }
            if !place.lines.contains(where: { $0.hasPrefix("check_interval") }) {
                lines += ["        check_interval: 60s", "        check_timeout: 10s"]
            }
            lines += place.lines.map { "        \($0)" }
        }
        return lines.joined(separator: "\n") + "\n" + yaml
    }

    private func isReady(models: Bool) async throws {
        let client = try await ByteClient.connect(to: self.internalPort)
        try await Self.eventually("the gateway is ready") {
            try await client.send("GET /internal/ready HTTP/1.1\r\nHost: gateway\r\n\r\n")
            return try await client.answer().status == 200
        }
        try await client.close()
        guard models else { return }
        try await self.metrics { page in
            page["glasspot_discovery_runs_total"].filter { $0.label("result") == "ok" && $0.value > 0 }.count
                == page["glasspot_endpoint_up"].count { $0.value == 1 }
        }
    }

    /// Keeps the gateway's event loop busy while `body` runs: what comes meanwhile it finds all at once.
    func whileBusy(_ body: () async throws -> Void) async throws { try await self.gateway.whileBusy(body) }

    // MARK: Asking

    /// A fresh connection.
    func connect(receiveBytes: Int? = nil, tls: NIOSSLContext? = nil) async throws -> ByteClient {
        try await ByteClient.connect(to: self.port, receiveBytes: receiveBytes, tls: tls)
    }

    /// A fresh connection to where the internal routes are.
    func connectInternally() async throws -> ByteClient { try await ByteClient.connect(to: self.internalPort) }

    /// One request on a connection of its own.
    func exchange(_ request: String, isHead: Bool = false) async throws -> WireMessage {
        let client = try await self.connect()
        try await client.send(request)
        let answer = try await client.answer(toHead: isHead)
        try await client.close()
        return answer
    }

    /// One request without a body on a connection of its own.
    func get(_ target: String, _ fields: String = "") async throws -> WireMessage {
        try await self.exchange("GET \(target) HTTP/1.1\r\nHost: gateway\r\n\(fields)\r\n")
    }

    /// One request with a JSON body on a connection of its own.
    func post(_ target: String, _ json: String, _ fields: String = "") async throws -> WireMessage {
        try await self.exchange(Self.postText(target, json, fields))
    }

    /// The bytes of a request with a JSON body.
    static func postText(_ target: String, _ json: String, _ fields: String = "") -> String {
        "POST \(target) HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\(fields)"
            + "Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
    }

    // MARK: Metrics and log

    /// A scrape; breaches of the invariants are recorded as issues.
    @discardableResult
    func metrics(sourceLocation: SourceLocation = #_sourceLocation) async throws -> MetricsPage {
        try await self.scraper.scrape(sourceLocation: sourceLocation)
    }

    /// Scrapes until the page says so, for at most `limit`.
    @discardableResult
    func metrics(
        within limit: Duration = ByteClient.limit, sourceLocation: SourceLocation = #_sourceLocation,
        until condition: (MetricsPage) -> Bool
    ) async throws -> MetricsPage {
        let deadline = ContinuousClock.now + limit
        while true {
            let page = try await self.metrics(sourceLocation: sourceLocation)
            if condition(page) { return page }
            guard ContinuousClock.now < deadline else {
                let facts = page.samples.filter { $0.value != 0 && !$0.name.hasSuffix("_bucket") }
                    .map { "\($0.name){\($0.labels)} \($0.value)" }
                Issue.record(
                    "the page never said so; it has\n\(facts.joined(separator: "\n"))", sourceLocation: sourceLocation)
                return page
            }
        }
    }

    /// Waits until something holds, asking again and again.
    static func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + ByteClient.limit
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                throw ByteClient.Unmet(description: "\(what): not within \(ByteClient.limit)")
            }
            await Task.yield()
        }
    }

    /// Does what a stop begins with, before `server.drain_delay`.
    func announceStop() async { await self.gateway.announceDrain() }

    /// Asks the gateway to stop.
    func beginStop() async {
        self.hasStopped.store(true, ordering: .releasing)
        await self.gateway.stop()
    }

    /// Stops the gateway and waits for its end.
    func stop() async throws {
        await self.beginStop()
        try await self.running.value
    }

    /// Stops the gateway and reads its log as it was written.
    func rawLogAfterStop() async throws -> String {
        try await self.stop()
        let data = try Data(contentsOf: self.folder.appendingPathComponent("log.json"))
        return String(decoding: data, as: UTF8.self)
    }

    /// Stops the gateway and reads its log.
    func logAfterStop() async throws -> [[String: any Sendable]] {
        try await self.rawLogAfterStop().utf8.split(separator: UInt8(ascii: "\n")).map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: any Sendable])
        }
    }

    private func remove() {
        try? self.log.close()
        try? FileManager.default.removeItem(at: self.folder)
    }
}

/// Reads the metrics page again and again, and compares each page with the one before.
final class Scraper: Sendable {
    private let port: Int
    private let previous = Mutex<MetricsPage?>(nil)
    /// The endpoints of all pages so far.
    private let endpoints = Mutex<Set<String>>([])

    init(port: Int) { self.port = port }

    /// One scrape; breaches of the invariants are recorded as issues.
    func scrape(sourceLocation: SourceLocation = #_sourceLocation) async throws -> MetricsPage {
        let client = try await ByteClient.connect(to: self.port)
        try await client.send("GET /internal/metrics HTTP/1.1\r\nHost: gateway\r\n\r\n")
        let answer = try await client.answer()
        try await client.close()
        #expect(answer.status == 200, sourceLocation: sourceLocation)
        let page = try MetricsPage(answer.body)
        let before = self.previous.withLock { previous in
            defer { previous = page }
            return previous
        }
        let present = Invariants.endpoints(of: page)
        let hasLostEndpoints = self.endpoints.withLock { known in
            known.formUnion(present)
            return !known.isSubset(of: present)
        }
        let breaches = Invariants.breaches(page, after: before, hasLostEndpoints: hasLostEndpoints)
        if !breaches.isEmpty {
            Issue.record("\(breaches.joined(separator: "\n"))", sourceLocation: sourceLocation)
        }
        return page
    }
}

extension Gateway {
    /// Keeps an event loop busy while `body` runs, for 10 s at most.
    func whileBusy(_ body: () async throws -> Void) async throws {
        let end = DispatchSemaphore(value: 0)
        await withCheckedContinuation { begun in
            self.group.next().execute {
                begun.resume()
                _ = end.wait(timeout: .now() + 10)
            }
        }
        defer { end.signal() }
        try await body()
    }
}

/// Answers health checks for places that cannot.
private actor Registry {
    static let shared = Registry()
    private var backend: Task<MockBackend, any Error>?

    func port() async throws -> Int {
        let backend = self.backend ?? Task { try await MockBackend.start(kind: .openAI) }
        self.backend = backend
        return try await backend.value.port
    }
}

/// Lets a few worlds run at once, or one alone.
private actor Turnstile {
    static let shared = Turnstile()
    private static let places = 6
    private var free = Turnstile.places
    private var waiting: [(need: Int, resume: CheckedContinuation<Void, Never>)] = []

    nonisolated func pass(alone: Bool, _ body: () async throws -> Void) async throws {
        let need = alone ? Self.places : 1
        await self.enter(need)
        do {
            try await body()
        } catch {
            await self.leave(need)
            throw error
        }
        await self.leave(need)
    }

    private func enter(_ need: Int) async {
        if self.waiting.isEmpty, self.free >= need {
            self.free -= need
            return
        }
        await withCheckedContinuation { self.waiting.append((need, $0)) }
    }

    private func leave(_ need: Int) {
        self.free += need
        while let first = self.waiting.first, self.free >= first.need {
            self.waiting.removeFirst()
            self.free -= first.need
            first.resume.resume()
        }
    }
}
