public import Catalog
public import Domain

/// What a path leads to.
public struct PathMatch: Equatable, Sendable {
    /// What must be done with the request.
    public enum Target: Equatable, Sendable {
        /// Forward to any suitable endpoint; the forwarded path begins at `prefixLength`.
        case proxy(prefixLength: Int)
        /// Forward to endpoints of one provider; the forwarded path begins at `prefixLength`.
        case provider(ProviderRoute, prefixLength: Int)
        /// Serve a call of Anthropic's Messages API; the API's own path begins at `prefixLength`.
        case messages(MessagesCall, prefixLength: Int)
        /// Answer without a backend.
        case local(LocalRoute)
        /// Send the client to ``PathRouter/location(path:query:)`` with status 307.
        case redirect
        /// The route exists for other methods: 405.
        case methodNotAllowed(AllowedMethods)
        /// No route: 404.
        case notFound
    }

    /// What must be done with the request.
    public let target: Target
    /// The class the request is counted under, whatever becomes of it.
    public let routeClass: RouteClass

    /// Whether the request goes to an endpoint.
    public var isProxied: Bool {
        switch self.target {
        case .proxy, .provider, .messages: true
        case .local, .redirect, .methodNotAllowed, .notFound: false
        }
    }

    /// A match with both parts given.
    public init(target: Target, routeClass: RouteClass) {
        self.target = target
        self.routeClass = routeClass
    }
}

extension PathMatch {
    /// Whether the client expects errors in the form of Anthropic's API.
    public var speaksAnthropic: Bool {
        switch self.target {
        case .messages, .local(.anthropicModels): true
        case .methodNotAllowed: self.routeClass == .translator
        case .proxy, .provider, .local, .redirect, .notFound: false
        }
    }
}

/// A call of Anthropic's Messages API (http-surface 4).
public enum MessagesCall: UInt8, CaseIterable, Sendable {
    /// `POST /v1/messages`: a message, whole or streamed.
    case send
    /// `POST /v1/messages/count_tokens`: an estimate of the prompt's tokens.
    case countTokens
}

/// The JSON shape of a model listing.
public enum ListingFormat: UInt8, CaseIterable, Sendable {
    /// `{"object":"list","data":[…]}` of the OpenAI API.
    case openAI
    /// `{"models":[…]}` of Ollama's `/api/tags`.
    case ollama
    /// `{"object":"list","data":[…]}` of LM Studio's `/api/v0/models`.
    case lmStudio
}

/// A route answered by the gateway itself.
public enum LocalRoute: Hashable, Sendable {
    /// `/internal/health`
    case health
    /// `/internal/ready`
    case ready
    /// `/internal/metrics`
    case metrics
    /// `/internal/status`
    case status
    /// `/internal/status/endpoints`
    case statusEndpoints
    /// `/internal/status/models`
    case statusModels
    /// `/internal/requests`
    case requests
    /// `/internal/ui` and everything below it, with any method: the page answers for itself.
    case dashboard
    /// `/internal/stats/models`
    case modelStatistics
    /// `/internal/process`
    case process
    /// `/internal/stats/sticky`
    case stickyStatistics
    /// `/internal/routing/explain`
    case routingExplanation
    /// `/internal/stats/translators`
    case translatorStatistics
    /// `/version`
    case version
    /// `/olla/models`
    case models
    /// `/olla/models/{id}`; the id is the rest of the path from `idStart` on, still percent-encoded.
    case model(idStart: Int)
    /// A listing below a prefix; without a provider it covers every OpenAI-compatible endpoint.
    case listing(ListingFormat, ProviderRoute?)
    /// `/olla/anthropic/v1/models`
    case anthropicModels
    /// A call that would manage one backend's models: always 501.
    case refusedManagement(ManagementCall)
    /// `OPTIONS *`: 200 with an empty body.
    case serverOptions
}

/// A management call that the gateway does not forward (http-surface 1.8).
public enum ManagementCall: UInt8, CaseIterable, Sendable {
    /// Changes which models a backend holds.
    case change
    /// Shows the details of a model.
    case show
    /// Lists the running models.
    case list

    /// The body of the 501 answer.
    public var message: StaticString {
        switch self {
        case .change: "Model management is not supported through the proxy"
        case .show: "Model details are not supported across several instances"
        case .list: "Listing running models is not supported across several instances"
        }
    }
}
