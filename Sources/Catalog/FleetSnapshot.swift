public import Domain

/// Everything routing and listings need to know about the fleet, as of one moment; never changed.
///
/// Changes are made by building another snapshot (``FleetBuilder``) and publishing it (``FleetHandle``). What must be
/// seen sooner is in each endpoint's ``EndpointLive``.
///
/// - Isolation: immutable, shared by everyone.
/// - Bounds: ``EndpointSet/capacity`` endpoints, ``FleetBuilder/modelsMax`` models. Look-ups allocate nothing.
@safe
public final class FleetSnapshot: Sendable {
    /// Grows with every published snapshot.
    public let generation: UInt64
    /// Which configuration it was built from; see ``FleetBuilder/revision``.
    public let revision: UInt32
    /// What else belongs to that configuration; see ``FleetBuilder/attachment``.
    public let attachment: (any AnyObject & Sendable)?
    /// The profiles in force.
    public let profiles: ProfileSet
    /// The endpoints in configuration order; ``EndpointIndex`` is the position.
    public let endpoints: [FleetEndpoint]
    /// The models, sorted by id.
    public let models: [ModelRecord]
    /// The aliases as configured.
    public let aliases: [ModelAlias]
    /// Models that found no room in the table; not 0 is worth a warning.
    public let droppedModelCount: Int

    /// Endpoints that may be given requests.
    public let routable: EndpointSet
    /// Endpoints in state `healthy`.
    public let healthy: EndpointSet
    /// Endpoints in state `busy`.
    public let busy: EndpointSet
    /// Endpoints in state `warming`.
    public let warming: EndpointSet
    /// Endpoints whose type is `auto`: they fit every route and path.
    public let undetermined: EndpointSet
    /// Endpoints with a limit on concurrent requests.
    public let limited: EndpointSet
    /// The endpoints of each priority, highest priority first.
    public let priorityTiers: [EndpointSet]

    // Kept alive by `endpoints`. Counting references would cost two contended atomic operations for every endpoint that
    // a selection looks at: with 100 endpoints a pick then takes more than 1 µs instead of 0.4 µs.
    @usableFromInline let lives: [Unmanaged<EndpointLive>]
    @usableFromInline let limits: [Int]
    @usableFromInline let identities: [UInt64]
    @usableFromInline let routeSets: [EndpointSet]
    @usableFromInline let openAISet: EndpointSet
    @usableFromInline let modelTable: NameTable
    // For each key of the table the record it means: a model, or behind the models a shared name.
    @usableFromInline let keyRecords: [UInt32]
    let sharedNames: [ModelRecord]
    @usableFromInline let modelSets: [EndpointSet]
    @usableFromInline let aliasTable: NameTable
    @usableFromInline let aliasSets: [EndpointSet]
    // For each alias a row of one entry per endpoint: model position + 1, or 0.
    @usableFromInline let aliasTargets: [UInt32]
    let pathSets: PathSets

    init(generation: UInt64, builder: FleetBuilder, parts: FleetBuilder.Parts) {
        self.generation = generation
        self.revision = builder.revision
        self.attachment = builder.attachment
        self.profiles = builder.profiles
        self.endpoints = parts.endpoints
        self.models = parts.models
        self.aliases = parts.aliases
        self.droppedModelCount = parts.droppedModelCount
        var routable = EndpointSet()
        var healthy = EndpointSet()
        var busy = EndpointSet()
        var warming = EndpointSet()
        var undetermined = EndpointSet()
        var limited = EndpointSet()
        for endpoint in parts.endpoints {
            if endpoint.state.isRoutable { routable.insert(endpoint.index) }
            if endpoint.state == .healthy { healthy.insert(endpoint.index) }
            if endpoint.state == .busy { busy.insert(endpoint.index) }
            if endpoint.state == .warming { warming.insert(endpoint.index) }
            if endpoint.spec.kind == .auto { undetermined.insert(endpoint.index) }
            if endpoint.spec.maxConcurrentRequests > 0 { limited.insert(endpoint.index) }
        }
        self.routable = routable
        self.healthy = healthy
        self.busy = busy
        self.warming = warming
        self.undetermined = undetermined
        self.limited = limited
        self.priorityTiers = parts.priorityTiers
        unsafe self.lives = parts.endpoints.map { unsafe Unmanaged.passUnretained($0.live) }
        self.limits = parts.endpoints.map(\.spec.maxConcurrentRequests)
        self.identities = parts.endpoints.map { FNV1a.hash($0.id) }
        self.routeSets = parts.routeSets
        self.openAISet = parts.openAISet
        self.modelTable = NameTable(keys: parts.modelKeys)
        self.keyRecords = parts.keyRecords
        self.sharedNames = parts.sharedNames
        self.modelSets = (parts.models + parts.sharedNames).map(\.endpoints)
        self.aliasTable = NameTable(keys: parts.aliasKeys)
        self.aliasSets = parts.aliasSets
        self.aliasTargets = parts.aliasTargets
        self.pathSets = PathSets(profiles: builder.profiles, endpoints: parts.endpoints)
    }

    /// An endpoint by its place, or nil for an index of another generation.
    @inlinable
    public subscript(index: EndpointIndex) -> FleetEndpoint? {
        Int(index.rawValue) < self.endpoints.count ? self.endpoints[Int(index.rawValue)] : nil
    }

    /// The place of the endpoint that shares `live` with the loops, or nil when it left the configuration.
    ///
    /// Looks at every endpoint: not for the data path.
    public func index(of live: EndpointLive) -> EndpointIndex? {
        self.endpoints.first { $0.live === live }?.index
    }

    /// A model by its place.
    ///
    /// For a name that several models share it has the listings of all of them.
    public subscript(index: ModelIndex) -> ModelRecord {
        let position = Int(index.rawValue)
        return position < self.models.count ? self.models[position] : self.sharedNames[position - self.models.count]
    }

    // MARK: Models

    /// The model a name stands for.
    ///
    /// White space around it, ASCII letter case and the tag `latest` do not matter. Allocates nothing.
    @inlinable
    public func model(named name: Span<UInt8>) -> ModelIndex? {
        self.modelTable.position(of: name).map { ModelIndex(rawValue: self.keyRecords[$0]) }
    }

    /// The alias a name stands for.
    ///
    /// It is compared like model names. Allocates nothing.
    @inlinable
    public func alias(named name: Span<UInt8>) -> AliasIndex? {
        self.aliasTable.position(of: name).map { AliasIndex(rawValue: UInt32($0)) }
    }

    /// Every endpoint that has a model, up or down.
    @inlinable
    public func endpoints(of model: ModelIndex) -> EndpointSet { self.modelSets[Int(model.rawValue)] }

    /// Every endpoint that has one of an alias's models, up or down.
    @inlinable
    public func endpoints(of alias: AliasIndex) -> EndpointSet { self.aliasSets[Int(alias.rawValue)] }

    /// The model an alias means on an endpoint.
    @inlinable
    public func model(of alias: AliasIndex, on endpoint: EndpointIndex) -> ModelIndex? {
        let entry = self.aliasTargets[Int(alias.rawValue) * self.limits.count + Int(endpoint.rawValue)]
        return entry == 0 ? nil : ModelIndex(rawValue: entry - 1)
    }

    // MARK: Routes and paths

    /// The endpoints that fit a provider route, up or down, those of type `auto` included.
    ///
    /// None for a route of another configuration that had more of them.
    @inlinable
    public func endpoints(of route: ProviderRoute) -> EndpointSet {
        Int(route.rawValue) < self.routeSets.count ? self.routeSets[Int(route.rawValue)] : EndpointSet()
    }

    /// The endpoints whose profile speaks the OpenAI API, those of type `auto` included.
    @inlinable
    public var openAICompatible: EndpointSet { self.openAISet }

    /// The endpoints whose profile lists a path, or nil when no profile does.
    ///
    /// Profiles that list the path exactly come first; failing these, those that list a suffix of it.
    public func endpoints(listing path: Span<UInt8>) -> EndpointSet? { self.pathSets.endpoints(listing: path) }

    /// The endpoints whose profile lists exactly this path, or nil when no profile does.
    public func endpoints(listingExactly path: Span<UInt8>) -> EndpointSet? {
        self.pathSets.endpoints(listingExactly: path)
    }

    // MARK: What all loops share

    /// Whether nothing but its load speaks against choosing an endpoint of this snapshot.
    @inlinable
    public func isSelectable(_ index: EndpointIndex, at now: MonotonicTime) -> Bool {
        unsafe self.lives[Int(index.rawValue)]._withUnsafeGuaranteedRef { $0.isSelectable(at: now) }
    }

    /// Attempts that are running on an endpoint of this snapshot.
    @inlinable
    public func active(_ index: EndpointIndex) -> Int {
        unsafe self.lives[Int(index.rawValue)]._withUnsafeGuaranteedRef { $0.active }
    }

    /// `max_concurrent_requests` of an endpoint of this snapshot; 0 means none.
    @inlinable
    public func limit(_ index: EndpointIndex) -> Int { self.limits[Int(index.rawValue)] }

    /// What attempts have lately found out about an endpoint of this snapshot.
    @inlinable
    public func withExperience<Result>(
        of index: EndpointIndex, _ body: (borrowing EndpointExperience) -> Result
    ) -> Result {
        unsafe self.lives[Int(index.rawValue)]._withUnsafeGuaranteedRef { body($0.experience) }
    }

    /// A hash of the endpoint's public id: the same on every replica and in every generation.
    @inlinable
    public func identity(_ index: EndpointIndex) -> UInt64 { self.identities[Int(index.rawValue)] }

    /// What all loops share about an endpoint of this snapshot.
    @inlinable
    public func live(_ index: EndpointIndex) -> EndpointLive {
        unsafe self.lives[Int(index.rawValue)].takeUnretainedValue()
    }
}

/// Which endpoints list which request path.
struct PathSets: Sendable {
    // The i-th path is bytes[bounds[i] ..< bounds[i + 1]].
    private let bytes: [UInt8]
    private let bounds: [Int]
    private let sets: [EndpointSet]

    init(profiles: ProfileSet, endpoints: [FleetEndpoint]) {
        var holders: [String: Set<String>] = [:]
        for profile in profiles.profiles {
            for path in profile.paths { holders[path, default: []].insert(profile.name) }
        }
        var bytes: [UInt8] = []
        var bounds = [0]
        var sets: [EndpointSet] = []
        for (path, names) in holders.sorted(by: { $0.key < $1.key }) {
            bytes.append(contentsOf: path.utf8)
            bounds.append(bytes.count)
            sets.append(Self.endpoints(ofProfiles: names, profiles: profiles, among: endpoints))
        }
        self.bytes = bytes
        self.bounds = bounds
        self.sets = sets
    }

    // Where openai-compatible lists a path, Ollama and LM Studio are taken to serve it too, and `auto` serves all.
    private static func endpoints(
        ofProfiles names: Set<String>, profiles: ProfileSet, among endpoints: [FleetEndpoint]
    ) -> EndpointSet {
        var names = names
        if names.contains("openai-compatible") { names.formUnion(["ollama", "lm-studio"]) }
        var set = EndpointSet()
        for endpoint in endpoints {
            switch endpoint.spec.kind {
            case .auto: set.insert(endpoint.index)
            case .profile(let index):
                if names.contains(profiles[index].name) { set.insert(endpoint.index) }
            }
        }
        return set
    }

    func endpoints(listing path: Span<UInt8>) -> EndpointSet? {
        var suffixes: EndpointSet?
        for position in self.sets.indices {
            let begin = self.bounds[position]
            let count = self.bounds[position + 1] - begin
            guard count <= path.count, self.isSuffix(of: path, begin: begin, count: count) else { continue }
            if count == path.count { return self.sets[position] }
            suffixes = suffixes?.union(self.sets[position]) ?? self.sets[position]
        }
        return suffixes
    }

    func endpoints(listingExactly path: Span<UInt8>) -> EndpointSet? {
        for position in self.sets.indices {
            let begin = self.bounds[position]
            let count = self.bounds[position + 1] - begin
            if count == path.count, self.isSuffix(of: path, begin: begin, count: count) { return self.sets[position] }
        }
        return nil
    }

    // From the end: paths differ there soonest.
    private func isSuffix(of path: Span<UInt8>, begin: Int, count: Int) -> Bool {
        var offset = 1
        while offset <= count {
            if self.bytes[begin + count - offset] != path[path.count - offset] { return false }
            offset += 1
        }
        return true
    }
}
