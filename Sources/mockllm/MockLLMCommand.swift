import ArgumentParser

/// Simulated LLM backends, client traffic, and the client of the streaming benchmark.
@main
struct MockLLMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mockllm",
        abstract: "Simulated LLM backends and clients for tests, demonstrations and benchmarks.",
        subcommands: [ServeCommand.self, LoadCommand.self, BenchStreamsCommand.self])
}
