public import Domain
public import HTTPWire
public import Pipeline
public import Transport

/// What the engine needs to know of the configuration; one value for the life of a process.
public struct EngineConfiguration: Sendable {
    /// When answers are pushed to the client; key `proxy.profile`.
    public enum FlushProfile: Sendable {
        /// After every read, unless the content type is binary and no stream was asked for.
        case auto
        /// After every read.
        case streaming
        /// When enough has gathered, and at the end.
        case standard
    }

    /// The token in `X-Served-By` and `X-Proxied-By`; key `server.product_name`.
    public var productName = "Olla"
    /// The version of the gateway.
    public var version = "0.0.0"
    /// Whether clients come by TLS; key `server.tls`.
    public var speaksTLS = false
    /// The bounds of a request head: `server.request_limits.max_header_size` and 4 KiB.
    public var requestHeadLimits = HeadLimits()
    /// The bounds of an answer head (http-surface 8.3).
    public var responseHeadLimits = HeadLimits(headBytesMax: 32 * 1024)
    /// The largest header estimate, in bytes; key `server.request_limits.max_header_size`.
    public var headerBytesMax = 1_048_576
    /// The largest request body in bytes, 0 for none; key `server.request_limits.max_body_size`.
    public var bodyBytesMax = 104_857_600
    /// The largest request of Anthropic's Messages API in bytes; key `translators.anthropic.max_message_size`.
    public var messageBytesMax = 10_485_760
    /// Whether endpoints that speak the Messages API get requests as they are; key
    /// `translators.anthropic.passthrough_enabled`.
    public var passesMessagesThrough = true
    /// Silence after which a rewritten stream gets a `ping`, 0 for never; key `translators.anthropic.ping_interval`.
    public var messagePingInterval = Nanoseconds.seconds(15)
    /// Body bytes kept for another attempt; key `proxy.replay_buffer`.
    public var replayBytesMax = 1_048_576
    /// Silence allowed while a request is read, 0 for any; key `server.read_timeout`.
    public var clientReadTimeout = Nanoseconds.seconds(30)
    /// Time for a request head; key `server.read_header_timeout`.
    public var clientHeadTimeout = Nanoseconds.seconds(10)
    /// Time a kept-alive client connection may idle; key `server.idle_timeout`.
    public var clientIdleTimeout = Nanoseconds.seconds(30)
    /// Time the client may take no byte of an answer, 0 for any; key `server.write_timeout`.
    public var clientWriteTimeout = Nanoseconds.zero
    /// Time for a whole upstream exchange, 0 for any; key `proxy.response_timeout`.
    public var responseTimeout = Nanoseconds.seconds(900)
    /// Silence allowed between reads of an answer's body; key `proxy.read_timeout`.
    public var upstreamReadTimeout = Nanoseconds.seconds(600)
    /// Time from request sent to answer head; key `proxy.response_header_timeout`.
    public var responseHeadTimeout = Nanoseconds.seconds(30)
    /// How upstream connections are opened.
    public var connect = ConnectLimits(
        connect: .seconds(60), tlsHandshake: .seconds(10), readBufferBytes: 65_536)
    /// How many upstream connections idle on one loop.
    public var idle = IdleConnections<AnyObject>.Limits(perEndpoint: 25, total: 100)
    /// How long an upstream connection idles at most (routing-and-config 5.4).
    public var idleLifetime = Nanoseconds.seconds(90)
    /// When answers are pushed to the client.
    public var flushProfile = FlushProfile.auto
    /// The retry rules.
    public var retry = RetryPolicy()
    /// Chooses which of the traces that begin here are recorded; nil when no spans are exported.
    public var traceSampler: TraceSampler?
    /// Whether finished requests write their record at info; key `server.request_logging`.
    public var logsRequests = true

    /// The documented defaults.
    public init() {}
}
