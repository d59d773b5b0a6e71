import Domain
import Exposition
import Foundation
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct PageTests {
    private static let promtool = "/usr/bin/promtool"

    /// A store in which every family has at least one series.
    private func busyStore() -> MetricStore {
        let store = MetricStore(
            .init(loops: 2, endpoints: ["gpu-1", "we\"ird\\na\nme"], clientKeys: ["team"]))
        let endpoint = store.endpointSlot(forName: "we\"ird\\na\nme")
        let model = store.modelSlot(forID: "org/model:7b \"q4\"\n")
        let loop = store.loops[1]
        loop.requestStarted(.provider)
        loop.routeChosen(endpoint, balancer: .roundRobin, reason: .model, candidates: 2)
        loop.attemptStarted(endpoint)
        loop.connectStep(endpoint, .tcp, .milliseconds(1))
        loop.firstByte(endpoint, .milliseconds(20))
        let cells = loop.streamCells(model: model, endpoint: endpoint)
        loop.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(50))
        loop.chunk(cells, gap: .milliseconds(30))
        loop.streamFinished(
            model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(10),
            longestStall: .milliseconds(30), tokensPerSecond: 42.5)
        loop.usage(
            model, endpoint,
            TokenUsage(
                input: 12, output: 30, inputCached: 4, inputCacheCreation: 1, outputReasoning: 7))
        loop.finished(model, .stop)
        loop.aliasRewritten(model)
        loop.clientKeyUsed(store.clientKeySlot(forName: "team"), .ok)
        loop.attemptFinished(
            endpoint, code: 200, outcome: .ok, duration: .milliseconds(90), error: nil)
        var timeline = Timeline(startedAt: .zero)
        timeline.enter(.inspect, at: MonotonicTime(rawValue: 500))
        timeline.close(at: MonotonicTime(rawValue: 123_456_789))
        var report = RequestReport(
            route: .provider, method: .post, code: 200, outcome: .ok, timeline: timeline)
        report.model = model
        report.operation = .chat
        report.operationDuration = .milliseconds(95)
        report.attempts.append(
            endpoint,
            UpstreamTimes(acquire: .zero, send: .zero, wait: .milliseconds(5), stream: .zero))
        loop.requestFinished(report)
        self.control(store, endpoint, model)
        return store
    }

    private func control(_ store: MetricStore, _ endpoint: EndpointSlot, _ model: ModelSlot) {
        let control = store.control
        control.configured(engine: .olla, balancer: .priority, profile: .streaming)
        control.configReloaded(.ok, unixTime: .seconds(1_700_000_000))
        control.healthChecked(endpoint, .ok, duration: .milliseconds(3), unixTime: .seconds(7))
        control.discoveryFinished(endpoint, .ok, duration: .milliseconds(4), unixTime: .seconds(9))
        control.endpointModels(endpoint, 1)
        control.modelEndpoints(model, 1)
        control.enginePolled(
            endpoint, EngineLoad(running: 2, waiting: 1, kvCacheUsage: 0.25))
        control.scrapeFinished(.text, .gzip, code: 200, bodyBytes: 1, duration: .milliseconds(2))
    }

    private func facts() -> ScrapeFacts {
        var facts = ScrapeFacts()
        var process = ScrapeFacts.Process(
            cpuTime: .milliseconds(1_500), residentBytes: 11, virtualBytes: 22, openDescriptors: 3,
            maxDescriptors: 1_024, startTime: .seconds(1_700_000_000))
        process.allocatedBytes = 5
        process.networkReceivedBytes = 6
        process.networkSentBytes = 7
        facts.process = process
        facts.eventLoopCPU = [.seconds(1), .seconds(2)]
        facts.endpoints = (healthy: 2, unhealthy: 1)
        facts.log = ScrapeFacts.Log()
        return facts
    }

    @Test func everyFamilyOfTheCatalogueCanBeOnAPage() {
        let page = self.busyStore().scraped(self.facts())
        let missing = Set(MetricCatalog.rows.map { $0.name })
            .subtracting(page.families.map { $0.descriptor.name })
        #expect(missing.isEmpty, "\(missing.sorted())")
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: Self.promtool)))
    func promtoolFindsNothingToSay() throws {
        let page = TextRenderer.render(self.busyStore().scraped(self.facts()))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.promtool)
        process.arguments = ["check", "metrics"]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(page))
        try input.fileHandleForWriting.close()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(String(decoding: said, as: UTF8.self) == "")
        #expect(process.terminationStatus == 0)
    }

    @Test func thePageReadsBackToTheNumbersOfTheSnapshot() throws {
        let snapshot = self.busyStore().scraped(self.facts())
        let samples = try PageReader.samples(of: TextRenderer.render(snapshot))
        #expect(samples.count == snapshot.sampleCount)
        for family in snapshot.families where family.descriptor.kind == .histogram {
            let scale =
                family.descriptor.unit == .seconds
                ? 1e9
                : family.descriptor.unit == .thousandths ? 1e3 : 1
            for series in 0..<family.seriesCount {
                let labels = family.descriptor.labels.indices.map {
                    (family.descriptor.labels[$0].name, family.labelValue(of: series, at: $0))
                }
                let name = family.descriptor.name
                let count = samples[PageReader.key("\(name)_count", labels)]
                let sum = samples[PageReader.key("\(name)_sum", labels)]
                let all = samples[PageReader.key("\(name)_bucket", labels + [("le", "+Inf")])]
                #expect(count == Double(family.count(of: series)) && all == count)
                #expect(sum == Double(family.sum(of: series)) / scale)
            }
        }
        let evil = [("endpoint", "we\"ird\\na\nme")]
        #expect(samples[PageReader.key("glasspot_stream_chunks_total", evil)] == 2)
    }
}

/// Reads a text page back, knowing nothing of how it was written.
private enum PageReader {
    struct Broken: Error { let line: String }

    static func key(_ name: String, _ labels: [(String, String)]) -> String {
        name + labels.map { "|\($0)=\($1)" }.sorted().joined()
    }

    static func samples(of page: [UInt8]) throws -> [String: Double] {
        let text = String(decoding: page, as: UTF8.self)
        guard text.last == "\n" else { throw Broken(line: "no line feed at the end") }
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let key: String
            let rest: Substring
            if let brace = line.firstIndex(of: "{") {
                var scan = line[line.index(after: brace)...]
                var labels: [(String, String)] = []
                while scan.first != "}" {
                    labels.append(try Self.label(&scan, line))
                    if scan.first == "," { scan.removeFirst() }
                }
                key = Self.key(String(line[..<brace]), labels)
                rest = scan.dropFirst()
            } else {
                let space = line.firstIndex(of: " ") ?? line.endIndex
                key = String(line[..<space])
                rest = line[space...]
            }
            guard rest.first == " ", let value = Double(rest.dropFirst()) else {
                throw Broken(line: String(line))
            }
            guard samples.updateValue(value, forKey: key) == nil else {
                throw Broken(line: "twice: \(line)")
            }
        }
        return samples
    }

    private static func label(
        _ scan: inout Substring, _ line: Substring
    ) throws -> (String, String) {
        guard let equals = scan.firstIndex(of: "=") else { throw Broken(line: String(line)) }
        let name = String(scan[..<equals])
        scan = scan[scan.index(after: equals)...]
        guard scan.popFirst() == "\"" else { throw Broken(line: String(line)) }
        var value = ""
        while let character = scan.popFirst() {
            if character == "\"" { return (name, value) }
            guard character == "\\" else {
                value.append(character)
                continue
            }
            switch scan.popFirst() {
            case "n": value.append("\n")
            case "\\": value.append("\\")
            case "\"": value.append("\"")
            default: throw Broken(line: String(line))
            }
        }
        throw Broken(line: String(line))
    }
}
