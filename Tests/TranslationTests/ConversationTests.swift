import SeededRandomness
import Testing
import Translation

/// Conversations made up by seed go through translation back to back; nothing may be lost or invented.
@Suite("Conversations")
struct ConversationTests {
    static let perSeed = 100

    @Test("of all kinds lose no text, call or id on the way to the server", arguments: 0..<20)
    func requests(seed: UInt64) throws {
        var random = SeededGenerator(seed: 0xC0_FFEE + seed)
        var request = MessagesRequest()
        for round in 0..<Self.perSeed {
            let talk = Talk(&random)
            let body = Array(talk.body.description.utf8)
            try body.lent { bytes throws(RequestFault) in try request.read(bytes) }
            var output: [UInt8] = []
            try request.appendChatRequest(model: nil, to: &output)
            let chat = try #require(Plain(output), "seed \(seed), round \(round)")
            #expect(chat["messages"]?.list == talk.expected, "seed \(seed), round \(round): \(talk.body)")
            #expect(chat["model"] == talk.body["model"])
            #expect(chat["max_tokens"] == talk.body["max_tokens"])
        }
    }

    @Test("of all kinds lose no text, call or id on the way back", arguments: 0..<20)
    func answers(seed: UInt64) throws {
        var random = SeededGenerator(seed: 0xBEEF + seed)
        var stream = MessageStream()
        var answer = ChatAnswer()
        for round in 0..<Self.perSeed {
            let reply = Reply(&random)
            var message: [UInt8] = []
            try Array(reply.whole.description.utf8).lent { bytes throws(ChatAnswer.Fault) in
                try answer.appendMessage(bytes, id: MessageID(high: seed, low: 1), to: &message)
            }
            let plain = try #require(Plain(message))
            #expect(plain["content"]?.list == reply.blocks, "seed \(seed), round \(round)")
            #expect(plain["stop_reason"]?.text == reply.stopReason)
            var output: [UInt8] = []
            stream.begin(
                id: MessageID(high: seed, low: 2), model: Array("m".utf8), inputTokens: 3, into: &output)
            let bytes = reply.stream(&random)
            for piece in Cuts.random(bytes, &random) { piece.lent { stream.feed($0, into: &output) } }
            #expect(stream.finish(isWhole: true, into: &output))
            let events = Events(output)
            #expect(events.breaches == [], "seed \(seed), round \(round)")
            #expect(
                events.blocks == reply.blocks, "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))"
            )
            #expect(events.end?["delta"]?["stop_reason"]?.text == reply.stopReason)
            #expect(events.end?["usage"]?["output_tokens"] == .number(Double(reply.outputTokens)))
        }
    }
}

extension SeededGenerator {
    /// Text of one to four bytes a character, with everything that needs an escape.
    mutating func text(atMost count: Int = 12) -> String {
        let letters: [Unicode.Scalar] = [
            "a", "Z", " ", "\"", "\\", "\n", "\r", "\t", "\u{1}", "/", "{", "}", "[", "]", ",", ":", "é", "日", "😀",
            "\u{7F}",
            "\u{2028}", "d", "data: ", "[DONE]", "error",
        ].flatMap { Array($0.unicodeScalars) }
        var text = ""
        for _ in 0..<self.below(count) { text.unicodeScalars.append(letters[self.below(letters.count)]) }
        return text
    }

    mutating func word() -> String {
        String((0..<(1 + self.below(8))).map { _ in "abcdefghij_-0123".randomElement(using: &self) ?? "a" })
    }

    mutating func chance(_ one: Int) -> Bool { self.below(one) == 0 }

    /// Any JSON value.
    mutating func value(depth: Int = 3) -> Plain {
        switch self.below(depth > 0 ? 7 : 5) {
        case 0: return .null
        case 1: return .bool(self.chance(2))
        case 2: return .number(Double(self.below(100_000)) - 50_000)
        case 3: return .number(Double(self.below(1_000)) / 8)
        case 4: return .text(self.text())
        case 5: return .list((0..<self.below(4)).map { _ in self.value(depth: depth - 1) })
        default: return self.object(depth: depth - 1)
        }
    }

    mutating func object(depth: Int = 2) -> Plain {
        var members: [String: Plain] = [:]
        for _ in 0..<self.below(4) { members[self.text(atMost: 5)] = self.value(depth: depth) }
        return .object(members)
    }
}

/// A conversation as Anthropic's clients send it, and what a chat server must be sent.
private struct Talk {
    let body: Plain
    let expected: [Plain]

    init(_ random: inout SeededGenerator) {
        var messages: [Plain] = []
        var expected: [Plain] = []
        var body: [String: Plain] = [
            "model": .text(random.word()), "max_tokens": .number(Double(1 + random.below(1000))),
        ]
        if random.chance(2) {
            let parts = (0..<random.below(3)).map { _ in random.text() }
            body["system"] = .list(parts.map { ["type": "text", "text": .text($0)] })
            if !parts.joined().isEmpty { expected.append(["role": "system", "content": .text(parts.joined())]) }
        }
        for _ in 0..<(1 + random.below(6)) {
            if random.chance(2) {
                let (message, outcome) = Self.user(&random)
                messages.append(message)
                expected += outcome
            } else {
                let (message, outcome) = Self.assistant(&random)
                messages.append(message)
                expected += outcome
            }
        }
        body["messages"] = .list(messages)
        self.body = .object(body)
        self.expected = expected
    }

    private static func user(_ random: inout SeededGenerator) -> (Plain, [Plain]) {
        if random.chance(3) {
            let text = random.text()
            return (
                ["role": "user", "content": .text(text)],
                text.isEmpty ? [] : [["role": "user", "content": .text(text)]]
            )
        }
        var blocks: [Plain] = []
        var results: [Plain] = []
        var parts: [Plain] = []
        var text = ""
        var hasImage = false
        for _ in 0..<random.below(5) {
            switch random.below(4) {
            case 0:
                let id = random.word()
                let inner = random.text()
                let isError = random.chance(3)
                blocks.append([
                    "type": "tool_result", "tool_use_id": .text(id), "is_error": .bool(isError),
                    "content": random.chance(2) ? .text(inner) : [["type": "text", "text": .text(inner)]],
                ])
                let prefix = isError && !inner.lowercased().hasPrefix("error") ? "Error: " : ""
                results.append(["role": "tool", "tool_call_id": .text(id), "content": .text(prefix + inner)])
            case 1:
                hasImage = true
                let data = random.word()
                blocks.append([
                    "type": "image", "source": ["type": "base64", "media_type": "image/png", "data": .text(data)],
                ])
                parts.append(["type": "image_url", "image_url": ["url": .text("data:image/png;base64,\(data)")]])
            default:
                let part = random.text()
                blocks.append(["type": "text", "text": .text(part), "cache_control": ["type": "ephemeral"]])
                text += part
                if !part.isEmpty { parts.append(["type": "text", "text": .text(part)]) }
            }
        }
        var expected = results
        if hasImage {
            expected.append(["role": "user", "content": .list(parts)])
        } else if !text.isEmpty {
            expected.append(["role": "user", "content": .text(text)])
        }
        return (["role": "user", "content": .list(blocks)], expected)
    }

    private static func assistant(_ random: inout SeededGenerator) -> (Plain, [Plain]) {
        var blocks: [Plain] = []
        var calls: [Plain] = []
        var text = ""
        if random.chance(3) { blocks.append(["type": "thinking", "thinking": .text(random.text()), "signature": "s"]) }
        for _ in 0..<random.below(4) {
            if random.chance(2) {
                let (id, name, input) = (random.word(), random.word(), random.object())
                blocks.append(["type": "tool_use", "id": .text(id), "name": .text(name), "input": input])
                calls.append([
                    "id": .text(id), "type": "function",
                    "function": ["name": .text(name), "arguments": .text(input.description)],
                ])
            } else {
                let part = random.text()
                blocks.append(["type": "text", "text": .text(part)])
                text += part
            }
        }
        let message: Plain = ["role": "assistant", "content": .list(blocks)]
        if calls.isEmpty {
            return (message, text.isEmpty ? [] : [["role": "assistant", "content": .text(text)]])
        }
        let content: Plain = text.isEmpty ? .null : .text(text)
        return (message, [["role": "assistant", "content": content, "tool_calls": .list(calls)]])
    }
}

/// An answer as a chat server gives it, whole and as a stream, and the blocks it must become.
private struct Reply {
    var thinking = ""
    var text = ""
    var calls: [(id: String, name: String, input: Plain)] = []
    let outputTokens: Int
    let finish: String

    init(_ random: inout SeededGenerator) {
        if random.chance(3) { self.thinking = random.text(atMost: 30) }
        if !random.chance(3) { self.text = random.text(atMost: 40) }
        if random.chance(2) {
            for position in 0..<random.below(4) {
                self.calls.append(("call_\(position)\(random.word())", random.word(), random.object()))
            }
        }
        self.outputTokens = random.below(5000)
        self.finish = self.calls.isEmpty ? ["stop", "length", "content_filter"][random.below(3)] : "tool_calls"
    }

    var stopReason: String {
        switch self.finish {
        case "stop": "end_turn"
        case "length": "max_tokens"
        case "content_filter": "refusal"
        default: "tool_use"
        }
    }

    var blocks: [Plain] {
        var blocks: [Plain] = []
        if !self.thinking.isEmpty { blocks.append(["type": "thinking", "thinking": .text(self.thinking)]) }
        if !self.text.isEmpty { blocks.append(["type": "text", "text": .text(self.text)]) }
        for call in self.calls {
            blocks.append(["type": "tool_use", "id": .text(call.id), "name": .text(call.name), "input": call.input])
        }
        return blocks.isEmpty ? [["type": "text", "text": ""]] : blocks
    }

    private var usage: Plain {
        ["prompt_tokens": 5, "completion_tokens": .number(Double(self.outputTokens)), "total_tokens": 9]
    }

    var whole: Plain {
        let calls = self.calls.map { call -> Plain in
            [
                "id": .text(call.id), "type": "function",
                "function": ["name": .text(call.name), "arguments": .text(call.input.description)],
            ]
        }
        return [
            "model": "q", "usage": self.usage,
            "choices": [
                [
                    "index": 0, "finish_reason": .text(self.finish),
                    "message": [
                        "role": "assistant", "content": .text(self.text), "reasoning_content": .text(self.thinking),
                        "tool_calls": .list(calls),
                    ],
                ]
            ],
        ]
    }

    /// The same as a stream: texts and arguments cut between characters anywhere, calls in turns.
    func stream(_ random: inout SeededGenerator) -> [UInt8] {
        var deltas: [Plain] = [["role": "assistant", "content": ""]]
        deltas += Self.pieces(self.thinking, &random).map { ["reasoning_content": .text($0)] }
        deltas += Self.pieces(self.text, &random).map { ["content": .text($0)] }
        var queues = self.calls.enumerated().map { index, call -> [Plain] in
            let head: Plain = [
                "index": .number(Double(index)), "id": .text(call.id), "type": "function",
                "function": ["name": .text(call.name), "arguments": ""],
            ]
            return [head]
                + Self.pieces(call.input.description, &random).map {
                    ["index": .number(Double(index)), "function": ["arguments": .text($0)]]
                }
        }
        let takesTurns = random.chance(2)
        var begun = 0
        while let first = queues.firstIndex(where: { !$0.isEmpty }) {
            // A call begins only after the one before it has.
            let open = queues.indices.filter { !queues[$0].isEmpty && $0 <= begun }
            let pick = takesTurns ? open[random.below(open.count)] : first
            begun = max(begun, pick + 1)
            deltas.append(["tool_calls": [queues[pick].removeFirst()]])
        }
        let end = random.chance(2) ? "\r\n" : "\n"
        var text = ""
        for delta in deltas {
            let chunk: Plain = ["choices": [["index": 0, "delta": delta, "finish_reason": .null]]]
            text += "data: \(chunk)\(end)\(end)"
            if random.chance(6) { text += ": keep-alive\(end)\(end)" }
        }
        let last: Plain = ["choices": [["index": 0, "delta": [:], "finish_reason": .text(self.finish)]]]
        let usage: Plain = ["choices": [], "usage": self.usage]
        text += "data: \(last)\(end)\(end)data: \(usage)\(end)\(end)data: [DONE]\(end)\(end)"
        return Array(text.utf8)
    }

    private static func pieces(_ text: String, _ random: inout SeededGenerator) -> [String] {
        var pieces: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let count = 1 + random.below(6)
            pieces.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}

extension Plain: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(arrayLiteral elements: Plain...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, Plain)...) { self = .object(Dictionary(elements) { _, last in last }) }
}
