import ArgumentParser
import MockLLM

struct BenchStreamsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-sse",
        abstract: "Open many streams at once and print how late their events come, as JSON.",
        discussion: """
            The far end must be "mockllm serve --bench", with or without a proxy before it, on the \
            same machine: its events carry the time at which they were written. The latency of \
            a proxy is the difference between a run through it and a direct one.
            """)

    @Option(help: "Where to post, such as http://127.0.0.1:40114/olla/openai/v1/chat/completions.")
    var url: Address

    @Option(help: "The model to name.")
    var model = BenchBackend.model

    @Option(help: "Streams open at once.")
    var streams = 100

    @Option(help: "The gap between events that the far end was started with, in milliseconds.")
    var gapMs = 40.0

    @Option(help: "How long each stream runs; it asks for seconds / gap events.")
    var seconds = 10.0

    func validate() throws {
        guard self.streams > 0, self.gapMs > 0, self.seconds > 0 else {
            throw ValidationError("Streams, gap and seconds must be above 0.")
        }
    }

    func run() async throws {
        let path = self.url.path.isEmpty ? "/v1/chat/completions" : self.url.path
        let bench = StreamBench(
            host: self.url.host, port: self.url.port, path: path, model: self.model,
            streams: self.streams,
            eventsPerStream: max(1, Int((self.seconds * 1000 / self.gapMs).rounded())),
            // Twice the nominal time and some seconds: a run that hangs still reports.
            timeLimit: .milliseconds(Int64(self.seconds * 2000) + 5000))
        let report = await bench.run()
        Output.line(report.json)
        guard report.streamsBroken == 0 else { throw ExitCode.failure }
    }
}
