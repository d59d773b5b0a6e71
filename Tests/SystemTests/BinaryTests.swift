import Foundation
import TestKit
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

@Suite(
    "The program",
    .enabled(if: Binary.isBuilt, "it was not built beside the tests: swift build --product glasspot"),
    .timeLimit(.minutes(3)))
struct BinaryTests {
    private static func configuration(port: Int) -> String {
        """
        server: {host: 127.0.0.1, port: \(port), shutdown_timeout: 5s}
        discovery: {static: {endpoints: []}}
        """
    }

    private static func finished(
        _ arguments: [String], files: [String: String] = [:], environment: [String: String] = [:]
    ) async throws -> Run.End {
        try await Run(arguments, files: files, environment: environment).end()
    }

    @Test("says its version and how to use it", arguments: ["--version", "-version", "--help", "-h"])
    func information(flag: String) async throws {
        let end = try await Self.finished([flag])
        #expect(end.code == 0)
        #expect(end.output.lowercased().contains(flag.contains("version") ? "glasspot" : "usage: glasspot"))
        #expect(end.errors == "")
    }

    /// Waits until reloads with a result have been counted; asks for them on the way.
    private static func reloads(_ result: String, port: Int, asking: () -> Void = {}) async throws {
        let sample = "glasspot_config_reloads_total{result=\"\(result)\"} "
        let deadline = ContinuousClock.now + ByteClient.limit
        while ContinuousClock.now < deadline {
            asking()
            let client = try await ByteClient.connect(to: port)
            try await client.send("GET /internal/metrics HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let page = try await client.answer().text
            try await client.close()
            let lines = page.split(separator: "\n").filter { $0.hasPrefix(sample) }
            if lines.contains(where: { !$0.hasSuffix(" 0") }) { return }
        }
        throw ByteClient.Unmet(description: "no reload was counted as \(result)")
    }

    @Test("loads its configuration anew on SIGHUP, and by itself when it is to watch the file")
    func reload() async throws {
        let port = try Binary.freePort()
        let text = Self.configuration(port: port)
        let run = try Run(["-c", "gateway.yaml"], files: ["gateway.yaml": text])
        try await run.serves(on: port)
        let file = run.folder.appendingPathComponent("gateway.yaml")
        try Data(text.replacing("5s}", with: "5s, watch_config: true}").utf8).write(to: file)
        try await Self.reloads("ok", port: port) { run.signal(SIGHUP) }
        try Data("server: [".utf8).write(to: file)
        try await Self.reloads("fail", port: port)
        run.signal(SIGTERM)
        let end = try await run.end()
        #expect(end.code == 0)
        #expect(end.output.contains("Configuration reloaded"))
        #expect(end.output.contains("server.watch_config"))
        #expect(end.output.contains("Configuration problem"))
    }

    @Test("refuses a flag it does not know with 2", arguments: [["--nonsense"], ["-c"], ["stray"]])
    func usage(arguments: [String]) async throws {
        let end = try await Self.finished(arguments)
        #expect(end.code == 2)
        #expect(end.output == "")
        #expect(!end.errors.isEmpty)
    }

    @Test("names every problem of a configuration with path and line, and exits 1")
    func invalid() async throws {
        let text = """
            server:
              port: 99999
            proxy:
              engine: warp
            discovery:
              static:
                endpoints:
                  - url: "ftp://nowhere"
                    name: a
                    check_interval: 1ms
            """
        for flag in ["-c=bad.yaml", "--config=bad.yaml"] {
            let end = try await Self.finished([flag], files: ["bad.yaml": text])
            #expect(end.code == 1)
            #expect(end.output == "")
            for (path, line) in [
                ("server.port", 2), ("proxy.engine", 4), ("endpoints[0].url", 8), ("check_interval", 10),
            ] {
                #expect(
                    end.errors.split(separator: "\n").contains { $0.contains(path) && $0.contains("bad.yaml:\(line)") },
                    "\(path) in \(end.errors)")
            }
        }
    }

    @Test("exits 1 when its file is missing or is no YAML")
    func unreadable() async throws {
        let missing = try await Self.finished(["-c", "nowhere.yaml"])
        #expect(missing.code == 1)
        #expect(missing.errors.contains("nowhere.yaml"))
        let broken = try await Self.finished(["-c", "x.yaml"], files: ["x.yaml": "server: [\n  port: {"])
        #expect(broken.code == 1)
        #expect(broken.errors.contains("x.yaml"))
    }

    @Test("checks a configuration without starting")
    func validation() async throws {
        let good = try await Self.finished(
            ["-c=good.yaml", "--validate-config"], files: ["good.yaml": Self.configuration(port: 40_114)])
        #expect(good.code == 0)
        #expect(!good.output.isEmpty)
        let bad = try await Self.finished(
            ["-c=bad.yaml", "--validate-config"], files: ["bad.yaml": "server: {port: -1}"])
        #expect(bad.code == 1)
        #expect(bad.output.contains("server.port"))
        let text = "server:\n  tls:\n    cert_file: none.crt\n    key_file: tls.key\n"
        let files = ["tls.yaml": text, "tls.key": "no key"]
        let tls = try await Self.finished(["-c=tls.yaml", "--validate-config"], files: files)
        #expect(tls.code == 1)
        #expect(tls.output.contains("tls.yaml:3: server.tls.cert_file: none.crt: no such file"))
        #expect(tls.output.contains("tls.yaml:4: server.tls.key_file: tls.key: holds no private key"))
        let refused = try await Self.finished(["-c=tls.yaml"], files: files)
        #expect(refused.code == 1)
        #expect(refused.errors.contains("tls.yaml:3: ") && refused.errors.contains("tls.yaml:4: "))
    }

    @Test("exits 1 when its port is taken, and says which")
    func portInUse() async throws {
        let (descriptor, port) = try Binary.listen()
        defer { Binary.closeDescriptor(descriptor) }
        let end = try await Self.finished(["-c=a.yaml"], files: ["a.yaml": Self.configuration(port: port)])
        #expect(end.code == 1)
        #expect(end.errors.contains("127.0.0.1:\(port)"))
    }

    @Test("serves, answers health checks, and stops with 0", arguments: [SIGTERM, SIGINT])
    func lifecycle(number: Int32) async throws {
        let port = try Binary.freePort()
        let text = Self.configuration(port: port) + "\nengineering: {show_nerdstats: true}\n"
        let run = try Run(["-c", "a.yaml"], files: ["a.yaml": text])
        try await run.serves(on: port)
        let healthy = try await Self.finished(["--health-check", "http://127.0.0.1:\(port)/internal/health"])
        #expect(healthy.code == 0)
        let lost = try await Self.finished(["--health-check", "http://127.0.0.1:\(port)/nowhere"])
        #expect(lost.code == 1)
        let idle = try await ByteClient.connect(to: port)
        run.signal(number)
        #expect(try await idle.rest().ending == .closed)
        let end = try await run.end()
        #expect(end.code == 0)
        #expect(!end.wasKilled)
        let lines = end.output.split(separator: "\n")
        // From the first byte on, every line is one JSON object.
        #expect(end.output.first == "{")
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["timestamp"] is String)
        }
        #expect(lines.contains { $0.contains("\"Listening\"") })
        #expect(lines.contains { $0.contains("\"Stopped\"") })
        #expect(lines.contains { $0.contains("\"Process statistics\"") && $0.contains("\"cpu_seconds\"") })
    }

    @Test("drains after the first signal and exits at once after the second")
    func secondSignal() async throws {
        let port = try Binary.freePort()
        let text = Self.configuration(port: port).replacingOccurrences(
            of: "shutdown_timeout: 5s", with: "shutdown_timeout: 25s, read_timeout: 25s")
        let run = try Run(["-c", "a.yaml"], files: ["a.yaml": text])
        try await run.serves(on: port)
        // A request that never becomes whole keeps the drain waiting.
        let busy = try await ByteClient.connect(to: port)
        try await busy.send(
            "POST /version HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        let idle = try await ByteClient.connect(to: port)
        try await idle.send("GET /internal/health HTTP/1.1\r\nHost: x\r\n\r\n")
        _ = try await idle.answer()
        run.signal(SIGTERM)
        #expect(try await idle.rest().ending == .closed)
        let before = ContinuousClock.now
        run.signal(SIGTERM)
        let end = try await run.end()
        #expect(end.code == 1)
        #expect(ContinuousClock.now - before < .seconds(10))
        #expect(try await busy.rest().bytes.isEmpty)
    }

    @Test("reads its port from the environment over the file")
    func environment() async throws {
        let port = try Binary.freePort()
        let run = try Run(
            ["-c", "a.yaml"], files: ["a.yaml": Self.configuration(port: 1)],
            environment: ["OLLA_SERVER_PORT": "\(port)"])
        try await run.serves(on: port)
        run.signal(SIGTERM)
        #expect(try await run.end().code == 0)
    }
}
