public import Domain

extension Configuration {
    /// How requests are relayed, retried and spread.
    public struct Proxy: Equatable, Sendable {
        /// What drives a request.
        public enum Engine: String, CaseIterable, Sendable {
            /// Channel handlers on one event loop.
            case olla
            /// Structured concurrency.
            case sherpa
        }

        /// Whether each upstream chunk is flushed to the client, contract 8.2.
        public enum Profile: String, CaseIterable, Sendable {
            /// By content type.
            case auto
            /// Always.
            case streaming
            /// Never explicitly.
            case standard
        }

        /// How one of several candidates is chosen.
        public enum LoadBalancer: String, CaseIterable, Sendable {
            /// The highest priority, weighted by health.
            case priority
            /// In turn.
            case roundRobin = "round-robin"
            /// The one with the fewest active requests.
            case leastConnections = "least-connections"
            /// The less loaded of two chosen at random.
            case powerOfTwoChoices = "p2c"
            /// The one with the lowest moving average of latency.
            case movingAverage = "ewma"
            /// The one that has seen the same prompt prefix.
            case prefixAffinity = "prefix-affinity"
        }

        /// What drives a request.
        public var engine = Engine.olla
        /// Whether each upstream chunk is flushed.
        public var profile = Profile.auto
        /// How one of several candidates is chosen.
        public var loadBalancer = LoadBalancer.leastConnections
        /// The time for a TCP connect.
        public var connectionTimeout = Nanoseconds.seconds(60)
        /// The TCP keep-alive period.
        public var connectionKeepAlive = Nanoseconds.seconds(30)
        /// The time for one whole upstream exchange; zero means none.
        public var responseTimeout = Nanoseconds.seconds(900)
        /// The longest silence between upstream body chunks.
        public var readTimeout = Nanoseconds.seconds(600)
        /// The time from the request's last byte to the response head.
        public var responseHeaderTimeout = Nanoseconds.seconds(30)
        /// The time for a TLS handshake.
        public var tlsHandshakeTimeout = Nanoseconds.seconds(10)
        /// The largest single read as written; 0 means the engine's own.
        ///
        /// Use ``readBytesMax``, which has the rule applied.
        public var streamBufferSize = 0
        /// Which profiles exist, by glob.
        public var profileFilter = NameFilter()
        /// Keeping a conversation on one endpoint.
        public var stickySessions = StickySessions()
        /// The bytes of a request body that are kept for a retry.
        public var replayBuffer = 1_048_576
        /// Trying another endpoint before the client has seen a byte.
        public var retry = Retry()
        /// Waiting when every candidate is at its cap.
        public var queue = Queue()
        /// Stopping traffic to an endpoint that keeps failing.
        public var breaker = Breaker()
        /// Whether paths that a profile does not list are refused.
        public var enforceProfilePaths = false
        /// Accepted for old files; ``Retry/maxAttempts`` acts.
        public var maxRetries = 3
        /// Accepted for old files; has no effect.
        public var retryBackoff = Nanoseconds.milliseconds(500)

        /// Makes the default proxy.
        public init() {}

        /// The largest single read from an endpoint, in bytes.
        public var readBytesMax: Int {
            guard self.streamBufferSize <= 0 else { return self.streamBufferSize }
            return self.engine == .olla ? 65_536 : 8_192
        }
    }

    /// Names that are in or out, by glob: exact, `*`, `abc*`, `*abc` or `*abc*`, in any case.
    public struct NameFilter: Equatable, Sendable {
        /// The patterns that let a name in; empty lets all in.
        public var include: [String] = []
        /// The patterns that keep a name out; they win.
        public var exclude: [String] = []

        /// Makes a filter that lets everything in.
        public init() {}

        /// Whether the filter lets everything in.
        public var isEmpty: Bool { self.include.isEmpty && self.exclude.isEmpty }
    }

    /// Keeping a conversation on one endpoint.
    public struct StickySessions: Equatable, Sendable {
        /// Where the key of a conversation comes from.
        public enum KeySource: String, CaseIterable, Sendable {
            /// `X-Olla-Session-ID`.
            case sessionHeader = "session_header"
            /// The first bytes of the messages.
            case prefixHash = "prefix_hash"
            /// `Authorization`.
            case authHeader = "auth_header"
            /// The peer's address.
            case address = "ip"
        }

        /// Whether conversations stick.
        public var enabled = false
        /// The idle time after which a conversation is forgotten, in seconds; 0 or less means never.
        public var idleTTLSeconds = 600
        /// The most conversations; 0 means no bound.
        public var maxSessions = 10_000
        /// The sources, in the order they are tried.
        public var keySources: [KeySource] = [.sessionHeader, .prefixHash, .authHeader]
        /// The bytes of the messages that are hashed; 0 or less means all.
        public var prefixHashBytes = 512

        /// Makes the default, which is off.
        public init() {}
    }

    /// Trying another endpoint before the client has seen a byte.
    public struct Retry: Equatable, Sendable {
        /// Whether anything is retried.
        public var enabled = true
        /// The most attempts of a request; 0 means every candidate once.
        public var maxAttempts = 0
        /// The answers after which the next candidate is tried.
        public var onStatus = [429, 502, 503, 504]
        /// Whether a POST goes on to the next candidate after a header time limit.
        public var onHeaderTimeout = false
        /// Retries as a share of the requests of the last 10 s, in percent.
        public var budgetPercent = 20
        /// The retries per 10 s that are always allowed.
        public var budgetFloor = 10

        /// Makes the default rules.
        public init() {}
    }

    /// Waiting when every candidate is at its cap.
    public struct Queue: Equatable, Sendable {
        /// The most waiting requests of one candidate set.
        public var length = 1_000
        /// The longest wait.
        public var timeout = Nanoseconds.seconds(30)

        /// Makes the default queue.
        public init() {}
    }

    /// Stopping traffic to an endpoint that keeps failing.
    public struct Breaker: Equatable, Sendable {
        /// Failures in a row that open it, at least 1.
        public var consecutiveFailures = 5
        /// The share of failed attempts in the window that opens it, above 0 and at most 1.
        public var failureRatio = 0.5
        /// The attempts in the window before the share counts, at least 1.
        public var minAttempts = 20
        /// The window of the share.
        public var window = Nanoseconds.seconds(10)
        /// The time it stays open before one trial.
        public var open = Nanoseconds.seconds(30)

        /// Makes the default breaker.
        public init() {}
    }
}
