public import Domain

extension Configuration {
    /// The endpoints and how their models are found.
    public struct Discovery: Equatable, Sendable {
        /// The kind of discovery; only `static` exists.
        public var type = "static"
        /// Accepted for old files; has no effect with a static list.
        public var refreshInterval = Nanoseconds.seconds(30)
        /// The endpoints in file order, without two of the same URL; may be empty.
        public var endpoints = [Endpoint.builtIn]
        /// Asking the endpoints for their models.
        public var modelDiscovery = ModelDiscovery()
        /// The time between two questions for an engine's load; zero for none.
        public var enginePollInterval = Nanoseconds.seconds(15)

        /// Makes the default: one local Ollama.
        public init() {}
    }

    /// Asking the endpoints for their models.
    public struct ModelDiscovery: Equatable, Sendable {
        /// Whether endpoints are asked.
        public var enabled = true
        /// The time between two passes.
        public var interval = Nanoseconds.seconds(300)
        /// The time for one endpoint.
        public var timeout = Nanoseconds.seconds(30)
        /// The endpoints asked at the same time.
        public var concurrentWorkers = 5
        /// Extra attempts after network errors and 5xx.
        public var retryAttempts = 3
        /// The wait before the first extra attempt; it doubles.
        public var retryBackoff = Nanoseconds.seconds(1)

        /// Makes the default discovery.
        public init() {}
    }

    /// One backend.
    public struct Endpoint: Equatable, Sendable {
        /// The base URL: http or https, a host, no credentials.
        public var url = ""
        /// The name in headers, metrics and log lines; may be empty.
        public var name = ""
        /// The profile as spelled in the file: empty, `auto`, a profile name or one of its prefixes.
        public var type = ""
        /// The rank; higher is preferred, at least 0.
        public var priority = 100
        /// The path or URL of the health probe; the profile's when nil.
        public var healthCheckURL: String?
        /// The path or URL of the model list; the profile's when nil.
        public var modelURL: String?
        /// The time between two probes, at least 1 s.
        public var checkInterval = Nanoseconds.seconds(5)
        /// The time for one probe; below the interval and at most 30 s.
        public var checkTimeout = Nanoseconds.seconds(2)
        /// Whether the base URL's path is kept in front of the request's.
        public var preservePath = false
        /// The models that exist for the gateway.
        public var modelFilter = NameFilter()
        /// The credential as written; see ``credential`` for what is sent.
        public var authentication: Authentication?
        /// The headers as written, in file order; see ``upstreamHeaders`` for what is sent.
        public var headers: [Header] = []
        /// The most concurrent requests; 0 means no cap.
        public var maxConcurrentRequests = 0
        /// Verification of the endpoint's certificate.
        public var tls = EndpointTLS()
        /// Whether the client's own credentials are forwarded.
        public var allowForeignCredentials = false

        /// The headers to send, variables resolved, without one that ``credential`` overrides.
        public internal(set) var upstreamHeaders: [Header] = []
        /// The credential header to send last, variables and files resolved.
        public internal(set) var credential: Header?

        /// Makes an endpoint at a URL.
        public init(url: String) { self.url = url }

        init() {}

        /// The endpoint of a start without a list of its own.
        public static let builtIn: Endpoint = {
            var endpoint = Endpoint(url: "http://localhost:11434")
            endpoint.name = "localhost"
            endpoint.type = "ollama"
            endpoint.healthCheckURL = "/"
            endpoint.modelURL = "/api/tags"
            return endpoint
        }()
    }

    /// A header that the gateway adds to what it sends to an endpoint.
    public struct Header: Equatable, Sendable {
        /// The name as written: an HTTP token.
        public var name: String
        /// The value; never printed.
        public var value: Secret

        /// Pairs a name with its value.
        public init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    /// A credential as the file gives it; every field is optional until validation has seen it.
    public struct Authentication: Equatable, Sendable {
        /// `bearer`, `api_key` or `basic`.
        public var type = ""
        /// For `bearer`: the token.
        public var token: Secret?
        /// For `bearer`: the file that holds the token.
        public var tokenFile: String?
        /// For `api_key`: the key.
        public var key: Secret?
        /// For `api_key`: the file that holds the key.
        public var keyFile: String?
        /// For `api_key`: the header's name instead of `X-Api-Key`.
        public var header: String?
        /// For `basic`: the user.
        public var username: Secret?
        /// For `basic`: the file that holds the user.
        public var usernameFile: String?
        /// For `basic`: the password.
        public var password: Secret?
        /// For `basic`: the file that holds the password.
        public var passwordFile: String?

        /// Makes an empty credential, to be filled in.
        public init() {}
    }

    /// Verification of an endpoint's certificate.
    public struct EndpointTLS: Equatable, Sendable {
        /// The authorities to trust instead of the system's, in PEM.
        public var authoritiesFile: String?
        /// Whether any certificate is accepted.
        public var insecureSkipVerify = false

        /// Makes the default: the system's authorities.
        public init() {}
    }
}
