import Foundation
import Translation

/// What a test wants of JSON: a value that can be compared.
indirect enum Plain: Equatable, CustomStringConvertible {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([Plain])
    case object([String: Plain])

    /// Reads a document with another reader than ours; nil when it is none.
    init?(_ bytes: some Sequence<UInt8>) {
        guard let any = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) else {
            return nil
        }
        self.init(any: any)
    }

    init?(json text: String) { self.init(text.utf8) }

    private init(any: Any) {
        switch any {
        case let value as NSNumber where CFBoolean.isOne(value): self = .bool(value.boolValue)
        case let value as NSNumber: self = .number(value.doubleValue)
        case let value as String: self = .text(value)
        case let value as [Any]: self = .list(value.map { Plain(any: $0) })
        case let value as [String: Any]: self = .object(value.mapValues { Plain(any: $0) })
        default: self = .null
        }
    }

    subscript(name: String) -> Plain? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    subscript(position: Int) -> Plain? {
        guard case .list(let elements) = self, elements.indices.contains(position) else { return nil }
        return elements[position]
    }

    var list: [Plain] { if case .list(let elements) = self { elements } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }

    /// The document, with members sorted by name.
    var description: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let value): return value == value.rounded() ? String(Int64(value)) : String(value)
        case .text(let value): return Self.quoted(value)
        case .list(let elements): return "[\(elements.map(\.description).joined(separator: ","))]"
        case .object(let members):
            let parts = members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\($0.value)" }
            return "{\(parts.joined(separator: ","))}"
        }
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case let other where other.value < 0x20:
                let digits = String(other.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

private enum CFBoolean {
    /// Whether a number was written as `true` or `false`.
    static func isOne(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}

extension [UInt8] {
    /// Lends the bytes out.
    func lent<Result, Failure>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(self.span.bytes)
    }
}

/// Translations in one call each.
enum Translating {
    /// The chat request that becomes of a request.
    static func chat(_ body: String, model: String? = nil) throws -> Plain? {
        var request = MessagesRequest()
        try Array(body.utf8).lent { bytes throws(RequestFault) in try request.read(bytes) }
        var output: [UInt8] = []
        try request.appendChatRequest(model: model, to: &output)
        return Plain(output)
    }

    /// Why a request is refused; nil when it is not.
    static func refusal(_ body: String) -> String? {
        do {
            _ = try self.chat(body)
            return nil
        } catch let fault as RequestFault {
            return fault.message
        } catch {
            return "\(error)"
        }
    }

    /// The events that become of a stream's pieces.
    static func stream(
        _ pieces: [[UInt8]], isWhole: Bool = true, model: String = "m", inputTokens: Int = 7
    ) -> [UInt8] {
        var stream = MessageStream()
        var output: [UInt8] = []
        stream.begin(
            id: MessageID(high: 1, low: 2), model: Array(model.utf8), inputTokens: inputTokens, into: &output)
        for piece in pieces { piece.lent { stream.feed($0, into: &output) } }
        if !stream.finish(isWhole: isWhole, into: &output) { stream.fail("cut", into: &output) }
        return output
    }

    static func stream(_ text: String, isWhole: Bool = true) -> Events {
        Events(self.stream([Array(text.utf8)], isWhole: isWhole))
    }

    /// The message that becomes of a completion.
    static func message(_ body: String) throws -> Plain? {
        var answer = ChatAnswer()
        var output: [UInt8] = []
        try Array(body.utf8).lent { bytes throws(ChatAnswer.Fault) in
            try answer.appendMessage(bytes, id: MessageID(high: 1, low: 2), to: &output)
        }
        return Plain(output)
    }
}

/// A stream of events as a client reads it.
struct Events: Equatable {
    struct Event: Equatable {
        let name: String
        let data: Plain
    }

    var events: [Event] = []
    /// What breaks the rules of the stream; empty when all is well.
    var breaches: [String] = []

    init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        for block in text.components(separatedBy: "\n\n").dropLast() {
            let lines = block.components(separatedBy: "\n")
            guard lines.count == 2, lines[0].hasPrefix("event: "), lines[1].hasPrefix("data: "),
                let data = Plain(json: String(lines[1].dropFirst(6)))
            else {
                self.breaches.append("not an event: \(block)")
                continue
            }
            let name = String(lines[0].dropFirst(7))
            if data["type"]?.text != name { self.breaches.append("\(name) says it is \(data["type"]?.text ?? "-")") }
            self.events.append(Event(name: name, data: data))
        }
        if !text.hasSuffix("\n\n") { self.breaches.append("does not end between events") }
        self.check()
    }

    /// The order of http-surface 4.6: every start has a stop, one block at a time, indexes count up.
    private mutating func check() {
        var open: Int?
        var next = 0
        if self.events.first?.name != "message_start" { self.breaches.append("does not begin with message_start") }
        for (position, event) in self.events.enumerated() {
            let index = event.data["index"]?.number.map { Int($0) }
            switch event.name {
            case "content_block_start":
                if open != nil || index != next { self.breaches.append("block \(index ?? -1) begins in \(open ?? -1)") }
                open = index
            case "content_block_delta":
                if index != open { self.breaches.append("delta of \(index ?? -1) in \(open ?? -1)") }
            case "content_block_stop":
                if index != open { self.breaches.append("stop of \(index ?? -1) in \(open ?? -1)") }
                open = nil
                next += 1
            case "message_delta", "message_stop":
                if open != nil { self.breaches.append("\(event.name) in an open block") }
            case "error":
                if position != self.events.count - 1 { self.breaches.append("something follows an error") }
            default: break
            }
        }
        if let last = self.events.last?.name, last != "message_stop", last != "error" {
            self.breaches.append("ends with \(last)")
        }
    }

    var names: [String] { self.events.map(\.name) }
    var last: Plain? { self.events.last?.data }

    /// The whole message, put together from its events as a client does it.
    var blocks: [Plain] {
        var blocks: [Plain] = []
        var start: [String: Plain] = [:]
        var gathered = ""
        for event in self.events {
            switch event.name {
            case "content_block_start":
                if case .object(let members)? = event.data["content_block"] { start = members }
                gathered = ""
            case "content_block_delta":
                let delta = event.data["delta"]
                gathered += delta?["text"]?.text ?? delta?["thinking"]?.text ?? delta?["partial_json"]?.text ?? ""
            case "content_block_stop":
                switch start["type"]?.text {
                case "tool_use": start["input"] = gathered.isEmpty ? .object([:]) : Plain(json: gathered) ?? .null
                case "thinking": start["thinking"] = .text(gathered)
                default: start["text"] = .text(gathered)
                }
                blocks.append(.object(start))
            default: break
            }
        }
        return blocks
    }

    /// The last delta of the message.
    var end: Plain? { self.events.last { $0.name == "message_delta" }?.data }
}
