public import ArgumentParser
public import MockLLM
import NIOCore
import NIOPosix

extension MockKind: ExpressibleByArgument {}

extension Fault: ExpressibleByArgument {
    /// Reads a spelling such as `cut:3:reset`.
    public init?(argument: String) { self.init(spelling: argument) }
}

extension FaultPlan.Odds: ExpressibleByArgument {
    /// Reads a fault and its probability, such as `500@0.05`.
    public init?(argument: String) {
        let fields = argument.split(separator: "@", maxSplits: 1).map(String.init)
        guard fields.count == 2, let fault = Fault(spelling: fields[0]),
            let probability = Double(fields[1]), (0...1).contains(probability)
        else { return nil }
        self.init(fault, probability: probability)
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve as a simulated backend until interrupted.",
        discussion: """
            Prints one line of JSON with the port once it listens. While it runs, \
            GET /_mock/state shows what it has seen and POST /_mock/behaviour changes it.

            Faults: \(Fault.spellings)
            """)

    @Option(help: "The server to imitate.")
    var kind: MockKind = .openAI

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 0

    @Option(help: "A model to serve; may be repeated.")
    var model: [String] = []

    @Option(help: "Milliseconds to the first token.")
    var ttftMs = 0.0

    @Option(help: "Milliseconds between tokens.")
    var gapMs = 0.0

    @Option(help: "Largest random change of a wait, as a share of it, 0 to 1.")
    var jitter = 0.0

    @Option(help: "How much faster than nominal time passes; 0 waits for nothing.")
    var speed = 1.0

    @Option(help: "Fewest tokens of an answer.")
    var tokensMin = 12

    @Option(help: "Most tokens of an answer.")
    var tokensMax = 40

    @Option(help: "Decides texts, waits and faults.")
    var seed: UInt64 = 1

    @Option(help: "A fault of the next request; repeated, of those after it, in order.")
    var fault: [Fault] = []

    @Option(help: "The fault of every request.")
    var alwaysFault: Fault?

    @Option(help: "A fault with its probability, such as 500@0.05; may be repeated.")
    var faultOdds: [FaultPlan.Odds] = []

    @Flag(help: "Let faults strike health checks and listings too.")
    var faultEverything = false

    @Flag(help: "Begin every chat with reasoning.")
    var reasons = false

    @Flag(help: "Answer every chat that offers tools by a tool call.")
    var callsTools = false

    @Flag(help: "Serve the fixed answers of the benchmark, with as little work as possible.")
    var bench = false

    @Option(help: "Events of a benchmark stream whose request names no max_tokens.")
    var benchEvents = 250

    @Option(help: "Event loop threads.")
    var threads = 1

    func validate() throws {
        guard (0...65_535).contains(self.port) else {
            throw ValidationError("--port must be 0 ... 65535.")
        }
        guard 1 <= self.tokensMin, self.tokensMin <= self.tokensMax,
            self.tokensMax <= MockBehaviour.answerTokensMax
        else {
            throw ValidationError(
                "--tokens-min and --tokens-max must be 1 ... \(MockBehaviour.answerTokensMax).")
        }
        guard [self.ttftMs, self.gapMs].allSatisfy({ (0...86_400_000).contains($0) }) else {
            throw ValidationError("--ttft-ms and --gap-ms must be 0 ... 86400000.")
        }
        guard (0...1).contains(self.jitter), self.speed >= 0, self.speed.isFinite else {
            throw ValidationError("--jitter must be 0 ... 1 and --speed at least 0.")
        }
        guard (1...256).contains(self.threads), self.benchEvents >= 1 else {
            throw ValidationError("--threads must be 1 ... 256 and --bench-events at least 1.")
        }
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
        if self.bench {
            let gap = self.gapMs > 0 ? self.gapMs : 40
            let backend = try await BenchBackend.start(
                gap: .microseconds(Int64(gap * 1000)), events: self.benchEvents, host: self.host,
                port: self.port, group: group)
            Output.line("{\"listening\":true,\"kind\":\"bench\",\"port\":\(backend.port)}")
            try await Self.forever(keeping: backend)
        } else {
            let backend = try await MockBackend.start(
                kind: self.kind, behaviour: self.behaviour, host: self.host, port: self.port,
                group: group)
            Output.line(
                "{\"listening\":true,\"kind\":\"\(self.kind.rawValue)\",\"port\":\(backend.port)}")
            try await Self.forever(keeping: backend)
        }
    }

    private var behaviour: MockBehaviour {
        var behaviour = MockBehaviour(
            pacing: TokenPacing(
                firstToken: .microseconds(Int64(self.ttftMs * 1000)),
                gap: .microseconds(Int64(self.gapMs * 1000)), jitter: self.jitter,
                speed: self.speed),
            faults: FaultPlan(
                script: self.fault, always: self.alwaysFault, odds: self.faultOdds,
                scope: self.faultEverything ? .everything : .inference, seed: self.seed),
            answerTokens: self.tokensMin...self.tokensMax, seed: self.seed,
            alwaysReasons: self.reasons, alwaysCallsTools: self.callsTools)
        if !self.model.isEmpty { behaviour.models = self.model.map { MockModel($0) } }
        return behaviour
    }

    /// Sleeps until the process is interrupted, whose default is to end it.
    private static func forever(keeping backend: some Sendable) async throws {
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}
