import Dialects
import HTTPWire

/// The head of a request, parsed.
final class HeadParse: Workload {
    let name = "request head parsed"
    private let bytes = Samples.requestHead(path: "/olla/openai/v1/chat/completions", length: 250)
    private var head = RequestHead()
    private var parsed = 0
    private var asked = 0

    func run(rounds: Int) {
        let bytes = self.bytes
        let limits = HeadLimits()
        for _ in 0..<rounds {
            self.head.reset()
            if self.head.parse(bytes.span.bytes, limits: limits) == .complete(length: bytes.count) { self.parsed += 1 }
        }
        self.asked += rounds
    }

    func complaint() -> String? { self.parsed == self.asked ? nil : "the head was refused" }
}

/// The model found in a chat request of 250 bytes.
final class BodyScan: Workload {
    let name = "250-byte chat request scanned"
    private let bytes = Samples.requestBody
    private let contentType = Array("application/json".utf8)
    private var scan = RequestScan()
    private var found = 0
    private var asked = 0

    func run(rounds: Int) {
        let (bytes, contentType) = (self.bytes, self.contentType)
        for _ in 0..<rounds {
            self.scan.restart(contentType: contentType.span.bytes)
            self.scan.feed(bytes.span.bytes)
            self.scan.finish()
            if self.scan.modelName.byteCount == Samples.model.utf8.count { self.found += 1 }
        }
        self.asked += rounds
    }

    func complaint() -> String? { self.found == self.asked ? nil : "the model was not found" }
}

/// A Server-Sent Event of 200 bytes looked at: one that differs from the event before it only in its text, as most of a
/// stream does, or one that has to be looked into.
final class EventObservation: Workload {
    let name: String
    private let events: [[UInt8]]
    private var observer = ResponseObserver(framing: .sse)
    private var deltas = 0
    private var asked = 0

    init(repeats: Bool) {
        self.name = "200-byte SSE event observed, \(repeats ? "repeating" : "unlike") the one before"
        self.events = [Samples.event(text: " bubbles"), Samples.event(text: " whistle", id: repeats ? "1" : "2")]
    }

    func run(rounds: Int) {
        let events = self.events
        for round in 0..<rounds {
            let event = events[round & 1]
            self.deltas += self.observer.observe(event.span.bytes)
        }
        self.asked += rounds
    }

    func complaint() -> String? { self.deltas == self.asked ? nil : "deltas were missed" }
}
