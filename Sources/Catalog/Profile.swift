public import Domain

/// A profile's place in its ``ProfileSet``.
public struct ProfileIndex: RawRepresentable, Hashable, Sendable {
    /// The position in ``ProfileSet/profiles``.
    public let rawValue: UInt8

    /// Wraps a position.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// How a model list is read (routing-and-config 2.6).
public enum ModelListParser: String, CaseIterable, Sendable {
    case ollama
    case lmStudio = "lmstudio"
    case openAI = "openai"
    case vllm
    case sglang
    case vllmMLX = "vllm-mlx"
    case llamaCpp = "llamacpp"
    case dockerModelRunner = "docker-model-runner"
    case lmDeploy = "lmdeploy"
    case lemonade

    /// The parser a profile's `request.response_format` names; an unknown name means ``openAI``.
    public init(responseFormat: String) { self = ModelListParser(rawValue: responseFormat) ?? .openAI }
}

/// What a backend can do with the Anthropic Messages API by itself.
public struct AnthropicSupport: Equatable, Sendable {
    /// Whether requests may be passed through untranslated.
    public var isEnabled: Bool
    /// Where messages are posted.
    public var messagesPath: String
    /// Whether tokens can be counted.
    public var countsTokens: Bool
    /// The first version with support; for people.
    public var minVersion: String
    /// Known gaps, such as `no_tool_use`.
    public var limitations: [String]

    /// All facts, given.
    public init(
        isEnabled: Bool = true, messagesPath: String = "/v1/messages", countsTokens: Bool = false,
        minVersion: String = "", limitations: [String] = []
    ) {
        self.isEnabled = isEnabled
        self.messagesPath = messagesPath
        self.countsTokens = countsTokens
        self.minVersion = minVersion
        self.limitations = limitations
    }
}

/// What a profile says about its backends that no decision depends on, except detection of an endpoint's type.
public struct ProfileHints: Equatable, Sendable {
    /// The usual time limit of a request.
    public var timeout: Nanoseconds
    /// How many requests such a backend usually serves at once.
    public var maxConcurrentRequests: Int
    /// The priority the profile suggests; endpoints without one get 100 all the same.
    public var defaultPriority: Int
    /// Ports such a backend usually listens on.
    public var ports: [UInt16]
    /// Paths that exist on such a backend.
    public var pathIndicators: [String]
    /// Beginnings of `User-Agent` or `Server` values.
    public var agentPatterns: [String]
    /// Response header names that give such a backend away.
    public var headerNames: [String]
    /// Ways of authentication that are usual.
    public var authTypes: [String]

    /// All hints, given.
    public init(
        timeout: Nanoseconds = .seconds(120), maxConcurrentRequests: Int = 10, defaultPriority: Int = 50,
        ports: [UInt16] = [], pathIndicators: [String] = [], agentPatterns: [String] = [],
        headerNames: [String] = [], authTypes: [String] = []
    ) {
        self.timeout = timeout
        self.maxConcurrentRequests = maxConcurrentRequests
        self.defaultPriority = defaultPriority
        self.ports = ports
        self.pathIndicators = pathIndicators
        self.agentPatterns = agentPatterns
        self.headerNames = headerNames
        self.authTypes = authTypes
    }
}

/// What is known about one kind of backend (routing-and-config 2.2).
public struct Profile: Equatable, Sendable {
    /// The identity and one spelling of an endpoint's `type`.
    public var name: String
    /// The route prefixes below `/olla/`; also spellings of `type`.
    public var prefixes: [String]
    /// Whether such endpoints join the pool of `/olla/openai/`.
    public var isOpenAICompatible: Bool
    /// The health path when the endpoint names none.
    public var healthPath: String
    /// The model list path when the endpoint names none.
    public var modelsPath: String
    /// How the model list is read.
    public var parser: ModelListParser
    /// The request paths such a backend is known to serve; they map paths to profiles.
    public var paths: [String]
    /// Native Anthropic support, nil for none.
    public var anthropic: AnthropicSupport?
    /// What else is known.
    public var hints: ProfileHints

    /// All facts, given.
    public init(
        name: String, prefixes: [String], isOpenAICompatible: Bool = true, healthPath: String = "/",
        modelsPath: String = "/v1/models", parser: ModelListParser = .openAI, paths: [String] = [],
        anthropic: AnthropicSupport? = nil, hints: ProfileHints = .init()
    ) {
        self.name = name
        self.prefixes = prefixes
        self.isOpenAICompatible = isOpenAICompatible
        self.healthPath = healthPath
        self.modelsPath = modelsPath
        self.parser = parser
        self.paths = paths
        self.anthropic = anthropic
        self.hints = hints
    }
}
