/// What a client asks a model for, whatever the dialect it asks in.
struct InferenceRequest: Equatable, Sendable {
    enum Operation: Equatable, Sendable {
        case chat
        case completion
        case embeddings
    }

    var operation: Operation
    var model: String
    var isStream: Bool
    /// Whether a streamed answer ends with its usage.
    var includesUsage: Bool
    /// The most tokens wanted, if limited.
    var tokensMax: Int?
    /// Everything the answer's text depends on.
    var prompt: String
    /// The estimated number of prompt tokens.
    var promptTokens: Int
    /// The texts to embed.
    var inputs: [String]
    /// Whether embeddings are wanted as base64 of little-endian floats.
    var wantsBase64: Bool
    var wantsReasoning: Bool
    /// The function that must be called, if any.
    var tool: String?
    /// The client's own seed.
    var seed: Int?

    /// Reads the body of an OpenAI request.
    init(openAI body: JSONValue, operation: Operation, alwaysCallsTools: Bool) {
        self.init(body: body, operation: operation, streamsByDefault: false)
        self.includesUsage = body["stream_options"]?["include_usage"]?.bool ?? false
        self.tokensMax =
            body["max_completion_tokens"]?.integer ?? body["max_tokens"]?.integer
        self.seed = body["seed"]?.integer
        self.wantsBase64 = body["encoding_format"]?.string == "base64"
        self.wantsReasoning = body["reasoning_effort"]?.string.map { $0 != "none" } ?? false
        let choice = body["tool_choice"]
        self.tool =
            if let named = choice?["function"]?["name"]?.string {
                named
            } else if choice?.string == "required"
                || (alwaysCallsTools && choice?.string != "none")
            {
                Self.firstTool(in: body)
            } else {
                nil
            }
    }

    /// Reads the body of a native Ollama request, which streams unless told otherwise.
    init(ollama body: JSONValue, operation: Operation, alwaysCallsTools: Bool) {
        self.init(body: body, operation: operation, streamsByDefault: operation != .embeddings)
        self.includesUsage = true
        let options = body["options"]
        self.tokensMax = options?["num_predict"]?.integer.flatMap { $0 < 0 ? nil : $0 }
        self.seed = options?["seed"]?.integer
        self.wantsReasoning =
            body["think"].map { $0.bool ?? ($0.string != nil) } ?? false
        self.tool = alwaysCallsTools ? Self.firstTool(in: body) : nil
    }

    /// Reads the body of a request to Anthropic's Messages API.
    init(messages body: JSONValue, alwaysCallsTools: Bool) {
        self.init(body: body, operation: .chat, streamsByDefault: false)
        self.includesUsage = true
        self.tokensMax = body["max_tokens"]?.integer
        self.wantsReasoning = body["thinking"]?["type"]?.string == "enabled"
        let choice = body["tool_choice"]
        let mustCall = choice?["type"]?.string == "any" || alwaysCallsTools && choice?["type"]?.string != "none"
        self.tool = choice?["name"]?.string ?? (mustCall ? body["tools"]?.array?.first?["name"]?.string : nil)
    }

    /// Reads the body of a request to OpenAI's Responses API.
    init(responses body: JSONValue, alwaysCallsTools: Bool) {
        var messages = body["input"]?.array ?? []
        if let text = body["input"]?.string { messages = [["role": "user", "content": .string(text)]] }
        let chat = body.adding([JSONMember(key: "messages", value: .array(messages))])
        self.init(body: chat, operation: .chat, streamsByDefault: false)
        self.includesUsage = true
        self.tokensMax = body["max_output_tokens"]?.integer
        let choice = body["tool_choice"]
        let mustCall = choice?.string == "required" || alwaysCallsTools && choice?.string != "none"
        self.tool = choice?["name"]?.string ?? (mustCall ? body["tools"]?.array?.first?["name"]?.string : nil)
    }

    private init(body: JSONValue, operation: Operation, streamsByDefault: Bool) {
        self.operation = operation
        self.model = body["model"]?.string ?? ""
        self.isStream = body["stream"]?.bool ?? streamsByDefault
        self.includesUsage = false
        self.tokensMax = nil
        self.wantsBase64 = false
        self.wantsReasoning = false
        self.tool = nil
        self.seed = nil
        let input = body["input"] ?? body["prompt"]
        self.inputs = input?.string.map { [$0] } ?? input?.array?.compactMap(\.string) ?? []
        let messages = body["messages"]?.array ?? []
        let texts = messages.isEmpty ? self.inputs : messages.map(Self.text(of:))
        self.prompt = texts.joined(separator: "\n")
        // Four bytes a token and four tokens of frame a message: near what real tokenizers give.
        self.promptTokens =
            texts.reduce(0) { $0 + ($1.utf8.count + 3) / 4 } + 4 * messages.count
    }

    private static func text(of message: JSONValue) -> String {
        let role = message["role"]?.string ?? ""
        let content = message["content"]
        let text =
            content?.string
            ?? content?.array?.compactMap { $0["text"]?.string }.joined(separator: " ") ?? ""
        return "\(role): \(text)"
    }

    private static func firstTool(in body: JSONValue) -> String? {
        body["tools"]?.array?.first?["function"]?["name"]?.string
    }
}
