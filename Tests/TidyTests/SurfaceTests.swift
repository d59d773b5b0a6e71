import Testing

/// The rows of the contract about headers and errors (http-surface 2 and 3), and those about routes, each with the test that
/// sends bytes and looks at what both sides got.
@Suite("Rows of the HTTP surface")
struct SurfaceTests {
    private typealias Row = (row: String, file: String, test: String)

    private static let routes: [Row] = [
        ("1.1 subtree roots, unclean paths", "ConformanceTests/PathTests.swift", "redirected"),
        ("1.1 no match, 405, OPTIONS *", "ConformanceTests/PathTests.swift", "unknown"),
        ("1.1 letter case, the longest match", "PipelineTests/PathRouterTests.swift", "notFound"),
        ("1.1 HEAD", "ConformanceTests/ConnectionTests.swift", "head"),
        ("1.1 every method on proxy routes", "ConformanceTests/PathTests.swift", "methods"),
        ("1.1 CONNECT", "PipelineTests/PathRouterTests.swift", "serverForms"),
        ("1.2 every JSON route", "ConformanceTests/Surface/RouteShapeTests.swift", "shapes"),
        ("1.2 metrics", "AdminAPITests/ScrapeFormatTests.swift", "formats"),
        ("1.2 Anthropic routes only when enabled", "ConformanceTests/AnthropicTests.swift", "disabled"),
        ("1.3 prefixes", "PipelineTests/PathRouterTests.swift", "providerSubtrees"),
        ("1.3 a hard boundary", "ConformanceTests/RoutingTests.swift", "providers"),
        ("1.4 prefix, query, escapes, dot segments", "ConformanceTests/PathTests.swift", "forwarded"),
        ("1.4 preserve_path", "ConformanceTests/PathTests.swift", "preserved"),
        ("1.4 Anthropic's path and query", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        ("1.5 local routes are not limited", "ConformanceTests/AdmissionTests.swift", "limitsAddresses"),
        ("1.6 text formats", "AdminAPITests/DisplayTextTests.swift", "bytes"),
        ("1.7 values of the status", "AdminAPITests/StatusRoutesTests.swift", "overview"),
        ("1.7 tags, 304, gzip", "ConformanceTests/Surface/RouteShapeTests.swift", "conditional"),
        ("1.7 statistics by model", "AdminAPITests/StatisticsRoutesTests.swift", "models"),
        ("1.7 filters of the listing", "AdminAPITests/ModelRoutesTests.swift", "filters"),
        ("1.7 capability words", "ConformanceTests/Surface/RouteShapeTests.swift", "capabilities"),
        ("1.7 empty pages", "ConformanceTests/Surface/RouteShapeTests.swift", "nothing"),
        ("1.8 refused or allowed", "ConformanceTests/Surface/RouteShapeTests.swift", "management"),
        ("1.8 disguises", "PipelineTests/PathRouterTests.swift", "disguisedManagement"),
        ("1.9 dashboard", "AdminAPITests/DashboardTests.swift", "document"),
    ]

    private static let headers: [Row] = [
        ("2.1 taken or generated, returned, logged, sent on", "ConformanceTests/HeaderTests.swift", "requestID"),
        ("2.1 in Anthropic errors", "ConformanceTests/AnthropicTests.swift", "refusals"),
        ("2.2 copied, duplicates, hop-by-hop, credentials", "ConformanceTests/HeaderTests.swift", "towardsEndpoint"),
        ("2.2 names listed in Connection", "ConformanceTests/HeaderTests.swift", "nominated"),
        ("2.2 Host, Via, X-Forwarded-For", "ConformanceTests/HeaderTests.swift", "towardsEndpoint"),
        ("2.2 X-Real-IP, X-Forwarded-Proto and -Host kept", "ConformanceTests/HeaderTests.swift", "forwarded"),
        ("2.2 no default User-Agent", "ConformanceTests/HeaderTests.swift", "forwarded"),
        ("2.2 X-Proxied-By, product name", "ConformanceTests/HeaderTests.swift", "product"),
        ("2.2 X-Model", "ConformanceTests/RoutingTests.swift", "models"),
        ("2.2 endpoint headers and auth", "ConformanceTests/HeaderTests.swift", "configured"),
        ("2.2 Accept-Encoding on proxy routes", "ConformanceTests/HeaderTests.swift", "product"),
        ("2.2 Accept-Encoding in translation", "ConformanceTests/AnthropicTests.swift", "translation"),
        ("2.2 anthropic-* in passthrough", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        ("2.2 known length", "ConformanceTests/RequestBodyTests.swift", "byLength"),
        ("2.2 unknown length", "ConformanceTests/RequestBodyTests.swift", "chunkedThrough"),
        ("2.2 Expect is consumed", "ConformanceTests/RequestBodyTests.swift", "expectation"),
        ("2.2 client keys stay behind", "ConformanceTests/AdmissionTests.swift", "keys"),
        ("2.2 traceparent", "ConformanceTests/TraceContextTests.swift", "continued"),
        ("2.3 what is dropped, X-Served-By, Via, Date, times", "ConformanceTests/HeaderTests.swift", "towardsClient"),
        ("2.3 X-Olla-Model and routing", "ConformanceTests/RoutingTests.swift", "models"),
        ("2.3 X-Olla-Model of an alias", "ConformanceTests/RoutingTests.swift", "alias"),
        ("2.3 routing of a fallback", "ConformanceTests/StrategyTests.swift", "optimistic"),
        ("2.3 X-Olla-Mode, request-id", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        ("2.3 translated answers are built anew", "ConformanceTests/AnthropicTests.swift", "translation"),
        ("2.3 Retry-After in translation", "ConformanceTests/AnthropicTests.swift", "backendError"),
        ("2.3 sticky sessions", "ConformanceTests/StickyTests.swift", "sources"),
        ("2.3 X-RateLimit-*", "ConformanceTests/AdmissionTests.swift", "saysWhere"),
        ("2.3 X-RateLimit-* of a refusal", "ConformanceTests/AdmissionTests.swift", "limitsAddresses"),
        ("2.3 Content-Encoding is passed through", "ConformanceTests/AnswerBodyTests.swift", "coded"),
        ("2.3 trailers", "ConformanceTests/AnswerBodyTests.swift", "extensions"),
        ("2.3 errors name endpoint and routing", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
    ]

    private static let errors: [Row] = [
        ("3.1 malformed, Host, lengths, codings, Expect, head limit", "ConformanceTests/RefusalTests.swift", "refused"),
        ("3.1 every raw case", "ConformanceTests/Smuggling/SmugglingTests.swift", "replay"),
        ("3.1 slow head", "ConformanceTests/ConnectionTests.swift", "slowHead"),
        ("3.1 no route, wrong method", "ConformanceTests/Surface/ErrorFormTests.swift", "localForms"),
        ("3.2 provider, nothing healthy, 413, 431, 426", "ConformanceTests/ErrorRowTests.swift", "forms"),
        ("3.2 streamed body over the limit", "ConformanceTests/RefusalTests.swift", "bodyLimit"),
        ("3.2 429, 404, 503, 502, 504, 408, 401", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
        ("3.2 certificate", "ConformanceTests/TLSTests.swift", "wrongAuthority"),
        ("3.2 invalid body goes on", "ConformanceTests/RequestBodyTests.swift", "unreadable"),
        ("3.2 4xx and 5xx are passed through", "ConformanceTests/RoutingTests.swift", "lastAnswer"),
        ("3.2 after the first byte", "ConformanceTests/StreamFailureTests.swift", "openAI"),
        ("3.3 reasons and statuses", "RoutingTests/StrategyTests.swift", "decides"),
        ("3.4 local errors", "ConformanceTests/Surface/ErrorFormTests.swift", "localForms"),
        ("3.4 413 on a local route", "ConformanceTests/RefusalTests.swift", "bodyLimit"),
        ("3.5 validation, 404, 413, 405", "ConformanceTests/AnthropicTests.swift", "refusals"),
        ("3.5 no endpoint, no decision", "ConformanceTests/Surface/ErrorFormTests.swift", "nobody"),
        ("3.5 401, 408, 429, 431, 502, 503, 504", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
        ("3.5 backend errors in translation", "ConformanceTests/AnthropicTests.swift", "backendError"),
        ("3.5 unusable answers", "ConformanceTests/AnthropicTests.swift", "unusable"),
        ("3.5 broken streams", "ConformanceTests/AnthropicTests.swift", "brokenStream"),
    ]

    @Test("Every row has its test")
    func table() throws {
        let files = try SourceFile.tests.get()
        for row in Self.routes + Self.headers + Self.errors {
            let file = files.first { $0.path == "Tests/\(row.file)" }
            let found = file?.code.contains { $0.contains("func \(row.test)(") } ?? false
            #expect(found, "\(row.row): \(row.file) has no test \(row.test)")
        }
    }
}
