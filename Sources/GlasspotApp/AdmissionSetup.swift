import Domain
import Pipeline
import Settings

extension Admission {
    /// The rules of a configuration; nil when it lets everybody in.
    ///
    /// What clients have used up under the configuration before stays used up.
    ///
    /// - Throws: ``StartFailure`` for a key without a value: leaving it out could open the gateway.
    convenience init?(_ settings: Configuration.Server, following previous: Admission?) throws {
        let limits = settings.rateLimits
        var rules = Rules()
        rules.global = BucketRate(perMinute: limits.globalRequestsPerMinute, burst: limits.burstSize)
        rules.client = BucketRate(perMinute: limits.perIPRequestsPerMinute, burst: limits.burstSize)
        rules.clientPerMinute = max(0, limits.perIPRequestsPerMinute)
        if limits.limitHealth {
            rules.health = BucketRate(perMinute: limits.healthRequestsPerMinute, burst: limits.burstSize)
        }
        if limits.trustProxyHeaders {
            rules.trusted = TrustedPeers(limits.trustedProxyCIDRs.compactMap { NetworkBlock($0) })
        }
        rules.keys = try settings.auth.keys.map { try ClientKey($0) }
        rules.keyHeader = Array((settings.auth.header ?? "").lowercased().utf8)
        guard !rules.isEmpty else { return nil }
        self.init(rules, seed: .random(in: .min ... .max), following: previous)
    }
}

extension ClientKey {
    /// A key of a validated configuration; its value is forgotten here.
    init(_ key: Configuration.ClientKey) throws {
        let digest: KeyDigest
        if let text = key.sha256 {
            guard let known = KeyDigest(hexadecimal: text) else {
                throw StartFailure("client key \"\(key.name)\": sha256 must be 64 hexadecimal digits")
            }
            digest = known
        } else {
            guard let value = key.value, !value.isEmpty else {
                throw StartFailure("client key \"\(key.name)\": no value")
            }
            let bytes = Array(value.reveal().utf8)
            digest = KeyDigest(of: bytes.span.bytes)
        }
        self.init(
            name: key.name, digest: digest, requestsPerMinute: key.requestsPerMinute,
            tokensPerMinute: key.tokensPerMinute)
    }
}

extension CORSPolicy {
    /// The rules of a validated configuration; nil when answers say nothing to other origins.
    init?(_ settings: Configuration.CORS) {
        guard settings.enabled else { return nil }
        self.init(
            origins: settings.allowedOrigins, methods: settings.allowedMethods, headers: settings.allowedHeaders,
            exposed: settings.exposedHeaders, allowsCredentials: settings.allowCredentials, maxAge: settings.maxAge)
    }
}
