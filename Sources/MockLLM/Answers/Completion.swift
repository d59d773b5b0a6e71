import SeededRandomness

/// What a model says, token by token, before a dialect gives it a form.
struct Completion: Equatable, Sendable {
    struct ToolCall: Equatable, Sendable {
        let name: String
        /// The arguments, a JSON object in pieces.
        let argumentPieces: [String]

        var arguments: String { self.argumentPieces.joined() }
    }

    let reasoning: [String]
    let content: [String]
    let toolCall: ToolCall?
    /// `stop`, `length` or `tool_calls`.
    let finishReason: String
    let promptTokens: Int
    /// Sixteen hexadecimal digits that name this answer; the same for the same question.
    let identity: String

    var outputTokens: Int {
        self.reasoning.count + self.content.count + (self.toolCall?.argumentPieces.count ?? 0)
    }
    var text: String { self.content.joined() }
    var reasoningText: String { self.reasoning.joined() }

    /// Answers a request: the same words for the same seed, model, prompt and client seed.
    static func answer(_ request: InferenceRequest, behaviour: MockBehaviour) -> Completion {
        var hash = UInt64.fnv1a(request.prompt.utf8, seed: behaviour.seed)
        hash = UInt64.fnv1a(request.model.utf8, seed: hash)
        if let seed = request.seed { hash = UInt64.fnv1a(String(seed).utf8, seed: hash) }
        var random = SeededGenerator(seed: hash)
        var wanted = Int.random(in: behaviour.answerTokens, using: &random)
        var finish = "stop"
        if let limit = request.tokensMax, limit < wanted {
            wanted = max(0, limit)
            finish = "length"
        }
        let isChat = request.operation == .chat
        var reasoning: [String] = []
        if isChat, request.wantsReasoning || behaviour.alwaysReasons {
            reasoning = Self.words(count: min(wanted, 6), using: &random)
        }
        var content: [String] = []
        var toolCall: ToolCall?
        if isChat, let tool = request.tool {
            let pieces = ["{\"", "place", "\":\"", "Zürich", "\"}"]
            toolCall = ToolCall(name: tool, argumentPieces: pieces)
            finish = "tool_calls"
        } else {
            content = Self.words(count: wanted - reasoning.count, using: &random)
        }
        return Completion(
            reasoning: reasoning, content: content, toolCall: toolCall, finishReason: finish,
            promptTokens: request.promptTokens, identity: hash.hexDigits)
    }

    /// A vector for a text: the same for the same seed, model and text; components from -1 to 1.
    static func embedding(
        of text: String, model: String, behaviour: MockBehaviour
    ) -> [Double] {
        let hash = UInt64.fnv1a(
            text.utf8, seed: UInt64.fnv1a(model.utf8, seed: behaviour.seed))
        var random = SeededGenerator(seed: hash)
        return (0..<behaviour.embeddingWidth).map { _ in
            // Exact in 32-bit floats, so both wire forms carry the same numbers.
            Double(Int.random(in: -4096...4096, using: &random)) / 4096
        }
    }

    private static func words(count: Int, using random: inout SeededGenerator) -> [String] {
        var result: [String] = []
        result.reserveCapacity(max(0, count))
        var startsSentence = true
        while result.count < count {
            let word = Self.vocabulary[Int(random.next() % UInt64(Self.vocabulary.count))]
            let isLast = result.count == count - 1
            let ends = isLast || random.next() % 9 == 0
            let space = result.isEmpty ? "" : " "
            let first = startsSentence ? word.prefix(1).uppercased() + word.dropFirst() : word
            result.append(space + first + (ends ? "." : ""))
            startsSentence = ends
        }
        return result
    }

    /// Words of one to four bytes a character, quotes and a backslash among them, so that whoever
    /// splits or escapes the stream wrongly is found out.
    private static let vocabulary: [String] = [
        "a", "the", "glass", "pot", "boils", "over", "an", "open", "fire", "and", "water", "clear",
        "as", "morning", "runs", "through", "every", "pipe", "while", "someone", "counts", "drops",
        "one", "by", "two", "three", "until", "light", "falls", "on", "copper", "walls", "rice",
        "salt", "steam", "rises", "from", "here", "to", "there", "without", "a\u{00A0}break",
        "naïve", "café", "Zürich", "Ærø", "日本", "水", "пар", "ατμός", "🫖", "👩‍🍳", "\"quoted\"",
        "back\\slash", "tab\tbed", "line\nfeed", "</tag>", "{brace}", "[DONE]", "data:", "e=mc²",
    ]
}
