import Catalog
import ClientSide
import Domain
import Foundation
import HTTPWire
import NIOSSL
import OllaEngine
import Pipeline
import Routing
import Settings
import SherpaEngine
import Supervision
import Synchronization
import Telemetry
import Transport

// From configuration values to the parts of the gateway.

extension EngineConfiguration {
    /// The engine's part of a configuration, for a process with `loops` event loops.
    init(_ settings: Configuration, loops: Int, version: String) {
        self.init()
        self.productName = settings.server.productName
        self.version = version
        self.speaksTLS = settings.server.tls.isEnabled
        let headerBytes = settings.server.requestLimits.maxHeaderSize
        self.requestHeadLimits = HeadLimits(headBytesMax: headerBytes + 4096)
        self.headerBytesMax = headerBytes
        self.bodyBytesMax = max(0, settings.server.requestLimits.maxBodySize)
        let anthropic = settings.translators.anthropic
        if anthropic.maxMessageSize > 0 { self.messageBytesMax = anthropic.maxMessageSize }
        self.passesMessagesThrough = anthropic.passthroughEnabled
        self.messagePingInterval = anthropic.pingInterval
        self.replayBytesMax = settings.proxy.replayBuffer
        self.clientReadTimeout = settings.server.readTimeout
        self.clientHeadTimeout = settings.server.readHeaderTimeout
        self.clientIdleTimeout = settings.server.keepAliveTimeout
        self.clientWriteTimeout = settings.server.writeTimeout
        self.responseTimeout = settings.proxy.responseTimeout
        self.upstreamReadTimeout = settings.proxy.readTimeout
        self.responseHeadTimeout = settings.proxy.responseHeaderTimeout
        self.connect = ConnectLimits(
            connect: settings.proxy.connectionTimeout, tlsHandshake: settings.proxy.tlsHandshakeTimeout,
            readBufferBytes: settings.proxy.readBytesMax, keepAlive: settings.proxy.connectionKeepAlive)
        // The contract's numbers (routing-and-config 5.4) are for the process; a loop's share is never less than a few.
        self.idle =
            switch settings.proxy.engine {
            case .olla: .init(perEndpoint: max(4, 25 / loops), total: max(16, 100 / loops))
            case .sherpa: .init(perEndpoint: max(2, 5 / loops), total: max(8, 20 / loops))
            }
        self.flushProfile =
            switch settings.proxy.profile {
            case .auto: .auto
            case .streaming: .streaming
            case .standard: .standard
            }
        let retry = settings.proxy.retry
        self.retry = RetryPolicy(
            isEnabled: retry.enabled, maxAttempts: retry.maxAttempts,
            retriesUnsafeOnHeaderTimeout: retry.onHeaderTimeout, statuses: retry.onStatus)
        self.logsRequests = settings.server.requestLogging
    }
}

extension Configuration.Proxy.Engine {
    /// How it reaches endpoints.
    var upstreams: UpstreamSide {
        switch self {
        case .olla: .olla
        case .sherpa: .sherpa
        }
    }

    /// The metric label.
    var label: EngineLabel {
        switch self {
        case .olla: .olla
        case .sherpa: .sherpa
        }
    }
}

extension Configuration.Proxy.LoadBalancer {
    /// The balancer.
    var balancer: Balancer {
        switch self {
        case .priority: .priority
        case .roundRobin: .roundRobin
        case .leastConnections: .leastConnections
        case .powerOfTwoChoices: .powerOfTwoChoices
        case .movingAverage: .movingAverage
        case .prefixAffinity: .prefixAffinity
        }
    }
}

extension Configuration.Metrics.View {
    /// The view of the metrics page.
    var metricView: MetricView {
        switch self {
        case .olla: .olla
        case .otel: .otel
        }
    }
}

extension Configuration.Proxy.Profile {
    /// The metric label.
    var label: ProxyProfileLabel {
        switch self {
        case .auto: .auto
        case .streaming: .streaming
        case .standard: .standard
        }
    }
}

extension BreakerPolicy {
    /// The breaker rules of a configuration.
    init(_ settings: Configuration.Breaker) {
        self.init(
            consecutiveFailures: settings.consecutiveFailures, failureRatio: settings.failureRatio,
            minAttempts: settings.minAttempts, window: settings.window, openDuration: settings.open)
    }
}

/// What cannot be started, in words for the operator.
public struct StartFailure: Error, CustomStringConvertible {
    /// What went wrong and the way out.
    public let description: String

    /// A failure.
    public init(_ description: String) { self.description = description }
}

extension EndpointSpec {
    /// An endpoint of a validated configuration.
    init(_ endpoint: Configuration.Endpoint, profiles: ProfileSet) throws {
        let name = endpoint.name.isEmpty ? endpoint.url : endpoint.name
        do {
            let url = try EndpointURL(endpoint.url)
            guard
                let spec = try EndpointSpec.resolving(
                    name: endpoint.name, url: url, typeText: endpoint.type, healthValue: endpoint.healthCheckURL,
                    modelsValue: endpoint.modelURL, profiles: profiles)
            else { throw StartFailure("endpoint \(name): unknown type \"\(endpoint.type)\"") }
            self = spec
        } catch let error as EndpointURLError {
            throw StartFailure("endpoint \(name): \(error.message)")
        }
        self.priority = endpoint.priority
        self.preservesPath = endpoint.preservePath
        self.health = HealthPolicy(checkInterval: endpoint.checkInterval, checkTimeout: endpoint.checkTimeout)
        do {
            self.modelFilter = try ModelFilter(
                include: endpoint.modelFilter.include, exclude: endpoint.modelFilter.exclude)
        } catch {
            throw StartFailure("endpoint \(name): \(error.message)")
        }
        self.headers = endpoint.upstreamHeaders.map { .init(name: $0.name, value: $0.value.reveal()) }
        self.auth = endpoint.credential.map { .init(name: $0.name, value: $0.value.reveal()) }
        self.maxConcurrentRequests = endpoint.maxConcurrentRequests
        self.allowsForeignCredentials = endpoint.allowForeignCredentials
        self.trust = EndpointTrust(
            authoritiesFile: endpoint.tls.authoritiesFile, acceptsAnyCertificate: endpoint.tls.insecureSkipVerify)
    }
}

extension FleetPlan {
    /// The fleet of a validated configuration, which is the `revision`-th of this process.
    init(_ settings: Configuration, revision: UInt32, attachment: EngineRules? = nil) throws {
        let profiles = settings.profiles
        let aliases = settings.modelAliases.map { Catalog.ModelAlias(name: $0.name, targets: $0.models) }
        self.init(
            specs: try settings.discovery.endpoints.map { try EndpointSpec($0, profiles: profiles) },
            builder: FleetBuilder(
                profiles: profiles, aliases: aliases, unifiesModels: settings.modelRegistry.enableUnifier,
                revision: revision, attachment: attachment),
            modelRules: settings.modelRules,
            breaker: BreakerPolicy(settings.proxy.breaker),
            staleness: ModelStaleness(
                threshold: settings.modelRegistry.unification.staleThreshold,
                cleanupInterval: settings.modelRegistry.unification.cleanupInterval))
    }
}

extension EndpointURL {
    /// Scheme, host and port, for comparison.
    fileprivate var origin: String { "\(self.scheme.text)://\(self.host.lowercased()):\(self.port)" }
}

/// The TLS settings of all endpoints of the running configuration.
///
/// Those of the configuration before stay at hand for the requests that began under it.
///
/// - Isolation: thread-safe.
final class EndpointTLS: Sendable {
    /// The settings of one configuration's endpoints.
    struct Contexts: Sendable {
        fileprivate var settings: [String: UpstreamTLS] = [:]
        fileprivate var configurations: [(origin: String, configuration: TLSConfiguration)] = []

        /// Makes the settings of every `https` endpoint.
        ///
        /// - Throws: ``StartFailure`` when a file of authorities cannot be read.
        init(_ endpoints: [Configuration.Endpoint]) throws {
            for endpoint in endpoints where endpoint.url.lowercased().hasPrefix("https:") {
                do {
                    let configuration = EndpointTLS.configuration(endpoint.tls)
                    self.settings[endpoint.url] = try UpstreamTLS(configuration)
                    let url = try EndpointURL(endpoint.url)
                    self.configurations.append((url.origin, configuration))
                } catch {
                    throw StartFailure("endpoint \(endpoint.name): TLS settings cannot be used: \(error)")
                }
            }
        }
    }

    private let state: Mutex<(current: Contexts, previous: Contexts?)>

    /// The settings of a first configuration.
    init(_ contexts: Contexts) { self.state = Mutex((contexts, nil)) }

    /// Takes the settings of another configuration over.
    func replace(_ contexts: Contexts) { self.state.withLock { $0 = (contexts, $0.current) } }

    /// The settings of a health check or model listing: those of the endpoint on the same origin.
    func configuration(forProbe url: String) -> TLSConfiguration? {
        guard let origin = try? EndpointURL(url).origin else { return nil }
        return self.state.withLock { $0.current.configurations.first { $0.origin == origin }?.configuration }
    }

    /// The settings of an endpoint; nil for `http`.
    func settings(for endpoint: FleetEndpoint) -> UpstreamTLS? {
        let url = endpoint.spec.url.text
        return self.state.withLock { $0.current.settings[url] ?? $0.previous?.settings[url] }
    }

    /// Loads what the endpoints' TLS needs, as a start does, and says what is wrong with each file of authorities.
    static func objections(to endpoints: [Configuration.Endpoint]) -> [Objection] {
        endpoints.enumerated().compactMap { position, endpoint in
            guard endpoint.url.lowercased().hasPrefix("https:"), let file = endpoint.tls.authoritiesFile,
                !file.isEmpty, (try? NIOSSLContext(configuration: self.configuration(endpoint.tls))) == nil
            else { return nil }
            var reason = "holds no certificate in PEM form"
            if case .failure(let failure) = ListenerCertificates.read(file) { reason = failure.message }
            return Objection("discovery.static.endpoints[\(position)].tls.ca_file", "\(file): \(reason)")
        }
    }

    /// Verification is on unless the operator turned it off for this endpoint.
    static func configuration(_ settings: Configuration.EndpointTLS) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        if let file = settings.authoritiesFile { configuration.trustRoots = .file(file) }
        if settings.insecureSkipVerify { configuration.certificateVerification = .none }
        return configuration
    }
}
