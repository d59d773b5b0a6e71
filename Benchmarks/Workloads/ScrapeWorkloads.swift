import Exposition
import MetricKernel
import Telemetry

/// The copy of a shard that its loop makes for a scrape.
final class ShardCopy: Workload {
    let name = "shard copied"
    let note: String
    private let recorder: LoopRecorder
    private var snapshot = ShardSnapshot()

    init(_ instruments: Instruments) {
        self.recorder = instruments.recorder
        self.recorder.copy(into: &self.snapshot)
        self.note = "\(self.snapshot.byteCount / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds { self.recorder.copy(into: &self.snapshot) }
    }
}

/// The metrics page out of a loop's shard: merged, sorted, written.
final class PageRender: Workload {
    let name = "metrics page made"
    let note: String
    let isOnDataPath = false
    private let store: MetricStore
    private var bytes: [UInt8] = []

    init(_ instruments: Instruments) {
        self.store = instruments.store
        TextRenderer.render(self.store.snapshotFromOutside(), into: &self.bytes)
        self.note = "\(self.bytes.count / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds {
            self.bytes.removeAll(keepingCapacity: true)
            TextRenderer.render(self.store.snapshotFromOutside(), into: &self.bytes)
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

    init(_ instruments: Instruments) {
        self.page = TextRenderer.render(instruments.store.snapshotFromOutside())
        let size = (try? Gzip.compress(self.page).count) ?? 0
        self.note = "\(self.page.count / 1024) KiB to \(size / 1024) KiB"
    }

    func run(rounds: Int) {
        for _ in 0..<rounds where (try? Gzip.compress(self.page)) == nil { self.failures += 1 }
    }

    func complaint() -> String? { self.failures == 0 ? nil : "compression failed" }
}
