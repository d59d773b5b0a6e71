import Domain
import Exposition
import Foundation
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct MetricCatalogTests {
    @Test func everyFamilyHasOneRowInTheOrderOfItsCase() {
        #expect(MetricCatalog.all.map { $0.metric } == Metric.allCases)
        #expect(MetricCatalog.sections.map { $0.section } == MetricSection.allCases)
    }

    @Test(arguments: MetricCatalog.rows)
    func namesFollowTheConventions(row: CatalogRow) {
        let prefixes = ["glasspot_", "process_", "swift_"]
        #expect(prefixes.contains { row.name.hasPrefix($0) })
        #expect(row.name.utf8.allSatisfy { $0 == 0x5F || ($0 >= 0x61 && $0 <= 0x7A) })
        #expect((row.kind == .counter) == row.name.hasSuffix("_total"))
        #expect((row.kind == .info) == row.name.hasSuffix("_info"))
        let base = row.kind == .counter ? String(row.name.dropLast(6)) : row.name
        for unit in [MetricUnit.seconds, .bytes] {
            #expect((row.unit == unit) == base.hasSuffix("_" + unit.suffix))
        }
        #expect(row.help.hasSuffix(".") && !row.help.contains("\n"))
        #expect(row.help.first?.isUppercase == true || row.help.first?.isNumber == true)
        #expect(!row.recorded.isEmpty)
        #expect(Set(row.labels.map { $0.name }).count == row.labels.count)
        #expect(!row.labels.contains { $0.name == "le" })
    }

    @Test func theSchemaAcceptsTheCatalogue() {
        let store = MetricStore(.init(loops: 1))
        #expect(store.schema.families.count == Metric.allCases.count)
        #expect(store.schema.families.map { $0.name } == MetricCatalog.all.map { $0.name })
        #expect(store.schema.families.map { $0.isExported } == MetricCatalog.all.map { !$0.name.hasPrefix("view_") })
    }

    @Test(arguments: MetricCatalog.rows.filter { $0.kind == .histogram })
    func bucketsAreFewAndAscending(row: CatalogRow) throws {
        let bounds = try #require(row.buckets?.bounds)
        #expect(bounds.count <= 24)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func everySLOThresholdIsABound() throws {
        let ttft = try #require(MetricCatalog.rows.first { $0.metric == .timeToFirstTokenSeconds })
        for seconds in [0.5, 1, 2.5, 5] {
            #expect(ttft.buckets?.bounds.contains(Int64(seconds * 1e9)) == true)
        }
        let gaps = try #require(
            MetricCatalog.rows.first { $0.metric == .interChunkDurationSeconds })
        for seconds in [0.05, 0.1] {
            #expect(gaps.buckets?.bounds.contains(Int64(seconds * 1e9)) == true)
        }
    }

    @Test func labelEnumsCountFromZeroAndHaveUniqueWords() {
        func check<Label: MetricLabel>(_ type: Label.Type) {
            #expect(Label.allCases.map { Int($0.rawValue) } == Array(0..<Label.allCases.count))
            #expect(Set(Label.values).count == Label.allCases.count)
            #expect(!Label.values.contains(""))
        }
        check(Stage.self)
        check(Party.self)
        check(RouteClass.self)
        check(RequestOutcome.self)
        check(AttemptOutcome.self)
        check(UpstreamErrorType.self)
        check(RetryReason.self)
        check(ParseFailureReason.self)
        check(RoutingFailure.self)
        check(RoutingReason.self)
        check(StreamAbortReason.self)
        check(FinishReason.self)
        check(LLMOperation.self)
        check(EndpointState.self)
        check(BreakerState.self)
        check(MethodLabel.self)
        check(Balancer.self)
        check(AdmissionDecision.self)
        check(ConnectionResult.self)
        check(ConnectStep.self)
        check(ConnectionState.self)
        check(BackpressureSide.self)
        check(BugSite.self)
        check(LogLevelLabel.self)
        check(LogDropReason.self)
        check(SpanDropReason.self)
        check(HealthCheckResult.self)
        check(RunResult.self)
        check(ScrapeFormat.self)
        check(ScrapeEncoding.self)
        check(EngineLabel.self)
        check(ProxyProfileLabel.self)
        check(AgeClass.self)
        check(EndpointHealthLabel.self)
        check(BoundedLabel.self)
        check(EvictionReason.self)
        check(AcceptResult.self)
        check(ByteDirection.self)
        check(TokenType.self)
        check(TokenDetail.self)
        check(StreamFlag.self)
        check(RateLimitKind.self)
        check(RateLimitDecision.self)
        check(StickyOutcome.self)
        check(StickyEviction.self)
        check(TranslatorLabel.self)
        check(TranslatorMode.self)
        check(TranslatorFallback.self)
    }

    @Test func codesOutsideTheAllowListAreFolded() {
        func value(_ code: Int) -> String { StatusCode.values[Int(StatusCode.position(code))] }
        for code in StatusCode.allowed { #expect(value(code) == "\(code)") }
        for code in [-1, 1, 100, 101, 199, 203, 205, 302, 418, 511, 512, 599, 600, 99_999] {
            #expect(value(code) == "other")
        }
        #expect(value(0) == "none")
        func classOf(_ code: Int) -> String {
            StatusCode.classes[Int(StatusCode.classPosition(code))]
        }
        #expect([200, 304, 499, 599].map(classOf) == ["2xx", "3xx", "4xx", "5xx"])
        #expect([0, 101, 199, 600, -5].map(classOf) == Array(repeating: "other", count: 5))
    }

    @Test(
        arguments: [
            ("GET", .get), ("POST", .post), ("PUT", .put), ("PATCH", .patch), ("DELETE", .delete),
            ("HEAD", .head), ("OPTIONS", .options), ("OTHER", .other), ("get", .other),
            ("", .other),
            ("GETS", .other), ("PROPFIND", .other),
        ] as [(String, MethodLabel)])
    func methodsOutsideTheAllowListAreOther(token: String, method: MethodLabel) {
        #expect(MethodLabel(token: Array(token.utf8).span) == method)
    }
}
