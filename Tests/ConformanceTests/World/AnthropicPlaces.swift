import MockLLM
import TestKit

extension Place {
    /// A place that plays a script and is known to have the models of a server beside it.
    init(_ backend: ScriptedBackend, knownFrom registry: MockBackend, name: String = "alpha", type: String) {
        let listing = "http://127.0.0.1:\(registry.port)/v1/models"
        self.init(
            port: backend.port, name: name,
            lines: ["health_check_url: \"\(listing)\"", "model_url: \"\(listing)\""])
        self.type = type
        self.isAskedItself = true
    }
}

/// One event of a stream, as text.
struct StreamEvent: Equatable {
    let name: String
    let data: String

    /// The events of a body.
    static func all(in text: String) -> [StreamEvent] {
        text.split(separator: "\n\n", omittingEmptySubsequences: true).compactMap { block in
            var name = ""
            var data = ""
            for line in block.split(separator: "\n") {
                if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
                if line.hasPrefix("data: ") { data = String(line.dropFirst(6)) }
            }
            return StreamEvent(name: name, data: data)
        }
    }
}
