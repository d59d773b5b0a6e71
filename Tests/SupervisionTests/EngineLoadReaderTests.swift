import Catalog
import SeededRandomness
import Telemetry
import Testing

@testable import Supervision

@Suite("Engine load on a metrics page")
struct EngineLoadReaderTests {
    private func read(_ page: String, as parser: ModelListParser) throws -> EngineLoad? {
        EngineLoadReader.read(Array(page.utf8), try #require(EngineMetrics(of: parser)))
    }

    @Test("vLLM: two models are added up, the fuller cache counts")
    func vllm() throws {
        let page = """
            # HELP vllm:num_requests_running Number of requests in model execution batches.
            # TYPE vllm:num_requests_running gauge
            vllm:num_requests_running{engine="0",model_name="a"} 3.0
            vllm:num_requests_running{engine="1",model_name="b\\"} }"} 2.0
            vllm:num_requests_waiting{engine="0",model_name="a"} 1e+01
            vllm:num_requests_waiting_by_reason{engine="0"} 99
            vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25 1700000000000
            vllm:kv_cache_usage_perc{engine="1",model_name="b"} 0.5
            vllm:e2e_request_latency_seconds_bucket{le="+Inf"} 12
            """
        #expect(try self.read(page, as: .vllm) == EngineLoad(running: 5, waiting: 10, kvCacheUsage: 0.5))
    }

    @Test("Of an old and a new name the new one counts, wherever they stand")
    func renamed() throws {
        let old = "vllm:gpu_cache_usage_perc 0.9"
        let new = "vllm:kv_cache_usage_perc 0.1"
        #expect(try self.read(old, as: .vllm) == EngineLoad(kvCacheUsage: 0.9))
        for page in [old + "\n" + new, new + "\n" + old] {
            #expect(try self.read(page, as: .vllm) == EngineLoad(kvCacheUsage: 0.1))
        }
    }

    @Test(
        "The other engines by their own names",
        arguments: [
            (ModelListParser.sglang, "sglang:num_running_reqs 2\nsglang:num_queue_reqs 4\nsglang:token_usage 0.28"),
            (
                .llamaCpp,
                "llamacpp:requests_processing 2\r\nllamacpp:requests_deferred 4\r\n"
                    + "llamacpp:kv_cache_usage_ratio 0.28\r\n"
            ),
            (
                .lmDeploy,
                "lmdeploy:num_requests_running{} 2.0\nlmdeploy:num_requests_waiting{} 4.0\n"
                    + "lmdeploy:gpu_cache_usage_perc\t0.28\n# EOF"
            ),
        ])
    func engines(parser: ModelListParser, page: String) throws {
        #expect(try self.read(page, as: parser) == EngineLoad(running: 2, waiting: 4, kvCacheUsage: 0.28))
    }

    @Test("Kinds of servers that tell no load have no page")
    func silent() {
        let telling = ModelListParser.allCases.filter { EngineMetrics(of: $0) != nil }
        #expect(telling == [.vllm, .sglang, .llamaCpp, .lmDeploy])
    }

    @Test(
        "What is no finite sample is passed over",
        arguments: [
            "", "\n\n", "<html>404</html>", "{\"error\":1}", "sglang:num_running_reqs", "sglang:num_running_reqs ",
            "sglang:num_running_reqs NaN", "sglang:num_running_reqs +Inf", "sglang:num_running_reqs{a=\"b} 1",
            "sglang:num_running_reqs{a=\"b\"", "# sglang:num_running_reqs 1", "xsglang:num_running_reqs 1",
            "sglang:num_running_reqs x",
        ])
    func garbage(page: String) throws {
        #expect(try self.read(page, as: .sglang) == nil)
    }

    @Test("Counts are whole and not negative, however large they are written")
    func counts() throws {
        let page = "sglang:num_running_reqs -3\nsglang:num_queue_reqs 1e300"
        #expect(try self.read(page, as: .sglang) == EngineLoad(running: 0, waiting: 1_000_000_000))
    }

    @Test("Random bytes never end the process", arguments: [1, 2, 3])
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let metrics = try #require(EngineMetrics(of: .vllm))
        let alphabet = Array("vllm:num_requests_running{}\"\\,= \t\n#019.e+-".utf8)
        for _ in 0..<500 {
            var page = Array("vllm:num_requests_running".utf8)
            for _ in 0..<random.below(80) { page.append(alphabet[random.below(alphabet.count)]) }
            if let load = EngineLoadReader.read(page, metrics) { #expect(load.running ?? 0 >= 0) }
        }
    }
}
