import Domain

/// Replaces the values that stand for other ones, so that every reader sees what acts.
///
/// `server.idle_timeout` and `proxy.stream_buffer_size` keep their zero: what they stand for depends on
/// another key, and `Configuration` has a property for each that applies the rule.
enum Normalization {
    /// Applies every rule; applying them twice changes nothing.
    static func apply(to configuration: inout Configuration) {
        Self.apply(to: &configuration.server)
        Self.apply(to: &configuration.proxy)
        Self.apply(to: &configuration.modelRegistry)
        if configuration.translators.anthropic.inspector.outputDirectory.isEmpty {
            configuration.translators.anthropic.inspector.outputDirectory = "./inspector-logs"
        }
        configuration.discovery.endpoints = Self.collapsed(configuration.discovery.endpoints)
        let workers = configuration.discovery.modelDiscovery.concurrentWorkers
        configuration.discovery.modelDiscovery.concurrentWorkers = min(workers, EndpointSet.capacity)
    }

    private static func apply(to server: inout Configuration.Server) {
        if server.readHeaderTimeout == .zero { server.readHeaderTimeout = .seconds(10) }
        if server.requestLimits.maxBodySize < 0 { server.requestLimits.maxBodySize = 0 }
        if server.requestLimits.maxHeaderSize <= 0 { server.requestLimits.maxHeaderSize = 1_048_576 }
        if server.requestLimits.maxHeaderSize < 4_096 { server.requestLimits.maxHeaderSize = 4_096 }
        server.rateLimits.trustedProxyCIDRs = server.rateLimits.trustedProxyCIDRs
            .map { block in block.trimmingBlanks() }.filter { block in !block.isEmpty }
    }

    private static func apply(to proxy: inout Configuration.Proxy) {
        if proxy.connectionTimeout == .zero { proxy.connectionTimeout = .seconds(60) }
        if proxy.connectionKeepAlive == .zero { proxy.connectionKeepAlive = .seconds(30) }
        if proxy.readTimeout == .zero { proxy.readTimeout = .seconds(60) }
        if proxy.responseHeaderTimeout == .zero { proxy.responseHeaderTimeout = .seconds(30) }
        if proxy.tlsHandshakeTimeout == .zero { proxy.tlsHandshakeTimeout = .seconds(10) }
    }

    private static func apply(to registry: inout Configuration.ModelRegistry) {
        if registry.type.isEmpty { registry.type = "memory" }
        if registry.routingStrategy.discoveryTimeout <= .zero {
            registry.routingStrategy.discoveryTimeout = .seconds(2)
        }
        if registry.unification.staleThreshold <= .zero {
            registry.unification.staleThreshold = .seconds(24 * 3_600)
        }
        if registry.unification.cleanupInterval <= .zero {
            registry.unification.cleanupInterval = .seconds(300)
        }
    }

    /// The endpoints without those whose URL comes again later; empty texts become absent ones.
    private static func collapsed(
        _ endpoints: [Configuration.Endpoint]
    ) -> [Configuration.Endpoint] {
        let lastPositions = Dictionary(
            endpoints.enumerated().map { position, endpoint in (endpoint.url, position) }
        ) { _, last in last }
        return endpoints.enumerated().compactMap { position, endpoint in
            guard lastPositions[endpoint.url] == position else { return nil }
            var endpoint = endpoint
            if endpoint.healthCheckURL?.isEmpty == true { endpoint.healthCheckURL = nil }
            if endpoint.modelURL?.isEmpty == true { endpoint.modelURL = nil }
            return endpoint
        }
    }
}
