import ArgumentParser
import Foundation
import GlasspotApp
import Settings

/// The command line of the gateway (routing-and-config 1.7).
struct Glasspot: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "glasspot",
        abstract: "LLM gateway: proxy, model unifier and load balancer; drop-in for Olla, built around its metrics.",
        discussion: """
            Without a file it looks for config/config.local.yaml, config/config.yaml, config.yaml and default.yaml.
            Metrics are on /internal/metrics, health on /internal/health. OLLA_* variables override the file.
            """,
        version: Version.details,
        subcommands: [TopCommand.self])

    @Option(
        name: [.customShort("c"), .customLong("config")], parsing: .singleValue,
        help: ArgumentHelp("Configuration file; wins over OLLA_CONFIG_FILE.", valueName: "path"))
    var config: [String] = []

    @Flag(help: "Check the configuration as a start would, print what was found, and exit.")
    var validateConfig = false

    @Flag(help: "Run with three simulated backends and light traffic; no configuration needed.")
    var demo = false

    @Flag(help: "Accepted for compatibility; profiling is done with perf and heaptrack, see docs/OPERATIONS.md.")
    var profile = false

    @Option(help: ArgumentHelp("Ask a running gateway and exit 0 when it answers 200, else 1.", valueName: "url"))
    var healthCheck: String?
}

@main
enum Main {
    static func main() async {
        let arguments = CommandLineArguments.normalised(Array(CommandLine.arguments.dropFirst()))
        let environment = ProcessInfo.processInfo.environment
        let command: Glasspot
        do {
            var parsed = try Glasspot.parseAsRoot(arguments)
            if let top = parsed as? TopCommand { exit(await top.watch()) }
            guard let own = parsed as? Glasspot else {
                // The parser's own command for help, which ends by throwing its text.
                try parsed.run()
                exit(0)
            }
            command = own
        } catch {
            let text = Glasspot.fullMessage(for: error)
            if Glasspot.exitCode(for: error) == .success {
                print(text)
                exit(0)
            }
            StandardError.write(text + "\n")
            exit(2)
        }
        if environment["OLLA_SHOW_VERSION"] == "true" {
            print(Version.details)
            exit(0)
        }
        if let url = command.healthCheck { exit(HealthCheck.run(url)) }
        exit(await Self.run(command, environment: environment))
    }

    /// Loads the configuration and serves until told to stop.
    ///
    /// Returns the exit code.
    private static func run(_ command: Glasspot, environment: [String: String]) async -> Int32 {
        let loader = ConfigurationLoader(environment: environment, objections: StartCheck.objections)
        let loaded = loader.load(path: command.config.last)
        let report = ConfigurationReport(loaded)
        if command.validateConfig {
            StandardOutput.write(report.validation)
            return report.exitCode
        }
        guard let configuration = loaded.configuration else {
            StandardError.write(report.refusal)
            return 1
        }
        StandardError.write(Version.banner + "\n")
        do {
            try await Runner(command: command, loaded: loaded, environment: environment).run(configuration)
            return 0
        } catch {
            StandardError.write("glasspot: \(error)\n")
            return 1
        }
    }
}

/// Starts the gateway, in demo mode if asked, and waits for its end.
private struct Runner {
    let command: Glasspot
    let loaded: LoadedConfiguration
    let environment: [String: String]

    func run(_ configuration: Configuration) async throws {
        StartupPages.release()
        guard self.command.demo else {
            // One that comes before somebody listens to it must not end the process.
            signal(SIGHUP, SIG_IGN)
            let gateway = try await Gateway.start(configuration, environment: self.environment)
            self.announce(gateway)
            StartupPages.release()
            return try await gateway.run(reloading: self.reloading)
        }
        let demo = try await Demo.start()
        let gateway = try await Gateway.start(demo.configuring(configuration), environment: self.environment)
        self.announce(gateway)
        let base = "http://localhost:\(gateway.port)"
        StandardError.write(
            """
            Demo: three simulated backends and light traffic. Try:
              curl \(base)/internal/status
              curl \(base)/internal/metrics
              curl \(base)/olla/openai/v1/chat/completions -d '{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}]}'

            """)
        try await gateway.run(beside: [demo.traffic(port: gateway.port)])
    }

    /// Loads the same sources again.
    private var reloading: Reloading {
        let loader = ConfigurationLoader(environment: self.environment, objections: StartCheck.objections)
        let path = self.command.config.last
        return Reloading(load: { loader.load(path: path) }, look: { loader.look(path: path, running: $0) })
    }

    private func announce(_ gateway: Gateway) {
        let file = self.loaded.path.isEmpty ? "built-in defaults" : self.loaded.path
        var fields = [
            (key: "address", value: "\(gateway.host):\(gateway.port)"), ("version", Version.number),
            ("configuration", file),
        ]
        if let port = gateway.adminPort { fields.append(("admin_address", "\(gateway.adminHost):\(port)")) }
        gateway.log("Listening", fields)
        for remark in self.loaded.remarks { gateway.warn("\(remark)") }
    }
}
