public import ArgumentParser
public import MockLLM
import NIOCore
import NIOPosix

extension LoadTarget.Dialect: ExpressibleByArgument {}

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Send light client traffic and print what came back as one line of JSON.",
        discussion: """
            Targets are written DIALECT=PREFIX=MODEL[,MODEL...], the dialect being openai or \
            ollama; models whose name contains "embed" are asked for embeddings. Example: \
            --target openai=/olla/openai=mock-chat,mock-embed --target ollama=/olla/ollama=llama3.2:3b
            """)

    @Option(help: "The server, such as http://127.0.0.1:40114.")
    var url: Address

    @Option(help: "What to ask there; may be repeated.")
    var target: [Target] = []

    @Option(help: "Requests a second.")
    var rate = 5.0

    @Option(help: "Seconds to go on; 0 goes on until interrupted or until --requests are done.")
    var duration = 0.0

    @Option(help: "Requests to send; without it, as many as the duration allows.")
    var requests: Int?

    @Option(help: "Requests under way at once, at most.")
    var concurrency = 16

    @Option(help: "A client key to present as Authorization: Bearer.")
    var key: String?

    @Option(help: "Decides the order of requests.")
    var seed: UInt64 = 1

    func validate() throws {
        guard self.rate > 0, self.concurrency > 0, self.duration >= 0, self.requests ?? 1 > 0 else {
            throw ValidationError("Rate, concurrency and requests must be above 0.")
        }
        guard !self.target.isEmpty else {
            throw ValidationError("Name at least one --target.")
        }
    }

    func run() async throws {
        let load = LoadMaker(
            configuration: LoadMaker.Configuration(
                host: self.url.host, port: self.url.port, targets: self.target.map(\.target),
                requestsPerSecond: self.rate, concurrencyMax: self.concurrency,
                requestsMax: self.requests, key: self.key, seed: self.seed))
        load.start()
        let summary = try await withThrowingTaskGroup(of: LoadSummary?.self) { tasks in
            tasks.addTask { try await load.finished() }
            if self.duration > 0 {
                let length = Duration.milliseconds(Int64(self.duration * 1000))
                tasks.addTask {
                    try await Task.sleep(for: length)
                    return try await load.stop()
                }
            }
            let first = try await tasks.next() ?? nil
            tasks.cancelAll()
            // Whatever ended first, what was under way is given up and every waiter answered.
            let last = try await load.stop()
            return first ?? last
        }
        Output.line(summary.json)
    }
}

/// A target as written on the command line.
struct Target: ExpressibleByArgument {
    let target: LoadTarget

    init?(argument: String) {
        let fields = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard fields.count == 3, let dialect = LoadTarget.Dialect(rawValue: String(fields[0])) else {
            return nil
        }
        let models = fields[2].split(separator: ",").map(String.init)
        let isEmbedding = { (name: String) in name.lowercased().contains("embed") }
        self.target = LoadTarget(
            prefix: String(fields[1]), dialect: dialect,
            chatModels: models.filter { !isEmbedding($0) },
            embeddingModels: models.filter(isEmbedding))
    }
}

/// `http://host:port` with an optional path, as written on the command line.
struct Address: ExpressibleByArgument {
    let host: String
    let port: Int
    /// The path without a slash at its end; empty when there is none.
    let path: String

    init?(argument: String) {
        guard argument.hasPrefix("http://") else { return nil }
        let rest = argument.dropFirst(7)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
        guard let colon = authority.lastIndex(of: ":") else {
            guard !authority.isEmpty else { return nil }
            self.host = String(authority)
            self.port = 80
            return
        }
        guard let port = Int(authority[authority.index(after: colon)...]),
            (1...65_535).contains(port), colon > authority.startIndex
        else { return nil }
        self.host = String(authority[..<colon])
        self.port = port
    }
}
