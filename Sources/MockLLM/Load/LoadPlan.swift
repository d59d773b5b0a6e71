import SeededRandomness

/// A place on the server that the load maker asks, and how to ask there.
public struct LoadTarget: Equatable, Sendable {
    /// The API spoken at a target.
    public enum Dialect: String, Sendable {
        /// OpenAI's, also spoken by LM Studio, vLLM and llama.cpp.
        case openAI = "openai"
        /// Ollama's native one.
        case ollama
    }

    /// The path before the dialect's own, such as `/olla/openai`; empty to ask a backend directly.
    public var prefix: String
    /// The dialect spoken there.
    public var dialect: Dialect
    /// The models to chat with; at least one for chats to be sent.
    public var chatModels: [String]
    /// The models to embed with; none sends no embeddings.
    public var embeddingModels: [String]

    /// Describes a target.
    public init(
        prefix: String = "", dialect: Dialect, chatModels: [String],
        embeddingModels: [String] = []
    ) {
        self.prefix = prefix
        self.dialect = dialect
        self.chatModels = chatModels
        self.embeddingModels = embeddingModels
    }
}

/// What the load maker may send.
public enum LoadOperation: String, CaseIterable, Sendable {
    /// A chat whose answer is streamed.
    case chatStream = "chat_stream"
    /// A chat answered in one piece.
    case chatWhole = "chat"
    /// A text completion, streamed.
    case completion
    /// Embeddings of two texts.
    case embeddings
    /// The list of models.
    case listing
    /// A streamed chat that the client leaves after its first chunk.
    case cancelled
    /// A chat with a model nobody has.
    case unknownModel = "unknown_model"
}

/// How often each operation is sent, relative to the others.
public struct LoadMix: Equatable, Sendable {
    /// The weights; what is absent is never sent.
    public var weights: [LoadOperation: Int]

    /// Sets weights; negative ones count as 0.
    public init(_ weights: [LoadOperation: Int]) { self.weights = weights.mapValues { max(0, $0) } }

    /// Mostly chats, a little of everything else.
    public static let everyday = LoadMix([
        .chatStream: 10, .chatWhole: 5, .completion: 2, .embeddings: 3, .listing: 2,
        .cancelled: 1, .unknownModel: 1,
    ])
}

/// One request as it will be sent.
struct LoadCall: Equatable, Sendable {
    let target: LoadTarget
    let operation: LoadOperation
    let method: String
    let path: String
    let body: [UInt8]

    /// Draws the next request; nil when the mix holds nothing that any target can be asked.
    static func next(
        targets: [LoadTarget], mix: LoadMix, random: inout SeededGenerator
    ) -> LoadCall? {
        let choices = targets.flatMap { target in
            LoadOperation.allCases.compactMap { operation -> (LoadTarget, LoadOperation, Int)? in
                let weight = mix.weights[operation] ?? 0
                let models =
                    operation == .embeddings ? target.embeddingModels : target.chatModels
                let isPossible = operation == .listing || !models.isEmpty
                return weight > 0 && isPossible ? (target, operation, weight) : nil
            }
        }
        let total = choices.reduce(0) { $0 + $1.2 }
        guard total > 0 else { return nil }
        var draw = Int(random.next() % UInt64(total))
        for (target, operation, weight) in choices {
            if draw < weight { return Self.make(target, operation, &random) }
            draw -= weight
        }
        return nil
    }

    private static func make(
        _ target: LoadTarget, _ operation: LoadOperation, _ random: inout SeededGenerator
    ) -> LoadCall {
        let question = Self.questions[Int(random.next() % UInt64(Self.questions.count))]
        let models = operation == .embeddings ? target.embeddingModels : target.chatModels
        let drawn = random.next()
        let known = models.isEmpty ? "" : models[Int(drawn % UInt64(models.count))]
        let model = operation == .unknownModel ? "nobody-has-\(drawn % 3)" : known
        let (path, body) =
            target.dialect == .openAI
            ? Self.openAI(operation, model: model, question: question)
            : Self.ollama(operation, model: model, question: question)
        return LoadCall(
            target: target, operation: operation, method: body == nil ? "GET" : "POST",
            path: target.prefix + path, body: body?.bytes ?? [])
    }

    private static func openAI(
        _ operation: LoadOperation, model: String, question: String
    ) -> (String, JSONValue?) {
        let messages: JSONValue = [["role": "user", "content": .string(question)]]
        switch operation {
        case .listing: return ("/v1/models", nil)
        case .embeddings:
            return (
                "/v1/embeddings",
                ["model": .string(model), "input": JSONValue([question, "and again"])]
            )
        case .completion:
            return (
                "/v1/completions",
                [
                    "model": .string(model), "prompt": .string(question), "stream": true,
                    "stream_options": ["include_usage": true],
                ]
            )
        case .chatStream, .cancelled:
            return (
                "/v1/chat/completions",
                [
                    "model": .string(model), "messages": messages, "stream": true,
                    "stream_options": ["include_usage": true],
                ]
            )
        case .chatWhole, .unknownModel:
            return ("/v1/chat/completions", ["model": .string(model), "messages": messages])
        }
    }

    private static func ollama(
        _ operation: LoadOperation, model: String, question: String
    ) -> (String, JSONValue?) {
        let messages: JSONValue = [["role": "user", "content": .string(question)]]
        switch operation {
        case .listing: return ("/api/tags", nil)
        case .embeddings:
            return (
                "/api/embed",
                ["model": .string(model), "input": JSONValue([question, "and again"])]
            )
        case .completion:
            return ("/api/generate", ["model": .string(model), "prompt": .string(question)])
        case .chatStream, .cancelled:
            return ("/api/chat", ["model": .string(model), "messages": messages])
        case .chatWhole, .unknownModel:
            return (
                "/api/chat",
                ["model": .string(model), "messages": messages, "stream": false]
            )
        }
    }

    private static let questions = [
        "Why is glass transparent?", "Write a haiku about a copper pot.",
        "How long does rice take to boil at 2,000 metres?", "Explain back-pressure to a cook.",
        "What is the plural of \"octopus\"?", "Was kocht man in Zürich im Winter?",
        "Name three uses of a histogram.", "Tell me a story about a kettle that never boiled.",
    ]
}
