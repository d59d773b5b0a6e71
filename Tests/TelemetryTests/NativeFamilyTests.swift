import Domain
import MetricKernel
import Telemetry
import Testing

@Suite struct NativeFamilyTests {
    @Test func shortAndFullNamesMeanHistograms() {
        let names = ["ttft", "glasspot_operation_duration_seconds", "glasspot_requests_total", "TTFT", ""]
        let (found, unknown) = MetricCatalog.histograms(named: names)
        #expect(found == [.timeToFirstTokenSeconds, .operationDurationSeconds])
        #expect(unknown == ["glasspot_requests_total", "TTFT", ""])
    }

    @Test func onlyTheFamiliesOfTheConfigurationAreNative() {
        for names in [[], ["itl", "unheard of"], MetricCatalog.nativeByDefault.map { $0.name }] {
            var configuration = MetricStore.Configuration(loops: 1)
            configuration.nativeHistograms = names
            let natives = MetricStore(configuration).schema.families.filter { $0.isNative }
            #expect(natives.count == names.filter { $0 != "unheard of" }.count)
        }
    }

    @Test func aRequestIsInTheNativeBucketsOfItsDuration() throws {
        var configuration = MetricStore.Configuration(loops: 1)
        configuration.nativeHistograms = ["request", "overhead"]
        let store = MetricStore(configuration)
        var timeline = Timeline(startedAt: MonotonicTime(rawValue: 0))
        timeline.close(at: MonotonicTime(rawValue: 1_000_000_000))
        store.loops[0].requestStarted(.provider)
        store.loops[0].requestFinished(
            RequestReport(route: .provider, method: .post, code: 200, outcome: .ok, timeline: timeline))
        let family = try #require(
            store.snapshotFromOutside().family("glasspot_request_duration_seconds"))
        let series = try #require((0..<family.seriesCount).first { family.count(of: $0) == 1 })
        let native = try #require(family.native(of: series))
        #expect(native.schema == 3 && native.buckets.map { $0.index } == [0])
    }
}
