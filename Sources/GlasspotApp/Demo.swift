import Domain
import Foundation
import MockLLM
public import ServiceLifecycle
public import Settings

/// The demo: three simulated backends inside the process and light traffic, so that every route and metric answers.
public struct Demo: Sendable {
    private let backends: [MockBackend]

    /// Starts the backends on free loopback ports.
    public static func start() async throws -> Demo {
        let chat = TokenPacing(firstToken: .milliseconds(120), gap: .milliseconds(25), jitter: 0.3)
        let ollama = MockBehaviour(
            models: [MockModel("llama3.2:3b"), MockModel("nomic-embed-text", isEmbedding: true)], pacing: chat, seed: 1)
        let vllm = MockBehaviour(
            models: [MockModel("qwen2.5-7b-instruct", contextLength: 32_768), MockModel("llama3.2:3b")],
            pacing: TokenPacing(firstToken: .milliseconds(60), gap: .milliseconds(12), jitter: 0.2), seed: 2)
        let studio = MockBehaviour(models: [MockModel("mistral-7b-instruct")], pacing: chat, seed: 3)
        return Demo(backends: [
            try await MockBackend.start(kind: .ollama, behaviour: ollama),
            try await MockBackend.start(kind: .vllm, behaviour: vllm),
            try await MockBackend.start(kind: .lmStudio, behaviour: studio),
        ])
    }

    /// A configuration with the demo's backends in place of its endpoints, rate limits off.
    public func configuring(_ base: Configuration) -> Configuration {
        var settings = base
        settings.server.rateLimits.globalRequestsPerMinute = 0
        settings.server.rateLimits.perIPRequestsPerMinute = 0
        // Its traffic and the addresses it prints are plain.
        settings.server.tls = Configuration.ListenerTLS()
        settings.server.admin = Configuration.AdminListener()
        let names = ["demo-ollama", "demo-vllm", "demo-lmstudio"]
        let types = ["ollama", "vllm", "lm-studio"]
        settings.discovery.endpoints = self.backends.enumerated().map { position, backend in
            var endpoint = Configuration.Endpoint(url: backend.url)
            endpoint.name = names[position]
            endpoint.type = types[position]
            endpoint.checkInterval = .seconds(2)
            endpoint.checkTimeout = .seconds(1)
            return endpoint
        }
        return settings
    }

    /// The traffic, once the gateway listens on a port.
    public func traffic(port: Int) -> any Service { DemoTraffic(port: port) }
}

/// Sends a mix of requests until shutdown.
private struct DemoTraffic: Service {
    let port: Int

    func run() async throws {
        let load = LoadMaker(
            configuration: .init(
                port: self.port,
                targets: [
                    LoadTarget(
                        prefix: "/olla/openai", dialect: .openAI,
                        chatModels: ["llama3.2:3b", "qwen2.5-7b-instruct", "mistral-7b-instruct"]),
                    LoadTarget(
                        prefix: "/olla/ollama", dialect: .ollama, chatModels: ["llama3.2:3b"],
                        embeddingModels: ["nomic-embed-text"]),
                ], requestsPerSecond: 4))
        load.start()
        try? await gracefulShutdown()
        _ = try await load.stop()
    }
}
