import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import TopView

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `glasspot top`: a running gateway's fleet and latency in the terminal, from its metrics page.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch a running gateway: fleet, rates, latency, stages.",
        discussion: """
            Reads /internal/metrics twice and shows what happened in between, again and again until interrupted.
            Without a terminal, or with --once, it writes plain lines; NO_COLOR turns colours off.
            """)

    @Option(help: ArgumentHelp("The gateway, or its metrics page.", valueName: "url"))
    var url = "http://localhost:40114"

    @Option(help: ArgumentHelp("Seconds between two readings, 0.2 to 3600.", valueName: "seconds"))
    var interval = 2.0

    @Flag(help: "Show the figures of one interval and exit.")
    var once = false

    /// What stops the watch, in words for the user.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let pageBytesMax = 64 * 1_024 * 1_024
    private static let timeLimit = TimeAmount.seconds(10)

    /// Tells at once when nobody listens, instead of trying until the time limit.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(5)
        return HTTPClient(configuration: configuration)
    }()

    /// Watches until interrupted.
    ///
    /// Returns the exit code: 1 when the page cannot be read, 2 for arguments that mean nothing.
    func watch() async -> Int32 {
        do {
            let page = try Self.page(of: self.url)
            guard self.interval >= 0.2, self.interval <= 3_600 else {
                throw ValidationError("--interval must be from 0.2 to 3600 seconds, not \(self.interval)")
            }
            try await self.watch(page)
            return 0
        } catch let error as ValidationError {
            StandardError.write("glasspot top: \(error.message)\n")
            return 2
        } catch {
            StandardError.write("glasspot top: \(error)\n")
            return 1
        }
    }

    /// The metrics page that an address means.
    static func page(of text: String) throws -> String {
        guard var parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), parts.host?.isEmpty == false
        else { throw ValidationError("--url wants an address such as http://localhost:40114, not \"\(text)\"") }
        if parts.path.isEmpty || parts.path == "/" { parts.path = "/internal/metrics" }
        return parts.string ?? text
    }

    private func watch(_ page: String) async throws {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && !self.once
        let isStyled = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        var earlier = try await Self.read(page)
        var begin = ContinuousClock.now
        while true {
            try await Task.sleep(for: .seconds(self.interval))
            let later: MetricsText
            do {
                later = try await Self.read(page)
            } catch {
                guard isTerminal else { throw error }
                // Whoever watches a gateway restart wants to see it come back.
                StandardOutput.write("\u{1B}[H\u{1B}[J\(error)\nTrying again; press Ctrl-C to stop.\n")
                continue
            }
            let now = ContinuousClock.now
            let span = (now - begin) / .seconds(1)
            let figures = TopFigures(
                from: earlier, to: later, seconds: span, unixTime: Date().timeIntervalSince1970)
            let screen = TopScreen(
                figures, source: page, clock: Self.clock(), width: Self.width(isTerminal), isStyled: isStyled)
            let text = screen.text.joined(separator: isTerminal ? "\u{1B}[K\n" : "\n")
            // Home, the lines, and what stood below them cleared: no flicker, nothing left over.
            let isRead = StandardOutput.write(isTerminal ? "\u{1B}[H\(text)\u{1B}[J" : text + "\n")
            if self.once || !isRead { return }
            (earlier, begin) = (later, now)
        }
    }

    private static func read(_ page: String) async throws -> MetricsText {
        var request = HTTPClientRequest(url: page)
        request.headers.add(name: "Accept", value: "text/plain;version=0.0.4")
        let answer: HTTPClientResponse
        let body: ByteBuffer
        do {
            answer = try await Self.client.execute(request, timeout: Self.timeLimit)
            body = try await answer.body.collect(upTo: Self.pageBytesMax)
        } catch {
            throw Failure(description: "cannot read \(page): \(Self.reason(error)). Is the gateway running there?")
        }
        let text = String(buffer: body)
        guard answer.status == .ok else {
            let detail = text.split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw Failure(description: "\(page) answered \(answer.status.code)\(detail)")
        }
        let metrics = MetricsText(text)
        guard !metrics.isEmpty else { throw Failure(description: "\(page) is no metrics page") }
        return metrics
    }

    private static func reason(_ error: any Error) -> String {
        if let connection = error as? NIOConnectionError {
            guard let first = connection.connectionErrors.first else { return "unknown host \(connection.host)" }
            let error = first.error
            return (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        }
        if let client = error as? HTTPClientError { return client.shortDescription }
        return "\(error)"
    }

    private static func clock() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        let two = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }

    /// The columns of the terminal; plenty where there is none.
    private static func width(_ isTerminal: Bool) -> Int {
        var size = winsize()
        guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 160 }
        return Int(size.ws_col)
    }
}
