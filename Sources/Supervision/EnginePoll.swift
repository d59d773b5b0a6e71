import Catalog
import Domain
import Telemetry

/// An engine that can be asked for its load.
struct PolledEngine: Sendable {
    let slot: EndpointSlot
    let metrics: EngineMetrics
}

/// What came of asking an engine for its load.
private enum PollOutcome {
    case load(EngineLoad)
    /// The server offers no such page, as it was started.
    case notOffered
    case failed
    case cancelled
}

extension Supervisor {
    /// How many intervals pass until a server that offers no metrics is asked again.
    private static let patience = 10

    /// Asks the engine for its load again and again, as long as the endpoint is up and its kind tells one.
    ///
    /// Of an endpoint that is down the last figures are taken back: it works on nothing that anybody knows of.
    func pollEngine(_ watch: Watch) async {
        let interval = watch.rules.policy.enginePollInterval
        var shown: (slot: EndpointSlot, load: EngineLoad)?
        var intervals = 1
        while true {
            // A tenth apart, so that many endpoints are not asked at one moment.
            let wait = interval - self.jitter.part(of: Nanoseconds(rawValue: interval.rawValue / 10))
            let due = self.clock.now() + Nanoseconds(rawValue: wait.rawValue * Int64(intervals))
            guard (try? await self.clock.sleep(until: due)) != nil else { return }
            intervals = 1
            guard let engine = await self.fleet.engineToPoll(watch.assignment.key) else {
                if let shown { self.fleet.record { $0.enginePolled(shown.slot, shown.load.takenBack) } }
                shown = nil
                continue
            }
            switch await self.askForLoad(watch, engine.metrics) {
            case .load(let load):
                shown = (engine.slot, load)
                self.fleet.record { $0.enginePolled(engine.slot, load) }
            case .notOffered: intervals = Self.patience
            case .failed: self.fleet.record { $0.enginePollFailed(engine.slot) }
            case .cancelled: return
            }
        }
    }

    private func askForLoad(_ watch: Watch, _ metrics: EngineMetrics) async -> PollOutcome {
        let spec = watch.assignment.spec
        guard let target = try? spec.url.resource(metrics.path) else { return .failed }
        let query = ProbeClient.Query(
            target: target, endpoint: spec.url,
            fields: [
                ("User-Agent", "olla-Discovery/\(watch.rules.policy.version)"),
                ("Accept", "text/plain; version=0.0.4"),
            ],
            endpointFields: spec.probeFields, showsFieldsAbroad: spec.allowsForeignCredentials,
            timeout: spec.health.checkTimeout, body: .keep(bytesMax: EngineLoadReader.bytesMax), extraAttempts: 0,
            backoff: .zero, backoffMax: .zero)
        do throws(ProbeFailure) {
            let answer = try await self.client.ask(query)
            switch answer.status {
            case 200: return EngineLoadReader.read(answer.body, metrics).map { .load($0) } ?? .notOffered
            // llama.cpp without --metrics says 501, the others have no such page or keep it to themselves.
            case 401, 403, 404, 405, 501: return .notOffered
            default: return .failed
            }
        } catch {
            return error == .cancelled ? .cancelled : .failed
        }
    }
}

extension EngineLoad {
    /// Zero where there was a figure.
    fileprivate var takenBack: EngineLoad {
        EngineLoad(
            running: self.running.map { _ in 0 }, waiting: self.waiting.map { _ in 0 },
            kvCacheUsage: self.kvCacheUsage.map { _ in 0 })
    }
}

extension FleetPublisher {
    /// The engine behind an endpoint, if the endpoint is up and its kind tells its load.
    func engineToPoll(_ key: EndpointKey) -> PolledEngine? {
        guard let entry = self.entry(of: key), entry.input.state.isRoutable else { return nil }
        let profile: ProfileIndex? =
            switch entry.input.spec.kind {
            case .profile(let index): index
            case .auto: entry.input.detectedProfile
            }
        guard let profile, let metrics = EngineMetrics(of: self.handle.snapshot.profiles[profile].parser) else {
            return nil
        }
        return PolledEngine(slot: entry.slot, metrics: metrics)
    }
}
