import NIOCore
import SeededRandomness

/// One thing a connection does while it plays an answer.
enum PlayStep: Equatable, Sendable {
    /// Writes bytes; `chunks` of them are content chunks.
    case write([UInt8], chunks: Int)
    /// Waits a while.
    case pause(Duration)
    /// Ends the answer; the connection is kept when the flag says so.
    case finish(keepsConnection: Bool)
    /// Ends the connection in order, without ending the answer.
    case breakOff
    /// Resets the connection.
    case reset
    /// Waits until the peer goes.
    case wait
}

/// Turns an answer, a pace and a fault into what goes over the wire and when.
struct AnswerScore {
    let answer: Answer
    let fault: Fault?
    let pacing: TokenPacing
    let isHead: Bool
    let isHTTP10: Bool
    let keepsConnection: Bool
    var random: SeededGenerator

    /// Whether the connection outlives the answer.
    private var keeps: Bool { self.keepsConnection && !(self.isHTTP10 && self.isStreamed) }
    private var isStreamed: Bool {
        if case .stream = self.answer.body { return !self.isOneBody }
        return false
    }
    /// A wrong length needs a length, so that fault makes one piece of a stream.
    private var isOneBody: Bool {
        if case .contentLength = self.fault { return true }
        return false
    }

    /// Every step from the first byte of the answer to its end.
    mutating func steps() -> [PlayStep] {
        switch self.fault {
        case .refuse: return [.reset]
        case .hang: return [.wait]
        case .garbage:
            let bytes = Array("\u{1}\u{2}{\"not\": \"http\"}\r\n\r\n\u{0}garbage\r\n".utf8)
            return [.write(bytes, chunks: 0), .breakOff]
        case .closeOnReuse: return [.breakOff]
        default: break
        }
        var steps: [PlayStep] = []
        if case .slowHead(let delay) = self.fault { steps.append(.pause(delay)) }
        if case .interim(let status) = self.fault {
            let head = "HTTP/1.1 \(status) \(Self.reason(status))\r\nLink: </mock>; rel=preload\r\n\r\n"
            steps.append(.write(Array(head.utf8), chunks: 0))
        }
        if self.isStreamed, case .stream(let parts) = self.answer.body {
            self.addStream(parts, to: &steps)
        } else {
            self.addWhole(to: &steps)
        }
        return steps
    }

    private mutating func addWhole(to steps: inout [PlayStep]) {
        let body = self.answer.joined
        var announced = body.count
        if case .contentLength(let difference) = self.fault {
            announced = max(0, announced + difference)
        }
        var wait = Duration.zero
        if case .whole(_, let tokens) = self.answer.body, tokens > 0 {
            wait = self.pacing.wait(
                self.pacing.firstToken + self.pacing.gap * (tokens - 1), &self.random)
        }
        if case .slowFirstToken(let delay) = self.fault { wait += delay }
        if wait > .zero { steps.append(.pause(wait)) }
        let head = self.head(["Content-Length: \(announced)"])
        guard !self.isHead else {
            steps += [.write(head, chunks: 0), .finish(keepsConnection: self.keeps)]
            return
        }
        switch self.fault {
        case .cut(_, let ending, _):
            steps.append(.write(head + body.prefix(body.count / 2), chunks: 0))
            steps.append(ending == .fin ? .breakOff : .reset)
        case .stall(_, let duration):
            steps.append(.write(head + body.prefix(body.count / 2), chunks: 0))
            guard let duration else {
                steps.append(.wait)
                return
            }
            steps.append(.pause(duration))
            steps.append(.write(Array(body.dropFirst(body.count / 2)), chunks: 0))
            steps.append(.finish(keepsConnection: self.keeps))
        case .contentLength(let difference) where difference > 0:
            steps += [.write(head + body, chunks: 0), .breakOff]
        default:
            steps += [.write(head + body, chunks: 0), .finish(keepsConnection: self.keeps)]
        }
    }

    private mutating func addStream(_ parts: [Answer.Part], to steps: inout [PlayStep]) {
        let framing = self.isHTTP10 ? [] : ["Transfer-Encoding: chunked"]
        steps.append(.write(self.head(framing), chunks: 0))
        guard !self.isHead else {
            steps.append(.finish(keepsConnection: self.keeps))
            return
        }
        var sent = 0
        for part in parts {
            if part.isContent {
                if self.addFault(after: sent, next: part, to: &steps) { return }
                var nominal = sent == 0 ? self.pacing.firstToken : self.pacing.gap
                nominal = self.pacing.wait(nominal, &self.random)
                if sent == 0, case .slowFirstToken(let delay) = self.fault { nominal += delay }
                if nominal > .zero { steps.append(.pause(nominal)) }
                sent += 1
            }
            steps.append(.write(self.chunk(part.bytes), chunks: part.isContent ? 1 : 0))
        }
        if let last = parts.last, self.addFault(after: sent, next: last, to: &steps, isEnd: true) {
            return
        }
        if !self.isHTTP10 { steps.append(.write(Array("0\r\n\r\n".utf8), chunks: 0)) }
        steps.append(.finish(keepsConnection: self.keeps))
    }

    /// Lets the fault act when `sent` content chunks are out; true when it ends the answer.
    private func addFault(
        after sent: Int, next: Answer.Part, to steps: inout [PlayStep], isEnd: Bool = false
    ) -> Bool {
        // A fault placed behind the last chunk acts at the end of the stream.
        func isDue(_ chunks: Int) -> Bool { sent == chunks || (isEnd && chunks > sent) }
        switch self.fault {
        case .cut(let chunks, let ending, let place) where isDue(chunks):
            if place == .midChunk {
                let bytes = self.chunk(next.bytes)
                steps.append(.write(Array(bytes.prefix(bytes.count / 2)), chunks: 0))
            }
            steps.append(ending == .fin ? .breakOff : .reset)
            return true
        case .stall(let chunks, let duration) where isDue(chunks) && !(isEnd && duration != nil):
            guard let duration else {
                steps.append(.wait)
                return true
            }
            steps.append(.pause(duration))
        case .badChunk(let chunks) where isDue(chunks):
            steps.append(.write(Array("zz\r\n".utf8), chunks: 0))
            steps.append(.breakOff)
            return true
        default: break
        }
        return false
    }

    private func chunk(_ bytes: [UInt8]) -> [UInt8] {
        guard !self.isHTTP10 else { return bytes }
        return Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    private func head(_ framing: [String]) -> [UInt8] {
        var fields = ["Content-Type: \(self.answer.contentType)", "Server: mockllm"] + framing
        if case .tooManyRequests(let seconds) = self.fault {
            fields.append("Retry-After: \(seconds)")
        }
        if case .hugeHeader(let bytes) = self.fault {
            fields.append("X-Mock-Huge: " + String(repeating: "h", count: bytes))
        }
        if !self.keeps { fields.append("Connection: close") }
        let status = self.answer.status
        return Array(
            ("HTTP/1.1 \(status) \(Self.reason(status))\r\n" + fields.joined(separator: "\r\n")
                + "\r\n\r\n").utf8)
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 102: "Processing"
        case 103: "Early Hints"
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 413: "Content Too Large"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: status < 500 ? "Error" : "Server Error"
        }
    }
}
