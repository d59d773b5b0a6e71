import Foundation
import GlasspotApp

/// Asks a running gateway how it is: what a container's health check runs, so that the image needs no curl.
enum HealthCheck {
    /// Returns 0 when the answer is 200 within two seconds, else 1.
    static func run(_ text: String) -> Int32 {
        guard let url = URL(string: text), url.scheme == "http", let host = url.host else {
            StandardError.write("glasspot: --health-check wants an http URL, not \(text)\n")
            return 1
        }
        let path = url.path.isEmpty ? "/" : url.path
        switch StatusProbe.ask(host: host, port: url.port ?? 80, path: path, seconds: 2) {
        case .status(200): return 0
        case .status(let code):
            StandardError.write("glasspot: \(text) answered \(code)\n")
            return 1
        case .failed(let reason):
            StandardError.write("glasspot: \(text): \(reason)\n")
            return 1
        }
    }
}
