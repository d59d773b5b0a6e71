import Exposition
import Testing

@Suite struct NegotiationTests {
    typealias Syntax = ExpositionFormat.Syntax

    static let protobuf =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
        + "encoding=delimited"

    /// `Accept` headers and what they choose when every format can be rendered.
    static let all: [(String?, Syntax, ExpositionFormat.Escaping)] = [
        (nil, .text004, .underscores),
        ("", .text004, .underscores),
        ("*/*", .text004, .underscores),
        ("text/*", .text004, .underscores),
        ("text/plain", .text004, .underscores),
        ("text/plain;version=0.0.4", .text004, .underscores),
        ("text/plain; version=\"0.0.4\"", .text004, .underscores),
        ("TEXT/Plain;VERSION=0.0.4;Q=0.5", .text004, .underscores),
        ("text/plain;version=1.0.0", .text100, .underscores),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", .text100, .allowUTF8),
        ("text/plain;version=1.0.0;escaping=dots", .text100, .dots),
        ("text/plain;version=1.0.0;escaping=values", .text100, .values),
        ("text/plain;version=1.0.0;escaping=underscores", .text100, .underscores),
        ("text/plain;version=1.0.0;escaping=garbage", .text100, .underscores),
        ("text/plain;version=9", .text004, .underscores),
        ("application/openmetrics-text", .openMetrics001, .underscores),
        ("application/openmetrics-text;version=0.0.1", .openMetrics001, .underscores),
        ("application/openmetrics-text;version=1.0.0", .openMetrics100, .underscores),
        ("application/openmetrics-text;version=1.0.0;escaping=dots", .openMetrics100, .dots),
        ("application/openmetrics-text;version=2.0.0", .openMetrics200, .underscores),
        ("application/openmetrics-text;version=3.0.0", .text004, .underscores),
        (
            "application/openmetrics-text;version=3.0.0,text/plain;version=1.0.0", .text100,
            .underscores
        ),
        (NegotiationTests.protobuf, .protobuf, .underscores),
        (NegotiationTests.protobuf + ";escaping=values", .protobuf, .values),
        ("application/vnd.google.protobuf", .text004, .underscores),
        ("application/vnd.google.protobuf;proto=other;encoding=delimited", .text004, .underscores),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            .text004, .underscores
        ),
        ("application/json", .text004, .underscores),
        ("application/json,*/*;q=0.1", .text004, .underscores),
        ("garbage", .text004, .underscores),
        (";;;,,,===", .text004, .underscores),
        (",,application/openmetrics-text,,", .openMetrics001, .underscores),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.6", .text004, .underscores),
        ("application/openmetrics-text;q=0.6,text/plain;q=0.5", .openMetrics001, .underscores),
        ("text/plain;q=0.6,application/openmetrics-text;q=0.5", .text004, .underscores),
        ("text/plain,application/openmetrics-text", .text004, .underscores),
        ("application/openmetrics-text,text/plain", .openMetrics001, .underscores),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.5", .text004, .underscores),
        ("application/openmetrics-text;q=0", .text004, .underscores),
        (
            "application/openmetrics-text;q=0.0,text/plain;version=1.0.0;q=0.1", .text100,
            .underscores
        ),
        ("text/plain;version=1.0.0;q=0.000", .text004, .underscores),
        ("text/plain;version=1.0.0;q=0.001", .text100, .underscores),
        ("text/plain;version=1.0.0;q=0.0001", .text004, .underscores),
        ("text/plain;version=1.0.0;q=2", .text100, .underscores),
        ("text/plain;version=1.0.0;q=2,application/openmetrics-text;q=1", .text100, .underscores),
        ("text/plain;version=1.0.0;q=", .text004, .underscores),
        ("text/plain;version=1.0.0;q=x", .text004, .underscores),
        ("text/plain;version=1.0.0;q=-1", .text004, .underscores),
        ("text/plain;version=1.0.0;q=1.2.3", .text004, .underscores),
        ("text/plain;version=1.0.0;q=.5", .text004, .underscores),
        ("text/plain;version=1.0.0;q=1.", .text100, .underscores),
        ("text/plain;version=1.0.0;q", .text004, .underscores),
        (
            "text/plain;version=1.0.0 ; q=0.9 , application/openmetrics-text;q=0.8", .text100,
            .underscores
        ),
        ("text/plain;version=\"1.0.0", .text004, .underscores),
        ("text/plain;note=\"a,b;c\";version=1.0.0", .text100, .underscores),
        ("text/plain;version=1.0.0;;", .text100, .underscores),
        ("text /plain;version=1.0.0", .text004, .underscores),
        ("\u{9}text/plain;\u{9}version=1.0.0", .text100, .underscores),
        (
            "application/openmetrics-text;q=0,application/openmetrics-text,"
                + "text/plain;version=1.0.0;q=0.5",
            .text100, .underscores
        ),
        // What Prometheus 2.42 and 3.14 send.
        (
            "application/openmetrics-text;version=1.0.0,"
                + "application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            .openMetrics100, .underscores
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "application/openmetrics-text;version=0.0.1;q=0.5,"
                + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            .openMetrics100, .allowUTF8
        ),
        (
            NegotiationTests.protobuf + ";escaping=allow-utf-8;q=0.7,"
                + "application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.2",
            .protobuf, .allowUTF8
        ),
    ]

    @Test(arguments: Self.all)
    func theFirstServedRangeByWeightWins(
        accept: String?, syntax: Syntax, escaping: ExpositionFormat.Escaping
    ) {
        let format = ExpositionFormat.negotiate(accept: accept, served: Set(Syntax.allCases))
        #expect(format == ExpositionFormat(syntax, escaping: escaping))
    }

    @Test func theTableHasAtLeastSixtyCases() { #expect(Self.all.count >= 60) }

    @Test(arguments: Self.all)
    func whatCannotBeRenderedIsNeverChosen(
        accept: String?, syntax: Syntax, escaping: ExpositionFormat.Escaping
    ) {
        let format = ExpositionFormat.negotiate(accept: accept)
        #expect(ExpositionFormat.stable.contains(format.syntax))
    }

    @Test func prometheusGetsTheBestTextThereIs() {
        let accept =
            "application/openmetrics-text;version=1.0.0;q=0.6,"
            + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3"
        #expect(
            ExpositionFormat.negotiate(accept: accept).contentType
                == "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                + "escaping=underscores")
        #expect(
            ExpositionFormat.negotiate(accept: nil).contentType
                == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test func aHeaderOfThousandsOfRangesIsCutShort() {
        let many = Array(repeating: "application/json", count: 5_000).joined(separator: ",")
        let format = ExpositionFormat.negotiate(accept: many + ",text/plain;version=1.0.0")
        #expect(format.syntax == .text004)
    }

    @Test(
        arguments: [
            (.text004, "text/plain; version=0.0.4; charset=utf-8"),
            (.text100, "text/plain; version=1.0.0; charset=utf-8; escaping=dots"),
            (.openMetrics001, "application/openmetrics-text; version=0.0.1; charset=utf-8"),
            (
                .openMetrics100,
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots"
            ),
            (
                .openMetrics200,
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=dots"
            ),
            (
                .protobuf,
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                    + "encoding=delimited; escaping=dots"
            ),
        ] as [(Syntax, String)])
    func everyFormatHasItsContentType(syntax: Syntax, contentType: String) {
        #expect(ExpositionFormat(syntax, escaping: .dots).contentType == contentType)
    }

    @Test(
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip),
            ("identity", .identity), ("*", .gzip), ("*;q=0", .identity), ("gzip;q=0", .identity),
            ("gzip;q=0,*", .identity), ("*,gzip;q=0.000", .identity), ("gzip;q=0.001", .gzip),
            ("deflate, gzip;q=0.5, br", .gzip), ("deflate, br, zstd", .identity),
            ("gzip;q=x", .identity),
            ("identity;q=0, *;q=0.1", .gzip), ("*;q=0, gzip", .gzip), ("gzipped", .identity),
        ] as [(String?, ContentCoding)])
    func gzipIsUsedOnlyWhenItIsAccepted(header: String?, coding: ContentCoding) {
        #expect(ContentCoding.negotiate(acceptEncoding: header) == coding)
    }
}
