import Foundation
import Testing

@Suite("Arrows between the rooms go down")
struct LayerTests {
    /// What a room may import besides rooms of lower layers.
    private struct Room {
        let layer: Int
        var neighbours: Set<String> = []
        var libraries: Set<String> = []
    }

    private static let system: Set<String> = ["Glibc", "Musl", "Darwin", "Synchronization"]
    private static let nio: Set<String> = ["NIOCore", "NIOPosix", "NIOConcurrencyHelpers"]
    private static let tls: Set<String> = ["NIOSSL", "NIOTLS"]
    private static let app: Set<String> = ["Logging", "ServiceLifecycle", "UnixSignals"]

    /// The house of docs/ARCHITECTURE.md: `Package.swift` grants the same or less.
    private static let house: [String: Room] = [
        "CZlib": Room(layer: 0),
        "CProcess": Room(layer: 0),
        "MetricKernel": Room(layer: 0, libraries: ["Synchronization"]),
        "Exposition": Room(layer: 0, neighbours: ["MetricKernel", "CZlib"], libraries: ["Synchronization"]),
        "HTTPWire": Room(layer: 0, libraries: ["Synchronization"]),
        "ByteScan": Room(layer: 0, libraries: ["Synchronization"]),
        "DashboardAssets": Room(layer: 0),
        "TopView": Room(layer: 0),
        "Domain": Room(layer: 1, libraries: ["Synchronization"]),
        "Catalog": Room(layer: 1, neighbours: ["Domain"], libraries: ["Synchronization"]),
        "Routing": Room(layer: 1, neighbours: ["Domain", "Catalog"], libraries: ["Synchronization"]),
        "Dialects": Room(layer: 1, neighbours: ["Domain"], libraries: ["Synchronization"]),
        "Translation": Room(layer: 1, neighbours: ["Domain"], libraries: ["Synchronization"]),
        "Telemetry": Room(layer: 1, neighbours: ["Domain"], libraries: ["Synchronization"]),
        "FlightRecorder": Room(layer: 1, neighbours: ["Domain"]),
        "Pipeline": Room(
            layer: 1, neighbours: ["Domain", "Catalog", "Routing"], libraries: ["Synchronization", "Crypto"]),
        "Transport": Room(layer: 2, libraries: system.union(nio).union(tls)),
        "Journal": Room(layer: 2, libraries: system),
        "TraceExport": Room(
            layer: 2, neighbours: ["Journal"],
            libraries: system.union(nio).union(app).union(["AsyncHTTPClient", "NIOHTTP1", "Foundation"])),
        "ClientSide": Room(
            layer: 2, neighbours: ["Transport", "Journal", "TraceExport"], libraries: system.union(nio).union(tls)),
        "OllaEngine": Room(layer: 2, neighbours: ["ClientSide", "Transport"], libraries: system.union(["NIOCore"])),
        "SherpaEngine": Room(
            layer: 2, neighbours: ["ClientSide", "Transport"],
            libraries: system.union(nio).union(tls).union(["AsyncHTTPClient", "NIOHTTP1", "NIOHTTP2"])),
        "Supervision": Room(
            layer: 2,
            libraries: system.union(nio).union(tls).union(app).union(["AsyncHTTPClient", "NIOHTTP1", "Foundation"])),
        "Settings": Room(layer: 2, libraries: system.union(["Foundation", "Yams"])),
        "AdminAPI": Room(layer: 2, libraries: system.union(["Foundation"])),
        "SeededRandomness": Room(layer: 0),
        "MockLLM": Room(layer: 2, libraries: system.union(nio).union(["NIOHTTP1"])),
        "TestKit": Room(layer: 2, libraries: system.union(nio).union(["NIOHTTP1", "NIOSSL"])),
        "GlasspotApp": Room(
            layer: 3, libraries: system.union(nio).union(tls).union(app).union(["Foundation"])),
        "glasspot": Room(
            layer: 3, neighbours: ["GlasspotApp"],
            libraries: system.union([
                "ArgumentParser", "AsyncHTTPClient", "Foundation", "NIOCore", "NIOHTTP1", "NIOPosix",
            ])),
        "mockllm": Room(layer: 3, libraries: system.union(nio).union(["ArgumentParser", "Foundation"])),
        "PromQL": Room(layer: 2),
        "catalogue": Room(layer: 3, libraries: ["ArgumentParser", "Foundation", "Yams"]),
        "CMallocProbe": Room(layer: 0),
        "CSanitizer": Room(layer: 0),
        "Workloads": Room(layer: 3),
        "Simulation": Room(layer: 3, libraries: system.union(["Foundation"])),
        "simulate": Room(layer: 3, neighbours: ["Simulation"]),
        "microbench": Room(layer: 3, neighbours: ["Workloads"]),
    ]

    /// Rooms that others may not enter although they lie below: each with those who may.
    private static let guests: [String: Set<String>] = [
        "MockLLM": ["GlasspotApp", "mockllm"],
        "CMallocProbe": [],
        "CSanitizer": ["TestKit"],
        "ClientSide": ["OllaEngine", "SherpaEngine", "GlasspotApp"],
        "OllaEngine": ["GlasspotApp"],
        "SherpaEngine": ["GlasspotApp"],
        "TestKit": [],
        "SeededRandomness": ["MockLLM", "Simulation"],
        "PromQL": ["catalogue"],
    ]

    private static func findings(_ file: SourceFile) -> [String] {
        guard let room = self.house[file.target] else { return ["\(file.path):1: \(file.target) is not in the house"] }
        return file.code.indices.compactMap { index in
            guard let module = self.importedModule(file.code[index]), module != file.target else { return nil }
            let isAllowed: Bool
            if let other = self.house[module] {
                isAllowed =
                    (other.layer < room.layer || room.neighbours.contains(module))
                    && self.guests[module]?.contains(file.target) ?? true
            } else {
                // The part of Foundation without locales counts as Foundation.
                isAllowed = room.libraries.contains(module == "FoundationEssentials" ? "Foundation" : module)
            }
            return isAllowed ? nil : "\(file.path):\(index + 1): \(file.target) must not import \(module)"
        }
    }

    /// The module that a line of code imports.
    private static func importedModule(_ line: String) -> String? {
        guard line.contains("import ") else { return nil }
        let pattern =
            #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/#
        return line.firstMatch(of: pattern).map { String($0.1) }
    }

    @Test("in every file of every target")
    func sources() throws {
        let files = try SourceFile.sources.get()
        #expect(files.count > 20)
        #expect(files.flatMap(Self.findings).joined(separator: "\n") == "")
    }

    @Test("and the manifest grants no more than the house")
    func manifest() throws {
        let url = SourceFile.root.appendingPathComponent("Package.swift")
        let text = try String(contentsOf: url, encoding: .utf8)
        let pattern = #/\.(?:target|executableTarget)\(\s*name: "(\w+)"(?:,\s*dependencies: \[([^\]]*)\])?/#
        var seen: Set<String> = []
        for match in text.matches(of: pattern) {
            let name = String(match.1)
            let room = try #require(Self.house[name], "\(name) is in Package.swift and not in the house")
            seen.insert(name)
            for dependency in (match.2 ?? "").matches(of: #/"(\w+)"/#).map({ String($0.1) }) {
                let other = try #require(Self.house[dependency], "\(name) depends on an unknown \(dependency)")
                #expect(
                    other.layer < room.layer || room.neighbours.contains(dependency),
                    "Package.swift: \(name) must not depend on \(dependency)")
            }
        }
        #expect(seen.count > 15)
    }

    @Test(
        "and a forbidden import is found",
        arguments: [
            ("Sources/Domain/A.swift", "import Foundation", 1),
            ("Sources/Domain/A.swift", "\n@_spi(X) public import NIOCore", 1),
            ("Sources/MetricKernel/A.swift", "import Domain", 1),
            ("Sources/OllaEngine/A.swift", "import struct Foundation.Date", 1),
            ("Sources/Supervision/A.swift", "import OllaEngine", 1),
            ("Sources/Transport/A.swift", "@preconcurrency import MockLLM", 1),
            ("Sources/Nowhere/A.swift", "import Domain", 1),
            ("Sources/Pipeline/A.swift", "public import Domain\nimport HTTPWire\nimport Synchronization", 0),
            ("Sources/Domain/A.swift", "// import Foundation\nlet text = \"import Foundation\"", 0),
        ])
    func planted(path: String, text: String, count: Int) {
        #expect(Self.findings(SourceFile(path: path, text: text)).count == count)
    }
}
