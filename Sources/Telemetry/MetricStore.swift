import Domain
public import MetricKernel
import Synchronization

/// All metrics of the process: a recorder for each event loop, one for the control plane, and the
/// lists of endpoints and models that may be label values.
///
/// - Isolation: any thread. The slot methods take locks: call them when the configuration or the
///   fleet changes, never per request.
public final class MetricStore: Sendable {
    /// What a store is made for.
    public struct Configuration: Sendable {
        /// How many event loops record; 1 to 1024, others are brought into that range.
        public var loops: Int
        /// The endpoints' label values, in the order of the configuration.
        public var endpoints: [String]
        /// The client keys' label values; empty when keys are off.
        public var clientKeys: [String]
        /// The most models with a label value of their own at a time; 0 to 4000.
        public var maxModels: Int
        /// Whether time to first token and time per token are split by endpoint too.
        public var splitsModelEndpointPairs: Bool
        /// The histograms that are native ones too, by the names of
        /// ``MetricCatalog/histograms(named:)``; unknown ones are left out.
        public var nativeHistograms: [String] = []
        /// The further sets of names a page shows.
        public var views: Set<MetricView>
        /// The version of this build.
        public var version: String
        /// The source revision of this build.
        public var revision: String
        /// The compiler of this build.
        public var swiftVersion: String

        /// A configuration with the defaults.
        public init(
            loops: Int, endpoints: [String] = [], clientKeys: [String] = [], maxModels: Int = 200,
            splitsModelEndpointPairs: Bool = true, views: Set<MetricView> = [], version: String = "unknown",
            revision: String = "unknown", swiftVersion: String = "unknown"
        ) {
            self.loops = loops
            self.endpoints = endpoints
            self.clientKeys = clientKeys
            self.maxModels = maxModels
            self.splitsModelEndpointPairs = splitsModelEndpointPairs
            self.views = views
            self.version = version
            self.revision = revision
            self.swiftVersion = swiftVersion
        }
    }

    /// The most client keys with a label value of their own.
    public static let clientKeyLimit = 1_000

    /// The catalogue as the kernel keeps it.
    public let schema: MetricSchema
    /// One recorder per event loop, in loop order.
    public let loops: [LoopRecorder]
    /// The recorder of everything that is not on an event loop.
    public let control: ControlRecorder
    private let views: Set<MetricView>
    private let endpoints: LabelRegistry
    private let models: LabelRegistry
    private let clientKeys: LabelRegistry
    /// The newest copy of each loop's shard, for a loop that can't be read.
    private let latest: Mutex<[ShardSnapshot]>

    /// Makes the recorders and the series that exist before anything happens.
    public init(_ configuration: Configuration) {
        let loopCount = min(max(configuration.loops, 1), 1024)
        self.views = configuration.views
        self.endpoints = LabelRegistry(
            reserved: EndpointSlot.reserved, liveLimit: EndpointSet.capacity)
        self.models = LabelRegistry(
            reserved: ModelSlot.reserved, liveLimit: min(max(configuration.maxModels, 0), 4000))
        self.clientKeys = LabelRegistry(
            reserved: ClientKeySlot.reserved, liveLimit: Self.clientKeyLimit)
        let sources = LabelSources(
            endpoints: self.endpoints, models: self.models, clientKeys: self.clientKeys,
            loops: loopCount, configuration: configuration,
            natives: MetricCatalog.histograms(named: configuration.nativeHistograms).found)
        do {
            self.schema = try MetricSchema(families: MetricCatalog.all.map(sources.describe))
        } catch {
            preconditionFailure("the catalogue is inconsistent: \(error)")
        }
        let schema = self.schema
        self.loops = (0..<loopCount).map {
            LoopRecorder(loop: $0, schema: schema, splitsPairs: configuration.splitsModelEndpointPairs)
        }
        self.control = ControlRecorder(schema: schema)
        self.latest = Mutex(Array(repeating: ShardSnapshot(), count: loopCount))
        for name in configuration.endpoints { _ = self.endpointSlot(forName: name) }
        for name in configuration.clientKeys { _ = self.clientKeySlot(forName: name) }
    }
}

// MARK: - Label values

extension MetricStore {
    /// The label value of an endpoint, made if it is new; ``EndpointSlot/other`` when none is free.
    public func endpointSlot(forName name: String) -> EndpointSlot {
        guard let position = self.endpoints.add(name) else { return .other }
        let slot = EndpointSlot(rawValue: position)
        if slot != .other { self.control.endpointKnown(slot) }
        return slot
    }

    /// The label value of a model, made if it is new; ``ModelSlot/other`` when none is free.
    ///
    /// Only for models the catalogue knows: a name out of a request never gets a value of its own.
    public func modelSlot(forID id: String) -> ModelSlot {
        guard !id.isEmpty else { return .none }
        return self.models.add(id).map { ModelSlot(rawValue: $0) } ?? .other
    }

    /// The label value of a client key, made if it is new; ``ClientKeySlot/other`` when none is
    /// free.
    public func clientKeySlot(forName name: String) -> ClientKeySlot {
        self.clientKeys.add(name).map { ClientKeySlot(rawValue: $0) } ?? .other
    }

    /// Takes an endpoint off the page: its series appear once more and then never again.
    public func removeEndpoint(_ name: String) { self.endpoints.remove(name) }

    /// Takes a model off the page: its series appear once more and then never again.
    public func removeModel(_ id: String) { self.models.remove(id) }

    /// Takes a client key off the page: its series appear once more and then never again.
    public func removeClientKey(_ name: String) { self.clientKeys.remove(name) }
}

// MARK: - Scrapes

extension MetricStore {
    /// Reads the shard of a loop that did not answer in time, and counts that.
    ///
    /// Tries 64 undisturbed copies; a loop too busy for any gives the copy of the scrape before, so
    /// a counter never falls.
    public func fallbackCopy(ofLoop loop: Int) -> ShardSnapshot {
        self.control.shardFallbackRead()
        var copy = ShardSnapshot()
        guard self.loops.indices.contains(loop) else { return copy }
        if self.loops[loop].copyFromOutside(attempts: 64, into: &copy) { return copy }
        return self.latest.withLock { $0[loop] }
    }

    /// What a snapshot is made for.
    public enum Purpose: Sendable {
        /// A page for a scraper: series of removed label values are shown for the last time, and
        /// views are added.
        case scrape
        /// An answer with less than the whole page, by a filter or without its body: views are
        /// added, and removed series wait for a whole page to be shown for the last time.
        case excerpt
        /// A look at the numbers that leaves no trace.
        case look
    }

    /// Puts one copy of every loop's shard, in loop order, and the facts of the moment together.
    public func snapshot(
        shards: [ShardSnapshot], facts: ScrapeFacts, for purpose: Purpose = .scrape
    ) -> MetricsSnapshot {
        self.latest.withLock { latest in
            for loop in latest.indices where loop < shards.count { latest[loop] = shards[loop] }
        }
        var control = ShardSnapshot()
        let settings = self.control.copy(into: &control)
        var computed = facts.computedValues(loops: self.loops.count)
        computed += settings
        let refused = (shards + [control]).reduce(0) { $0 &+ $1.refusedSeries }
        computed.append(
            ComputedValue(
                Metric.bugsTotal.family, .init(BugSite.metricShardFull.position),
                value: Int64(clamping: refused)))
        let snapshot = MetricsSnapshot(
            schema: self.schema, shards: shards + [control], computed: computed,
            sampleCountFamily: Metric.metricsSeries.family,
            occasion: .init(
                startTime: facts.process?.startTime.rawValue ?? 0,
                wallTime: facts.wallTime.rawValue, buriesRemoved: purpose == .scrape))
        if purpose == .look { return snapshot }
        for (registry, reason) in [
            (self.endpoints, EvictionReason.endpointRemoved), (self.models, .modelRemoved),
            (self.clientKeys, .keyRemoved),
        ] {
            self.control.seriesEvicted(reason, snapshot.retired[ObjectIdentifier(registry)] ?? 0)
        }
        return self.addingViews(to: snapshot, facts)
    }

    private func addingViews(to snapshot: MetricsSnapshot, _ facts: ScrapeFacts) -> MetricsSnapshot {
        guard !self.views.isEmpty else { return snapshot }
        let reader = SnapshotReader(snapshot)
        var families: [FamilySnapshot] = []
        if self.views.contains(.otel) { families += OTelView.families(reader) }
        if self.views.contains(.olla) { families += OllaView(reader, facts).families() }
        return snapshot.adding(families)
    }

    /// Copies every shard from the calling thread and makes a snapshot of them.
    ///
    /// For a process whose loops have stopped, and for tests; a live gateway asks its loops
    /// instead.
    public func snapshotFromOutside(facts: ScrapeFacts = ScrapeFacts()) -> MetricsSnapshot {
        let shards = self.loops.map { recorder in
            var copy = ShardSnapshot()
            return recorder.copyFromOutside(attempts: 64, into: &copy)
                ? copy : self.latest.withLock { $0[recorder.loop] }
        }
        return self.snapshot(shards: shards, facts: facts)
    }
}

/// Turns the rows of the catalogue into families of one store.
private struct LabelSources {
    let endpoints: LabelRegistry
    let models: LabelRegistry
    let clientKeys: LabelRegistry
    let loops: Int
    let configuration: MetricStore.Configuration
    let natives: Set<Metric>

    func describe(_ row: CatalogRow) -> FamilyDescriptor {
        FamilyDescriptor(
            name: row.name, help: row.help, kind: row.kind, unit: row.unit,
            labels: row.labels.map {
                LabelDescriptor(name: $0.name, domain: self.domain($0.values))
            },
            buckets: row.buckets, isNative: self.natives.contains(row.metric),
            isExported: row.metric.rawValue < Metric.viewAttemptsTotal.rawValue)
    }

    private func domain(_ values: LabelSource.Values) -> LabelDescriptor.Domain {
        switch values {
        case .closed(let list): .closed(list)
        case .endpoints: .registry(self.endpoints)
        case .models: .registry(self.models)
        case .clientKeys: .registry(self.clientKeys)
        case .loops: .closed((0..<self.loops).map { String($0) })
        case .version: .closed([self.text(self.configuration.version)])
        case .revision: .closed([self.text(self.configuration.revision)])
        case .swiftVersion: .closed([self.text(self.configuration.swiftVersion)])
        }
    }

    /// No label value is empty.
    private func text(_ value: String) -> String { value.isEmpty ? "unknown" : value }
}
