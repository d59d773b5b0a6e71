public import Domain

extension Configuration {
    /// The listener, its limits and who may use it.
    public struct Server: Equatable, Sendable {
        /// The address to bind; IPv6 literals stand in brackets.
        public var host = "localhost"
        /// The port to bind, 1…65535.
        public var port = 40_114
        /// The longest silence while reading a request; zero means none.
        public var readTimeout = Nanoseconds.seconds(30)
        /// The time for a whole request head.
        public var readHeaderTimeout = Nanoseconds.seconds(10)
        /// The time for a whole response; zero means none, which streaming needs.
        public var writeTimeout = Nanoseconds.zero
        /// The idle time of a kept-alive connection as written; zero means ``readTimeout``.
        ///
        /// Use ``keepAliveTimeout``, which has the rule applied.
        public var idleTimeout = Nanoseconds.zero
        /// The time that draining may take.
        public var shutdownTimeout = Nanoseconds.seconds(10)
        /// Whether each request writes its line.
        public var requestLogging = true
        /// The number of event loops as written; 0 means one per core.
        public var eventLoops = 0
        /// Whether a changed file is loaded without being asked.
        public var watchConfig = false
        /// The time between not being ready and closing the listener.
        public var drainDelay = Nanoseconds.zero
        /// The product token in `X-Served-By`.
        public var productName = "Olla"
        /// TLS on the listener.
        public var tls = ListenerTLS()
        /// A listener of its own for the internal routes.
        public var admin = AdminListener()
        /// Client keys.
        public var auth = ClientAuthentication()
        /// Requests per minute.
        public var rateLimits = RateLimits()
        /// Sizes of requests.
        public var requestLimits = RequestLimits()
        /// Cross-origin rules for browsers.
        public var cors = CORS()
        /// Whether the refused model management calls are forwarded.
        public var allowModelManagement = false

        /// Makes the default listener.
        public init() {}

        /// The idle time of a kept-alive connection; zero means none.
        public var keepAliveTimeout: Nanoseconds {
            self.idleTimeout == .zero ? self.readTimeout : self.idleTimeout
        }
    }

    /// TLS and mutual TLS on the listener.
    public struct ListenerTLS: Equatable, Sendable {
        /// The certificate chain in PEM.
        public var certificateFile: String?
        /// The private key in PEM.
        public var keyFile: String?
        /// The authorities whose client certificates are accepted; setting it demands one.
        public var clientAuthoritiesFile: String?

        /// Makes a listener without TLS.
        public init() {}

        /// Whether the listener speaks TLS.
        public var isEnabled: Bool { self.certificateFile != nil && self.keyFile != nil }
    }

    /// A listener of its own for `/internal/*` and `/version`.
    public struct AdminListener: Equatable, Sendable {
        /// The address to bind; the main listener's when nil.
        public var host: String?
        /// The port to bind; nil means that there is no such listener.
        public var port: Int?

        /// Makes no listener.
        public init() {}
    }

    /// The keys that clients must present.
    public struct ClientAuthentication: Equatable, Sendable {
        /// An additional header in which the key may stand.
        public var header: String?
        /// The keys; empty means that everybody may use the gateway.
        public var keys: [ClientKey] = []

        /// Makes an open gateway.
        public init() {}
    }

    /// One client key, given as text, as a file or as a digest.
    public struct ClientKey: Equatable, Sendable {
        /// The name in metrics and log lines.
        public var name = ""
        /// The key itself.
        public var key: Secret?
        /// The file that holds the key.
        public var keyFile: String?
        /// The SHA-256 digest of the key as 64 hexadecimal digits.
        public var sha256: String?
        /// The most requests per minute; 0 means no limit.
        public var requestsPerMinute = 0
        /// The most tokens per minute; 0 means no limit.
        public var tokensPerMinute = 0
        /// The value of ``key`` or ``keyFile``, resolved at load; nil for a digest.
        public var value: Secret?

        /// Makes an empty key, to be filled in.
        public init() {}
    }

    /// Requests per minute, by token buckets.
    public struct RateLimits: Equatable, Sendable {
        /// For all clients together; 0 or less switches it off.
        public var globalRequestsPerMinute = 1_000
        /// For each client address; 0 or less switches it off.
        public var perIPRequestsPerMinute = 100
        /// For each client address on the health route; acts only with ``limitHealth``.
        public var healthRequestsPerMinute = 1_000
        /// The size of each bucket; 0 refuses every limited request.
        public var burstSize = 50
        /// The time between two clean-ups of idle buckets; 0 or less means never.
        public var cleanupInterval = Nanoseconds.seconds(300)
        /// Whether forwarded client addresses are believed.
        public var trustProxyHeaders = false
        /// The peers whose forwarded addresses are believed; empty means none.
        public var trustedProxyCIDRs = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
        /// Whether the health route has its own bucket.
        public var limitHealth = false

        /// Makes the default limits.
        public init() {}
    }

    /// Sizes of requests in bytes.
    public struct RequestLimits: Equatable, Sendable {
        /// The largest body; 0 means no limit.
        public var maxBodySize = 104_857_600
        /// The largest head; at least 4096.
        public var maxHeaderSize = 1_048_576

        /// Makes the default sizes.
        public init() {}
    }

    /// Cross-origin rules for browsers; they act only when enabled.
    public struct CORS: Equatable, Sendable {
        /// Whether cross-origin requests get the headers they need.
        public var enabled = false
        /// The origins: exact, `*`, or with one `*` inside.
        public var allowedOrigins = ["*"]
        /// The methods.
        public var allowedMethods = ["GET", "POST", "OPTIONS"]
        /// The request headers.
        public var allowedHeaders = ["*"]
        /// The response headers that scripts may read; empty means the gateway's own.
        public var exposedHeaders: [String] = []
        /// Whether credentials are allowed; not together with a `*` origin.
        public var allowCredentials = false
        /// How long a preflight may be remembered, in seconds.
        public var maxAge = 300

        /// Makes the default rules, which are off.
        public init() {}
    }
}
