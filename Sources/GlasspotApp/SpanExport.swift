import Domain
import Foundation
import Journal
import NIOCore
import Settings
import Telemetry
import TraceExport

/// The export of spans, when the configuration names a collector: a queue for each loop and the service that empties
/// them.
struct SpanExport: Sendable {
    /// One queue for each loop; empty when nothing is exported.
    let queues: [SpanQueue]
    /// Chooses which traces are recorded; nil when nothing is exported.
    let sampler: TraceSampler?
    /// Sends the spans; nil when nothing is exported.
    let exporter: SpanExporter?

    /// The export that a configuration asks for.
    ///
    /// - Parameters:
    ///   - settings: the section `tracing`.
    ///   - loops: the number of event loops, which share the bound of the queue.
    ///   - group: where the connection to the collector lives.
    ///   - control: where spans are counted that were not delivered.
    ///   - logbook: where trouble with the collector is told.
    /// - Throws: ``StartFailure`` when the collector's URL cannot be used.
    init(
        _ settings: Configuration.Tracing, loops: Int, group: any EventLoopGroup, control: ControlRecorder,
        logbook: Logbook
    ) throws {
        guard let text = settings.endpoint else {
            (self.queues, self.sampler, self.exporter) = ([], nil, nil)
            return
        }
        let endpoint: EndpointURL
        do {
            endpoint = try EndpointURL(text)
        } catch {
            throw StartFailure("tracing.otlp.endpoint: \(error.message)")
        }
        let queues = (0..<loops).map { _ in SpanQueue(capacity: settings.queue / loops) }
        self.queues = queues
        self.sampler = TraceSampler(ratio: settings.sampleRatio)
        self.exporter = SpanExporter(
            queues: queues, policy: .init(timeout: settings.timeout), version: Version.number,
            instance: UUID().uuidString.lowercased(), lost: { control.spansDropped(.exportFailed, count: $0) },
            makeSender: { CollectorClient(endpoint: endpoint, eventLoopGroup: group, version: Version.number) },
            events: { event in
                switch event {
                case .failing(let reason):
                    logbook.log(
                        .warn, "Spans cannot be exported; the lost ones are counted in trace_spans_dropped_total",
                        [("endpoint", .string(endpoint.sanitised)), ("error", .string(reason))])
                case .recovered:
                    logbook.log(.info, "Spans are exported again", [("endpoint", .string(endpoint.sanitised))])
                }
            })
    }
}
