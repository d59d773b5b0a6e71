import Exposition
import MetricKernel
import Telemetry

/// The copy of a shard that its loop makes for a scrape.
final class ShardCopy: Workload {
    let name = "shard copied"
    let note: String
    /// What a scrape may take of a loop in one go (telemetry.md 5.5).
    let limit: Double? = 1_000_000
    private let recorder: LoopRecorder
    private var snapshot = ShardSnapshot()

    init(_ site: TypicalSite) {
        self.recorder = site.recorder
        self.recorder.copy(into: &self.snapshot)
        self.note = "typical site, \(self.snapshot.byteCount / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds { self.recorder.copy(into: &self.snapshot) }
    }
}

/// The copies of two shards merged and sorted, for any format.
final class SnapshotMerge: Workload {
    let name = "snapshot of two shards"
    let note: String
    let isOnDataPath = false
    private let site: TypicalSite
    private let shards: [ShardSnapshot]
    private var sampleCount = 0

    init(_ site: TypicalSite) {
        self.site = site
        self.shards = site.shards()
        self.note = "\(site.snapshot(of: self.shards).sampleCount) samples"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds { self.sampleCount = self.site.snapshot(of: self.shards).sampleCount }
    }

    func complaint() -> String? { self.sampleCount > 0 ? nil : "nothing was merged" }
}

/// The page of a snapshot in one format.
final class PageRender: Workload {
    let name: String
    let note: String
    let isOnDataPath = false
    private let format: ExpositionFormat
    private let snapshot: MetricsSnapshot
    private var bytes: [UInt8] = []

    init(_ site: TypicalSite, _ format: (word: String, syntax: ExpositionFormat.Syntax)) {
        self.name = "metrics page in \(format.word)"
        self.format = ExpositionFormat(format.syntax)
        self.snapshot = site.snapshot(of: site.shards())
        self.bytes = self.format.render(self.snapshot)
        self.note = "\(self.bytes.count / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds {
            self.bytes.removeAll(keepingCapacity: true)
            self.format.render(self.snapshot, into: &self.bytes)
        }
    }
}

/// The metrics page compressed.
final class PageCompression: Workload {
    let name = "metrics page compressed"
    let note: String
    let isOnDataPath = false
    private let page: [UInt8]
    private var failures = 0

    init(_ site: TypicalSite) {
        self.page = ExpositionFormat(.text004).render(site.snapshot(of: site.shards()))
        let size = (try? Gzip.compress(self.page).count) ?? 0
        self.note = "\(self.page.count / 1024) KiB to \(size / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds where (try? Gzip.compress(self.page)) == nil { self.failures += 1 }
    }

    func complaint() -> String? { self.failures == 0 ? nil : "compression failed" }
}
