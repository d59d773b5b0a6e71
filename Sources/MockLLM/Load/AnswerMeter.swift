/// Reads an answer as a client does: counts content chunks, finds usage and the proper end.
///
/// - Bounds: ``lineBytesMax`` bytes of an unfinished line or document; past them it is not read.
struct AnswerMeter {
    static let lineBytesMax = 4 * 1024 * 1024

    enum Form {
        case document
        case serverSentEvents
        case lines
    }

    private let form: Form
    private var pending: [UInt8] = []
    private var isOverlong = false
    private(set) var chunks = 0
    private(set) var inputTokens = 0
    private(set) var outputTokens = 0
    /// Whether the stream's own end marker was seen; a document ends with its framing.
    private(set) var hasEnded = false
    /// Whether an error was reported inside the answer.
    private(set) var hasFailed = false

    init(contentType: String) {
        if contentType.hasPrefix("text/event-stream") {
            self.form = .serverSentEvents
        } else if contentType.hasPrefix("application/x-ndjson") {
            self.form = .lines
        } else {
            self.form = .document
        }
    }

    var isStream: Bool { self.form != .document }

    /// Takes the next bytes of the body; true when they held the first content of the stream.
    mutating func read(_ bytes: some Sequence<UInt8>) -> Bool {
        let chunksBefore = self.chunks
        guard self.form != .document else {
            if self.pending.count < Self.lineBytesMax { self.pending.append(contentsOf: bytes) }
            return false
        }
        for byte in bytes {
            guard byte != UInt8(ascii: "\n") else {
                if !self.isOverlong { self.readLine() }
                self.pending.removeAll(keepingCapacity: true)
                self.isOverlong = false
                continue
            }
            if self.pending.count < Self.lineBytesMax {
                self.pending.append(byte)
            } else {
                self.isOverlong = true
            }
        }
        return chunksBefore == 0 && self.chunks > 0
    }

    /// The framing of the answer has ended.
    mutating func finish() {
        guard self.form == .document else { return }
        self.hasEnded = true
        if let document = try? JSONParser.parse(self.pending) { self.readUsage(document) }
    }

    private mutating func readLine() {
        var line = self.pending[...]
        if self.form == .serverSentEvents {
            guard line.starts(with: "data:".utf8) else { return }
            line = line.dropFirst(5)
            if line.first == 0x20 { line = line.dropFirst() }
            if line.elementsEqual("[DONE]".utf8) {
                self.hasEnded = true
                return
            }
        }
        guard let document = try? JSONParser.parse(Array(line)) else { return }
        if document["error"] != nil { self.hasFailed = true }
        if Self.hasContent(document) { self.chunks += 1 }
        self.readUsage(document)
        if self.form == .lines, document["done"]?.bool == true { self.hasEnded = true }
    }

    private mutating func readUsage(_ document: JSONValue) {
        let usage = document["usage"]
        if let count = usage?["prompt_tokens"]?.integer ?? document["prompt_eval_count"]?.integer {
            self.inputTokens = count
        }
        if let count = usage?["completion_tokens"]?.integer ?? document["eval_count"]?.integer {
            self.outputTokens = count
        }
    }

    private static func hasContent(_ document: JSONValue) -> Bool {
        func isText(_ value: JSONValue?) -> Bool { value?.string?.isEmpty == false }
        if let choice = document["choices"]?.array?.first {
            let delta = choice["delta"]
            return isText(delta?["content"]) || isText(delta?["reasoning_content"])
                || isText(delta?["reasoning"]) || isText(choice["text"])
                || delta?["tool_calls"]?.array?.isEmpty == false
        }
        let message = document["message"]
        return isText(message?["content"]) || isText(message?["thinking"])
            || message?["tool_calls"]?.array?.isEmpty == false || isText(document["response"])
            || isText(document["thinking"])
    }
}
