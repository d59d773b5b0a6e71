// swift-tools-version: 6.2
import PackageDescription

// Layers, bottom to top; arrows only go down (docs/ARCHITECTURE.md, Tests/TidyTests/LayerTests.swift):
//   0 kernels    standard library only
//   1 domain     pure and synchronous: no clock, no I/O, no Foundation, no NIO
//   2 adapters   sockets, files, clocks
//   3 app        composition
//   W workbench  mock backends, tools, test support

/// Every target: Swift 6 language mode, every warning an error.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // Measured: a generic call across modules costs 31.6 ns and one malloc without it, 1.0 ns and none with it.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// Layers 0 and 1: every unsafe expression carries the word `unsafe`, so `grep unsafe` is the audit list.
let kernel: [SwiftSetting] =
    house + [
        .strictMemorySafety(),
        .enableExperimentalFeature("Lifetimes"),
    ]

/// What runs per request: dynamic exclusivity checks are a measurable share of it in release.
let dataPath: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "glasspot",
    platforms: [.macOS(.v26)],
    products: [
        .executable(name: "glasspot", targets: ["glasspot"]),
        .executable(name: "mockllm", targets: ["mockllm"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
    ],
    targets: [
        // Layer 0
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CProcess"),
        .target(name: "MetricKernel", swiftSettings: kernel + dataPath),
        .target(name: "Exposition", dependencies: ["MetricKernel", "CZlib"], swiftSettings: kernel),
        .target(name: "HTTPWire", swiftSettings: kernel + dataPath),
        .target(name: "ByteScan", swiftSettings: kernel + dataPath),
        .target(name: "DashboardAssets", swiftSettings: kernel),
        // Layer 1
        .target(name: "Domain", swiftSettings: kernel + dataPath),
        .target(name: "Catalog", dependencies: ["Domain"], swiftSettings: kernel + dataPath),
        .target(name: "Routing", dependencies: ["Domain", "Catalog"], swiftSettings: kernel + dataPath),
        .target(name: "Dialects", dependencies: ["Domain", "ByteScan"], swiftSettings: kernel + dataPath),
        .target(name: "Translation", dependencies: ["Domain", "ByteScan"], swiftSettings: kernel + dataPath),
        .target(name: "Telemetry", dependencies: ["Domain", "MetricKernel"], swiftSettings: kernel + dataPath),
        .target(name: "FlightRecorder", dependencies: ["Domain"], swiftSettings: kernel + dataPath),
        .target(
            name: "Pipeline", dependencies: ["Domain", "ByteScan", "HTTPWire", "Catalog", "Routing", crypto],
            swiftSettings: kernel + dataPath),
        // Layer 2
        .target(
            name: "Transport",
            dependencies: ["Domain", "HTTPWire", nioCore, nioPosix, nioSSL, nioTLS],
            swiftSettings: house + dataPath),
        .target(
            name: "Journal", dependencies: ["Domain", "Telemetry", "CZlib"],
            swiftSettings: house + dataPath),
        .target(
            name: "TraceExport",
            dependencies: ["Domain", "Journal", asyncHTTPClient, nioCore, nioHTTP1, lifecycle],
            swiftSettings: house),
        .target(
            name: "ClientSide",
            dependencies: [
                "Domain", "HTTPWire", "MetricKernel", "Catalog", "Routing", "Dialects", "Telemetry",
                "Pipeline", "Translation", "Transport", "Journal", "TraceExport", "FlightRecorder", nioCore, nioPosix,
                nioSSL, nioTLS,
            ],
            swiftSettings: house + dataPath + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "OllaEngine",
            dependencies: [
                "Domain", "HTTPWire", "Catalog", "Telemetry", "Pipeline", "Transport", "ClientSide", nioCore,
            ],
            swiftSettings: house + dataPath + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "SherpaEngine",
            dependencies: [
                "CZlib", "Domain", "HTTPWire", "Catalog", "Telemetry", "Pipeline", "Transport", "ClientSide",
                asyncHTTPClient, nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
            ],
            swiftSettings: house + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "Supervision",
            dependencies: ["Domain", "Catalog", "Telemetry", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, lifecycle],
            swiftSettings: house),
        .target(name: "Settings", dependencies: ["Domain", "Catalog", yams], swiftSettings: house),
        .target(
            name: "AdminAPI",
            dependencies: [
                "Domain", "Catalog", "Routing", "Telemetry", "MetricKernel", "Exposition", "Pipeline",
                "FlightRecorder", "DashboardAssets",
            ],
            swiftSettings: house),
        // Layer 3
        .target(
            name: "GlasspotApp",
            dependencies: [
                "Domain", "CProcess", "MetricKernel", "Catalog", "Routing", "Telemetry", "Pipeline", "Transport",
                "Journal",
                "ClientSide", "OllaEngine", "SherpaEngine",
                "TraceExport", "Supervision", "Settings", "AdminAPI", "FlightRecorder", "HTTPWire", "MockLLM", nioCore,
                nioPosix, nioSSL, logging,
                lifecycle,
                unixSignals,
            ],
            swiftSettings: house),
        .target(name: "TopView", swiftSettings: kernel),
        .executableTarget(
            name: "glasspot",
            dependencies: [
                "GlasspotApp", "Settings", "TopView", argumentParser, asyncHTTPClient, nioCore, nioHTTP1, nioPosix,
            ],
            swiftSettings: house),
        // Workbench
        .target(name: "SeededRandomness", swiftSettings: house),
        .target(
            name: "MockLLM", dependencies: ["SeededRandomness", nioCore, nioPosix, nioHTTP1], swiftSettings: house),
        .target(name: "CSanitizer"),
        .target(
            name: "TestKit", dependencies: ["CSanitizer", nioCore, nioPosix, nioHTTP1, nioSSL], swiftSettings: house),
        .executableTarget(
            name: "mockllm", dependencies: ["MockLLM", argumentParser, nioCore, nioPosix], swiftSettings: house),
        .target(name: "PromQL", swiftSettings: house),
        .executableTarget(
            name: "catalogue",
            dependencies: ["Domain", "MetricKernel", "Exposition", "Telemetry", "PromQL", argumentParser, yams],
            swiftSettings: house),
        .target(name: "CMallocProbe"),
        .target(
            name: "Workloads",
            dependencies: [
                "Domain", "MetricKernel", "Exposition", "HTTPWire", "Catalog", "Routing", "Dialects", "Telemetry",
                "Journal", "FlightRecorder",
            ],
            path: "Benchmarks/Workloads", swiftSettings: house),
        .target(
            name: "Simulation", dependencies: ["SeededRandomness", "Domain", "Catalog", "Routing"],
            path: "Benchmarks/Simulation", swiftSettings: house),
        .executableTarget(
            name: "simulate", dependencies: ["Domain", "Simulation"], path: "Benchmarks/Simulate",
            swiftSettings: house),
        .executableTarget(
            name: "microbench", dependencies: ["Workloads"], path: "Benchmarks/Micro", swiftSettings: house),

        // Tests
        .testTarget(name: "TidyTests", dependencies: ["Domain"], swiftSettings: house),
        .testTarget(
            name: "MetricKernelTests", dependencies: ["SeededRandomness", "MetricKernel"], swiftSettings: house),
        .testTarget(
            name: "ExpositionTests", dependencies: ["SeededRandomness", "Exposition", "MetricKernel", "CZlib"],
            swiftSettings: house),
        .testTarget(
            name: "HTTPWireTests", dependencies: ["SeededRandomness", "HTTPWire", nioCore, nioEmbedded, nioHTTP1],
            swiftSettings: house),
        .testTarget(name: "ByteScanTests", dependencies: ["SeededRandomness", "ByteScan"], swiftSettings: house),
        .testTarget(name: "DomainTests", dependencies: ["SeededRandomness", "Domain"], swiftSettings: house),
        .testTarget(name: "CatalogTests", dependencies: ["Domain", "Catalog"], swiftSettings: house),
        .testTarget(name: "RoutingTests", dependencies: ["Domain", "Catalog", "Routing"], swiftSettings: house),
        .testTarget(name: "SimulationTests", dependencies: ["Domain", "Simulation"], swiftSettings: house),
        .testTarget(
            name: "DialectsTests", dependencies: ["SeededRandomness", "Dialects", "Domain", "ByteScan"],
            swiftSettings: house),
        .testTarget(name: "TranslationTests", dependencies: ["SeededRandomness", "Translation"], swiftSettings: house),
        .testTarget(
            name: "TelemetryTests",
            dependencies: ["SeededRandomness", "Telemetry", "MetricKernel", "Exposition", "Domain", "Workloads"],
            swiftSettings: house),
        .testTarget(name: "PromQLTests", dependencies: ["PromQL"], swiftSettings: house),
        .testTarget(name: "CatalogueTests", dependencies: ["catalogue", "PromQL", "Telemetry"], swiftSettings: house),
        .testTarget(
            name: "FlightRecorderTests", dependencies: ["FlightRecorder", "Domain"], swiftSettings: house),
        .testTarget(name: "TopViewTests", dependencies: ["TopView", "Telemetry"], swiftSettings: house),
        .testTarget(
            name: "PipelineTests", dependencies: ["SeededRandomness", "Pipeline", "Domain", "Catalog"],
            swiftSettings: house),
        .testTarget(
            name: "TransportTests", dependencies: ["SeededRandomness", "Transport", "Domain", nioCore, nioPosix],
            swiftSettings: house),
        .testTarget(
            name: "JournalTests", dependencies: ["SeededRandomness", "Journal", "Domain", "Telemetry", "CZlib"],
            swiftSettings: house),
        .testTarget(
            name: "TraceExportTests",
            dependencies: ["TraceExport", "Domain", "MockLLM", "TestKit", nioPosix, logging, lifecycle],
            swiftSettings: house),
        .testTarget(
            name: "SupervisionTests",
            dependencies: [
                "SeededRandomness", "Supervision", "Domain", "Catalog", "Telemetry", "Exposition", "MetricKernel",
                "MockLLM",
            ],
            swiftSettings: house),
        .testTarget(
            name: "SettingsTests", dependencies: ["SeededRandomness", "Settings", "Domain", "Catalog"],
            swiftSettings: house),
        .testTarget(
            name: "AdminAPITests",
            dependencies: [
                "SeededRandomness", "AdminAPI", "Domain", "Catalog", "Routing", "Telemetry", "MetricKernel",
                "Exposition", "Pipeline",
                "CZlib", "FlightRecorder", "DashboardAssets",
            ], swiftSettings: house),
        .testTarget(
            name: "AllocationTests",
            dependencies: [
                "CMallocProbe", "Workloads", "Domain", "Catalog", "Routing", "Telemetry", "Pipeline", "Transport",
                "Journal", "ClientSide", "OllaEngine", nioCore, nioPosix,
            ], exclude: ["limits.json"], swiftSettings: house),
        .testTarget(
            name: "MockLLMTests", dependencies: ["SeededRandomness", "MockLLM", nioCore, nioPosix], swiftSettings: house
        ),
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "SeededRandomness", "GlasspotApp", "ClientSide", "Domain", "Exposition", "MetricKernel", "Settings",
                "Telemetry", "MockLLM", "TestKit", nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
            ],
            swiftSettings: house),
        .testTarget(
            name: "SherpaEngineTests", dependencies: ["SherpaEngine", "Exposition", nioCore], swiftSettings: house),
        .testTarget(name: "SystemTests", dependencies: ["TestKit"], swiftSettings: house),
    ]
)

// An optimised build of all tests takes long and only the allocation counts need one: naming a test target here leaves
// the others out (`GLASSPOT_ONLY_TESTS=AllocationTests swift test -c release`).
if let only = Context.environment["GLASSPOT_ONLY_TESTS"] {
    package.targets.removeAll { $0.type == .test && $0.name != only }
}
