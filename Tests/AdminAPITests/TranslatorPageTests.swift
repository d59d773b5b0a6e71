import Domain
import Pipeline
import Telemetry
import Testing

@testable import AdminAPI

@Suite("The statistics of translators")
struct TranslatorPageTests {
    @Test("name no translator before its first request")
    func empty() {
        let page = TranslatorPage(entries: [("anthropic", .init())], now: .zero)
        let text = String(decoding: page.document.bytes, as: UTF8.self)
        #expect(text.contains(#""translators":[]"#))
        #expect(
            text.contains(
                #""total_translators":1,"active_translators":0,"total_requests":0,"overall_success_rate":"0%""#))
    }

    @Test("tell modes, streams, reasons and times")
    func figures() {
        let tally = TranslatorTally()
        tally.finished(.passthrough, isOK: true, isStream: true, duration: .milliseconds(100), fallback: nil)
        tally.finished(
            .translate, isOK: true, isStream: false, duration: .milliseconds(300), fallback: .noCompatibleEndpoints)
        tally.finished(.translate, isOK: false, isStream: false, duration: .seconds(9), fallback: .cannotPassthrough)
        let page = TranslatorPage(entries: [("anthropic", tally.figures)], now: .zero)
        let text = String(decoding: page.document.bytes, as: UTF8.self)
        let entry = [
            #"{"translator_name":"anthropic","total_requests":3,"successful_requests":2,"failed_requests":1,"#,
            #""success_rate":"66.7%","passthrough_requests":1,"translation_requests":2,"passthrough_rate":"33.3%","#,
            #""streaming_requests":1,"non_streaming_requests":2,"fallback_no_compatible_endpoints":1,"#,
            #""fallback_translator_does_not_support_passthrough":0,"fallback_cannot_passthrough":1,"#,
            #""average_latency":"200ms"}"#,
        ]
        #expect(text.contains(entry.joined()))
        #expect(
            text.contains(
                #""total_passthrough":1,"total_translations":2,"overall_passthrough_rate":"33.3%","total_streaming":1,"total_non_streaming":2"#
            ))
    }
}
