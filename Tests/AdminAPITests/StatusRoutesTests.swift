import AdminAPI
import CZlib
import Catalog
import Domain
import Pipeline
import Synchronization
import Testing

@Suite("Status routes")
struct StatusRoutesTests {
    private func harness() throws -> AdminHarness { AdminHarness(try makeFleet(), report: makeReport()) }

    @Test("Health never depends on anything")
    func health() async throws {
        let response = try await AdminHarness(try FleetBuilder().build(generation: 1, endpoints: [])).get(
            "/internal/health")
        #expect(response.status == 200)
        #expect(response.text == "{\"status\":\"healthy\"}\n")
        #expect(response.value("Content-Type") == "application/json")
    }

    @Test("Readiness follows its source")
    func ready() async throws {
        let harness = try self.harness()
        #expect(try await harness.get("/internal/ready").status == 200)
        harness.switches.isReady.store(false, ordering: .relaxed)
        let response = try await harness.get("/internal/ready")
        #expect(response.status == 503)
        #expect(response.text == "{\"status\":\"not_ready\"}\n")
    }

    @Test("The overview has every field of the contract")
    func overview() async throws {
        #expect(
            try await self.harness().text("/internal/status") == """
                {"timestamp":"2026-01-01T00:00:00Z","proxy":{"engine":"olla","profile":"auto","balancer":"priority"},\
                "endpoints":[{"id":"msqhj3","name":"beta","url":"http://gpu-1:8000/v1","status":"busy","priority":200,\
                "connections":0,"requests":80,"success_rate":"100%","avg_latency":"1.5s","avg_latency_ms":1500,\
                "min_latency_ms":0,"max_latency_ms":0,"traffic":"0 B","last_check":"1s ago","next_check":"in 4s",\
                "health_check_at":"2025-12-31T23:59:59Z","next_check_at":"2026-01-01T00:00:04Z",\
                "issues":"consecutive failures","models":{"last_updated":"0001-01-01T00:00:00Z","count":2}},\
                {"id":"1gi2muj","name":"alpha","url":"http://localhost:11434","status":"healthy","priority":100,\
                "connections":0,"requests":20,"success_rate":"85.0%","avg_latency":"120ms","avg_latency_ms":120,\
                "min_latency_ms":80,"max_latency_ms":400,"traffic":"1.51 KB","last_check":"2s ago",\
                "next_check":"in 3s","health_check_at":"2025-12-31T23:59:57.5Z",\
                "next_check_at":"2026-01-01T00:00:03Z","issues":"low success rate",\
                "models":{"last_updated":"2025-12-31T23:58:30Z","count":1}},\
                {"id":"13vqsvy","name":"gamma","url":"http://localhost:1234","status":"offline","priority":100,\
                "connections":0,"requests":0,"success_rate":"0%","avg_latency":"0ms","min_latency_ms":0,\
                "max_latency_ms":0,"traffic":"0 B","last_check":"never","next_check":"unknown",\
                "issues":"unavailable","models":{"last_updated":"0001-01-01T00:00:00Z","count":1}}],\
                "security":{"status":"normal","blocked_ips":0,"violations":{"rate_limits":1,"size_limits":2}},\
                "system":{"start_time":"2025-12-31T21:55:00Z","status":"critical","endpoints_up":"1/3",\
                "success_rate":"97.0%","avg_latency":"1.3s","total_traffic":"1.51 KB","uptime":"2h 5m",\
                "version":"1.2.3","commit":"abc123","active_connections":7,"security_violations":3,\
                "total_requests":100,"total_failures":3,"has_traffic":true}}

                """)
    }

    @Test("The endpoint page has every field of the contract")
    func endpoints() async throws {
        #expect(
            try await self.harness().text("/internal/status/endpoints") == """
                {"timestamp":"2026-01-01T00:00:00Z","endpoints":[{"id":"msqhj3","name":"beta",\
                "url":"http://gpu-1:8000/v1","type":"vllm","status":"busy","priority":200,"model_count":2,\
                "request_count":80,"active_connections":0,"success_rate":"100%","avg_latency_ms":1500,\
                "min_latency_ms":0,"max_latency_ms":0,"health_check":"1s ago",\
                "health_check_at":"2025-12-31T23:59:59Z","next_check_at":"2026-01-01T00:00:04Z",\
                "issues":"unstable"},{"id":"1gi2muj","name":"alpha","url":"http://localhost:11434",\
                "type":"ollama","status":"healthy","priority":100,"model_count":1,"request_count":20,\
                "active_connections":0,"success_rate":"85.0%","avg_latency_ms":120,"min_latency_ms":80,\
                "max_latency_ms":400,"health_check":"2s ago","health_check_at":"2025-12-31T23:59:57.5Z",\
                "next_check_at":"2026-01-01T00:00:03Z","last_model_sync":"2m ago",\
                "last_model_sync_at":"2025-12-31T23:58:30Z","response_time":"4ms","issues":"low success rate"},\
                {"id":"13vqsvy","name":"gamma","url":"http://localhost:1234","type":"lm-studio",\
                "status":"offline","priority":100,"model_count":1,"request_count":0,"active_connections":0,\
                "success_rate":"N/A","min_latency_ms":0,"max_latency_ms":0,"health_check":"",\
                "issues":"unavailable"}],"total_count":3,"healthy_count":1,"routable_count":2}

                """)
    }

    @Test("Without endpoints the system is critical, without traffic only health counts")
    func systemStatus() async throws {
        let none = AdminHarness(try FleetBuilder().build(generation: 1, endpoints: []))
        let text = try await none.text("/internal/status")
        #expect(text.contains("\"status\":\"critical\",\"endpoints_up\":\"0/0\",\"success_rate\":\"N/A\""))
        #expect(text.contains("\"has_traffic\":false"))
    }

    @Test("The model page lists every known model, up or down")
    func models() async throws {
        let harness = try self.harness()
        let record = """
            {"name":"llama3.2:3b","last_seen":"2m ago","endpoints":["alpha","beta"],\
            "last_seen_at":"2025-12-31T23:58:30Z","type":"vllm","family":"llama","size":"1.88 GB","params":"3.0B",\
            "quant":"Q4_K_M","endpoint_ids":["1gi2muj","msqhj3"],"aliases":["Llama3.2:3B"],\
            "capabilities":["long_context"]}
            """
        let vision = """
            {"name":"org/qwen-vl","last_seen":"never","endpoints":["beta"],"type":"vllm","endpoint_ids":["msqhj3"]}
            """
        let phi = """
            {"name":"phi-4","last_seen":"never","endpoints":["gamma"],"type":"llm","family":"phi","quant":"fp16",\
            "endpoint_ids":["13vqsvy"],"capabilities":["text_generation","chat","high_precision"]}
            """
        let head = """
            {"timestamp":"2026-01-01T00:00:00Z","total_models":3,"total_families":3,"total_endpoints":3,\
            "models_by_family":{"llama":["llama3.2:3b"],"phi":["phi-4"],"unknown":["org/qwen-vl"]},\
            "recent_models":[\(record),\(vision),\(phi)]
            """
        #expect(try await harness.text("/internal/status/models") == head + "}\n")
        #expect(
            try await harness.text("/internal/status/models", query: "detailed=true&group=family") == head + """
                ,"model_groups":[{"family":"llama","models":[\(record)],"endpoints":["alpha","beta"],\
                "model_count":1},{"family":"phi","models":[\(phi)],"endpoints":["gamma"],"model_count":1},\
                {"family":"unknown","models":[\(vision)],"endpoints":["beta"],"model_count":1}]}

                """)
    }

    @Test("The version page has every field of the contract")
    func version() async throws {
        let text = try await self.harness().text("/version")
        for part in [
            "{\"name\":\"Glasspot\",\"version\":\"1.2.3\",\"edition\":", "\"description\":",
            "\"build\":{\"commit\":\"abc123\",\"date\":\"2026-01-01\",\"go_version\":\"Swift 6.3\",\"platform\":\"linux/amd64\"}",
            "\"capabilities\":[\"load_balancing\",", "\"capabilities_experimental\":[",
            "\"supported_backends\":[\"ollama\",",
            "\"api\":{\"version\":\"v1\",\"endpoints\":{\"health\":\"/internal/health\",", "\"links\":{\"homepage\":",
        ] { #expect(text.contains(part), "\(part)") }
    }

    @Test("Refused management calls and the server options have their answers")
    func others() async throws {
        let harness = try self.harness()
        let refused = try await harness.get("/olla/ollama/api/pull", method: "POST")
        #expect(refused.status == 501)
        #expect(refused.text == "Model management is not supported through the proxy\n")
        #expect(refused.value("X-Content-Type-Options") == "nosniff")
        let options = try await harness.get("*", method: "OPTIONS")
        #expect(options.status == 200 && options.body.isEmpty)
    }
}

@Suite("Conditional requests")
struct ConditionalRequestTests {
    private static let paths = ["/internal/status", "/internal/status/endpoints", "/internal/status/models"]

    @Test("The entity tag stays while only the clock moves", arguments: Self.paths)
    func stableTag(path: String) async throws {
        let first = try await AdminHarness(try makeFleet(), report: makeReport()).get(path)
        let later = try await AdminHarness(try makeFleet(), report: makeReport(), wallShift: .seconds(7)).get(path)
        #expect(first.body != later.body)
        let tag = try #require(first.value("ETag"))
        #expect(later.value("ETag") == tag)
        #expect(tag.hasPrefix("W/\"") && tag.hasSuffix("\""))
        #expect(first.value("Cache-Control") == "private, no-cache")
        #expect(first.value("Vary") == "Accept-Encoding")
    }

    @Test("The entity tag changes with what can be observed")
    func changedTag() async throws {
        var report = makeReport()
        report.traffic[0].requests += 1
        for path in Self.paths.prefix(2) {
            let first = try await AdminHarness(try makeFleet(), report: makeReport()).get(path)
            let second = try await AdminHarness(try makeFleet(), report: report).get(path)
            #expect(first.value("ETag") != second.value("ETag"))
        }
    }

    @Test("A client that has the page gets a bare 304", arguments: Self.paths)
    func notModified(path: String) async throws {
        let harness = AdminHarness(try makeFleet(), report: makeReport())
        let tag = try #require(try await harness.get(path).value("ETag"))
        let long = String(repeating: "x", count: 1_024)
        for header in [tag, "*", String(tag.dropFirst(2)), "W/\"other\", \(tag)", " \(tag) ,\"x\""] {
            let response = try await harness.get(path, [("If-None-Match", header), ("Accept-Encoding", "gzip")])
            #expect(response.status == 304, "\(header)")
            #expect(response.body.isEmpty)
            #expect(response.value("ETag") == tag)
            #expect(response.value("Content-Encoding") == nil)
            #expect(response.value("Content-Type") == nil)
        }
        for header in ["W/\"other\"", "", "\"\(long)\", \(tag)", tag + "x"] {
            #expect(try await harness.get(path, [("If-None-Match", header)]).status == 200, "\(header)")
        }
    }

    @Test("Pages are compressed for those who accept it", arguments: Self.paths)
    func compression(path: String) async throws {
        let harness = AdminHarness(try makeFleet(), report: makeReport())
        let plain = try await harness.get(path)
        for header in ["gzip", "br, gzip;q=0.5", "*"] {
            let response = try await harness.get(path, [("Accept-Encoding", header)])
            #expect(response.value("Content-Encoding") == "gzip")
            #expect(try gunzip(response.body) == plain.body)
            #expect(response.value("ETag") == plain.value("ETag"))
        }
        for header in ["gzip;q=0", "identity", "*, gzip;q=0", String(repeating: "a,", count: 600) + "gzip"] {
            let response = try await harness.get(path, [("Accept-Encoding", header)])
            #expect(response.value("Content-Encoding") == nil)
            #expect(response.body == plain.body)
        }
    }

    @Test("A small page is sent as it is")
    func small() async throws {
        let harness = AdminHarness(try FleetBuilder().build(generation: 1, endpoints: []))
        let response = try await harness.get("/internal/status/endpoints", [("Accept-Encoding", "gzip")])
        #expect(response.value("Content-Encoding") == nil)
        #expect(response.value("Vary") == "Accept-Encoding")
    }
}

struct BrokenGzip: Error {}

/// Decompresses a gzip body of at most 4 MiB.
func gunzip(_ input: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw BrokenGzip()
    }
    defer { inflateEnd(&stream) }
    var input = input
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: 1 << 22) { buffer, count in
        input.withUnsafeMutableBufferPointer { bytes in
            stream.next_in = bytes.baseAddress
            stream.avail_in = UInt32(bytes.count)
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(buffer.count)
            status = inflate(&stream, Z_FINISH)
        }
        count = buffer.count - Int(stream.avail_out)
    }
    guard status == Z_STREAM_END else { throw BrokenGzip() }
    return output
}
