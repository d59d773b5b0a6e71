public import Domain

/// A header field to be sent to an endpoint.
public struct HeaderField: Equatable, Sendable {
    /// The field name as written.
    public var name: String
    /// The field value; may be a secret, never to be logged.
    public var value: String

    /// A field.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// How an endpoint's certificate is verified.
public struct EndpointTrust: Hashable, Sendable {
    /// A PEM file of the authorities to trust instead of the system's; key `tls.ca_file`.
    public var authoritiesFile: String?
    /// Whether any certificate is accepted; key `tls.insecure_skip_verify`.
    public var acceptsAnyCertificate: Bool

    /// The system's authorities, or what is given.
    public init(authoritiesFile: String? = nil, acceptsAnyCertificate: Bool = false) {
        self.authoritiesFile = authoritiesFile
        self.acceptsAnyCertificate = acceptsAnyCertificate
    }
}

/// What the configuration says about one endpoint.
public struct EndpointSpec: Equatable, Sendable {
    /// The name as configured, possibly empty or not unique.
    public var name: String
    /// Where the endpoint is.
    public var url: EndpointURL
    /// `type` as written; echoed in `X-Olla-Backend-Type`.
    public var typeText: String
    /// What ``typeText`` means.
    public var kind: EndpointKind
    /// Higher is preferred by the `priority` balancer; at least 0.
    public var priority: Int
    /// Whether the URL's path is put before the request's.
    public var preservesPath: Bool
    /// What a health check asks for.
    public var healthURL: ResourceURL
    /// Where the models are listed.
    public var modelsURL: ResourceURL
    /// Whether ``modelsURL`` was configured, so that detection must not try others.
    public var hasExplicitModelsURL: Bool
    /// How health is judged.
    public var health: HealthPolicy
    /// Which models are known.
    public var modelFilter: ModelFilter
    /// Sent with every request, health check and model listing.
    public var headers: [HeaderField]
    /// The credential; overrides an equal name in ``headers``.
    public var auth: HeaderField?
    /// `max_concurrent_requests`; 0 means no limit.
    public var maxConcurrentRequests: Int
    /// Whether health checks and model listings on another origin get ``headers`` and ``auth`` too.
    public var allowsForeignCredentials = false
    /// How the certificate of an `https` endpoint is verified.
    public var trust = EndpointTrust()

    /// A spec with the defaults of routing-and-config 1.4.4.
    public init(
        name: String, url: EndpointURL, typeText: String, kind: EndpointKind, priority: Int = 100,
        preservesPath: Bool = false, healthURL: ResourceURL, modelsURL: ResourceURL,
        hasExplicitModelsURL: Bool = false, health: HealthPolicy = .init(), modelFilter: ModelFilter = .everything,
        headers: [HeaderField] = [], auth: HeaderField? = nil, maxConcurrentRequests: Int = 0
    ) {
        self.name = name
        self.url = url
        self.typeText = typeText
        self.kind = kind
        self.priority = priority
        self.preservesPath = preservesPath
        self.healthURL = healthURL
        self.modelsURL = modelsURL
        self.hasExplicitModelsURL = hasExplicitModelsURL
        self.health = health
        self.modelFilter = modelFilter
        self.headers = headers
        self.auth = auth
        self.maxConcurrentRequests = maxConcurrentRequests
    }

    /// A spec whose type, health URL and model URL are resolved with the help of the profiles.
    ///
    /// - Returns: nil for an unknown type.
    /// - Throws: ``EndpointURLError`` for a health or model value that is neither path nor URL.
    public static func resolving(
        name: String, url: EndpointURL, typeText: String, healthValue: String? = nil, modelsValue: String? = nil,
        profiles: ProfileSet
    ) throws(EndpointURLError) -> EndpointSpec? {
        guard let kind = profiles.kind(ofType: typeText) else { return nil }
        var profile: Profile?
        if case .profile(let index) = kind { profile = profiles[index] }
        return EndpointSpec(
            name: name, url: url, typeText: typeText, kind: kind,
            healthURL: try url.resource(healthValue ?? profile?.healthPath ?? "/"),
            modelsURL: try url.resource(modelsValue ?? profile?.modelsPath ?? "/v1/models"),
            hasExplicitModelsURL: modelsValue != nil)
    }
}

/// One endpoint as of one fleet generation.
public final class FleetEndpoint: Sendable {
    /// Its place in the configuration.
    public let index: EndpointIndex
    /// What the configuration says.
    public let spec: EndpointSpec
    /// The public id (http-surface 1.7).
    public let id: String
    /// The `endpoint` label: the name, else host and port; never empty, unique in the fleet.
    public let label: String
    /// The label's place among the metrics; opaque here.
    public let metricSlot: UInt16
    /// What every loop shares about it.
    public let live: EndpointLive
    /// What health checks say.
    public let state: EndpointState
    /// The profile in use: the configured one, or the one that was detected; nil while undetected.
    public let profile: ProfileIndex?
    /// Its models as last listed, whether or not it is up.
    public let models: [DiscoveredModel]

    init(index: EndpointIndex, input: FleetBuilder.Input, id: String, label: String) {
        self.index = index
        self.spec = input.spec
        self.id = id
        self.label = label
        self.metricSlot = input.metricSlot
        self.live = input.live
        self.state = input.state
        if case .profile(let configured) = input.spec.kind {
            self.profile = configured
        } else {
            self.profile = input.detectedProfile
        }
        self.models = input.models
    }
}
