import SeededRandomness

/// The server a mock imitates: its routes, its JSON and its habits.
public enum MockKind: String, CaseIterable, Sendable {
    /// OpenAI's own API.
    case openAI = "openai"
    /// vLLM's OpenAI server.
    case vllm
    /// llama.cpp's `llama-server`: serves any model name and reports `timings`.
    case llamacpp
    /// Ollama: the native API with NDJSON, and its `/v1`.
    case ollama
    /// LM Studio: `/v1` and `/api/v0`.
    case lmStudio = "lm-studio"
}

/// A model a mock says it has.
public struct MockModel: Equatable, Sendable {
    /// The name clients ask for, such as `llama3.2:3b`.
    public var name: String
    /// The context window in tokens, at least 1.
    public var contextLength: Int
    /// Whether the model only makes embeddings.
    public var isEmbedding: Bool

    /// Describes a model; a name that contains `embed` makes an embedding model.
    public init(_ name: String, contextLength: Int = 8192, isEmbedding: Bool? = nil) {
        self.name = name
        self.contextLength = max(1, contextLength)
        self.isEmbedding = isEmbedding ?? name.lowercased().contains("embed")
    }
}

/// How fast the tokens of an answer come.
///
/// A streamed answer sends its head at once, its first token after ``firstToken``, and each next
/// one ``gap`` later. An answer in one piece comes when its last token would.
public struct TokenPacing: Equatable, Sendable {
    /// From the request being read whole to the first token.
    public var firstToken: Duration
    /// Between one token and the next.
    public var gap: Duration
    /// The most a wait may differ from its nominal length, as a share of it; seeded, from 0 to 1.
    public var jitter: Double
    /// How much faster than nominal time passes; 0 drops every wait.
    public var speed: Double

    /// Sets a pace; negative values count as 0.
    public init(
        firstToken: Duration = .zero, gap: Duration = .zero, jitter: Double = 0, speed: Double = 1
    ) {
        self.firstToken = max(.zero, firstToken)
        self.gap = max(.zero, gap)
        self.jitter = min(max(0, jitter), 1)
        self.speed = max(0, speed)
    }

    /// As fast as possible.
    public static let immediate = TokenPacing(speed: 0)

    /// The real length of a wait of nominal length `nominal`.
    func wait(_ nominal: Duration, _ random: inout SeededGenerator) -> Duration {
        guard self.speed > 0, nominal > .zero else { return .zero }
        let share = 1 + self.jitter * (random.nextUnit() * 2 - 1)
        return nominal * (share / self.speed)
    }
}

/// Everything about a mock that may change while it runs.
public struct MockBehaviour: Equatable, Sendable {
    /// The models it lists and serves.
    public var models: [MockModel]
    /// How fast answers come.
    public var pacing: TokenPacing
    /// What goes wrong, and when.
    public var faults: FaultPlan
    /// How many tokens an answer has, chosen by seed and prompt; a request's limit cuts it.
    public var answerTokens: ClosedRange<Int>
    /// What makes one mock's answers differ from another's.
    public var seed: UInt64
    /// Whether every chat answer begins with reasoning, asked for or not.
    public var alwaysReasons: Bool
    /// Whether every chat request that offers tools is answered by a tool call.
    public var alwaysCallsTools: Bool
    /// The length of an embedding vector, from 1 to 4096.
    public var embeddingWidth: Int

    /// Describes a mock that behaves well, unless told otherwise.
    public init(
        models: [MockModel] = [MockModel("mock-chat"), MockModel("mock-embed")],
        pacing: TokenPacing = .immediate, faults: FaultPlan = FaultPlan(),
        answerTokens: ClosedRange<Int> = 12...40, seed: UInt64 = 1, alwaysReasons: Bool = false,
        alwaysCallsTools: Bool = false, embeddingWidth: Int = 16
    ) {
        self.models = models
        self.pacing = pacing
        self.faults = faults
        self.answerTokens = answerTokens.clamped(to: 1...Self.answerTokensMax)
        self.seed = seed
        self.alwaysReasons = alwaysReasons
        self.alwaysCallsTools = alwaysCallsTools
        self.embeddingWidth = min(max(1, embeddingWidth), 4096)
    }

    /// The most tokens an answer may have.
    public static let answerTokensMax = 100_000
}
