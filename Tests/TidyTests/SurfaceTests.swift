import Testing

/// The rows of the contract about headers and errors (http-surface 2 and 3), and those about routes, each with the test that
/// sends bytes and looks at what both sides got.
@Suite("Rows of the HTTP surface")
struct SurfaceTests {
    private static let routes: [ContractRow] = [
        .init("1.1 subtree roots, unclean paths", "ConformanceTests/PathTests.swift", "redirected"),
        .init("1.1 no match, 405, OPTIONS *", "ConformanceTests/PathTests.swift", "unknown"),
        .init("1.1 letter case, the longest match", "PipelineTests/PathRouterTests.swift", "notFound"),
        .init("1.1 HEAD", "ConformanceTests/ConnectionTests.swift", "head"),
        .init("1.1 every method on proxy routes", "ConformanceTests/PathTests.swift", "methods"),
        .init("1.1 CONNECT", "PipelineTests/PathRouterTests.swift", "serverForms"),
        .init("1.2 every JSON route", "ConformanceTests/Surface/RouteShapeTests.swift", "shapes"),
        .init("1.2 metrics", "AdminAPITests/ScrapeFormatTests.swift", "formats"),
        .init("1.2 Anthropic routes only when enabled", "ConformanceTests/AnthropicTests.swift", "disabled"),
        .init("1.3 prefixes", "PipelineTests/PathRouterTests.swift", "providerSubtrees"),
        .init("1.3 a hard boundary", "ConformanceTests/RoutingTests.swift", "providers"),
        .init("1.4 prefix, query, escapes, dot segments", "ConformanceTests/PathTests.swift", "forwarded"),
        .init("1.4 preserve_path", "ConformanceTests/PathTests.swift", "preserved"),
        .init("1.4 Anthropic's path and query", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        .init("1.5 local routes are not limited", "ConformanceTests/AdmissionTests.swift", "limitsAddresses"),
        .init("1.6 text formats", "AdminAPITests/DisplayTextTests.swift", "bytes"),
        .init("1.7 values of the status", "AdminAPITests/StatusRoutesTests.swift", "overview"),
        .init("1.7 tags, 304, gzip", "ConformanceTests/Surface/RouteShapeTests.swift", "conditional"),
        .init("1.7 statistics by model", "AdminAPITests/StatisticsRoutesTests.swift", "models"),
        .init("1.7 filters of the listing", "AdminAPITests/ModelRoutesTests.swift", "filters"),
        .init("1.7 capability words", "ConformanceTests/Surface/RouteShapeTests.swift", "capabilities"),
        .init("1.7 empty pages", "ConformanceTests/Surface/RouteShapeTests.swift", "nothing"),
        .init("1.8 refused or allowed", "ConformanceTests/Surface/RouteShapeTests.swift", "management"),
        .init("1.8 disguises", "PipelineTests/PathRouterTests.swift", "disguisedManagement"),
        .init("1.9 dashboard", "AdminAPITests/DashboardTests.swift", "document"),
    ]

    private static let headers: [ContractRow] = [
        .init("2.1 taken or generated, returned, logged, sent on", "ConformanceTests/HeaderTests.swift", "requestID"),
        .init("2.1 in Anthropic errors", "ConformanceTests/AnthropicTests.swift", "refusals"),
        .init(
            "2.2 copied, duplicates, hop-by-hop, credentials", "ConformanceTests/HeaderTests.swift", "towardsEndpoint"),
        .init("2.2 names listed in Connection", "ConformanceTests/HeaderTests.swift", "nominated"),
        .init("2.2 Host, Via, X-Forwarded-For", "ConformanceTests/HeaderTests.swift", "towardsEndpoint"),
        .init("2.2 X-Real-IP, X-Forwarded-Proto and -Host kept", "ConformanceTests/HeaderTests.swift", "forwarded"),
        .init("2.2 no default User-Agent", "ConformanceTests/HeaderTests.swift", "forwarded"),
        .init("2.2 X-Proxied-By, product name", "ConformanceTests/HeaderTests.swift", "product"),
        .init("2.2 X-Model", "ConformanceTests/RoutingTests.swift", "models"),
        .init("2.2 endpoint headers and auth", "ConformanceTests/HeaderTests.swift", "configured"),
        .init("2.2 Accept-Encoding on proxy routes", "ConformanceTests/HeaderTests.swift", "product"),
        .init("2.2 Accept-Encoding in translation", "ConformanceTests/AnthropicTests.swift", "translation"),
        .init("2.2 anthropic-* in passthrough", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        .init("2.2 known length", "ConformanceTests/RequestBodyTests.swift", "byLength"),
        .init("2.2 unknown length", "ConformanceTests/RequestBodyTests.swift", "chunkedThrough"),
        .init("2.2 Expect is consumed", "ConformanceTests/RequestBodyTests.swift", "expectation"),
        .init("2.2 client keys stay behind", "ConformanceTests/AdmissionTests.swift", "keys"),
        .init("2.2 traceparent", "ConformanceTests/TraceContextTests.swift", "continued"),
        .init(
            "2.3 what is dropped, X-Served-By, Via, Date, times", "ConformanceTests/HeaderTests.swift", "towardsClient"),
        .init("2.3 X-Olla-Model and routing", "ConformanceTests/RoutingTests.swift", "models"),
        .init("2.3 X-Olla-Model of an alias", "ConformanceTests/RoutingTests.swift", "alias"),
        .init("2.3 routing of a fallback", "ConformanceTests/StrategyTests.swift", "optimistic"),
        .init("2.3 X-Olla-Mode, request-id", "ConformanceTests/AnthropicTests.swift", "passthrough"),
        .init("2.3 translated answers are built anew", "ConformanceTests/AnthropicTests.swift", "translation"),
        .init("2.3 Retry-After in translation", "ConformanceTests/AnthropicTests.swift", "backendError"),
        .init("2.3 sticky sessions", "ConformanceTests/StickyTests.swift", "sources"),
        .init("2.3 X-RateLimit-*", "ConformanceTests/AdmissionTests.swift", "saysWhere"),
        .init("2.3 X-RateLimit-* of a refusal", "ConformanceTests/AdmissionTests.swift", "limitsAddresses"),
        .init("2.3 Content-Encoding is passed through", "ConformanceTests/AnswerBodyTests.swift", "coded"),
        .init("2.3 trailers", "ConformanceTests/AnswerBodyTests.swift", "extensions"),
        .init("2.3 errors name endpoint and routing", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
    ]

    private static let errors: [ContractRow] = [
        .init(
            "3.1 malformed, Host, lengths, codings, Expect, head limit", "ConformanceTests/RefusalTests.swift",
            "refused"),
        .init("3.1 every raw case", "ConformanceTests/Smuggling/SmugglingTests.swift", "replay"),
        .init("3.1 slow head", "ConformanceTests/ConnectionTests.swift", "slowHead"),
        .init("3.1 no route, wrong method", "ConformanceTests/Surface/ErrorFormTests.swift", "localForms"),
        .init("3.2 provider, nothing healthy, 413, 431, 426", "ConformanceTests/ErrorRowTests.swift", "forms"),
        .init("3.2 streamed body over the limit", "ConformanceTests/RefusalTests.swift", "bodyLimit"),
        .init("3.2 429, 404, 503, 502, 504, 408, 401", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
        .init("3.2 certificate", "ConformanceTests/TLSTests.swift", "wrongAuthority"),
        .init("3.2 invalid body goes on", "ConformanceTests/RequestBodyTests.swift", "unreadable"),
        .init("3.2 4xx and 5xx are passed through", "ConformanceTests/RoutingTests.swift", "lastAnswer"),
        .init("3.2 after the first byte", "ConformanceTests/StreamFailureTests.swift", "openAI"),
        .init("3.3 reasons and statuses", "RoutingTests/StrategyTests.swift", "decides"),
        .init("3.4 local errors", "ConformanceTests/Surface/ErrorFormTests.swift", "localForms"),
        .init("3.4 413 on a local route", "ConformanceTests/RefusalTests.swift", "bodyLimit"),
        .init("3.5 validation, 404, 413, 405", "ConformanceTests/AnthropicTests.swift", "refusals"),
        .init("3.5 no endpoint, no decision", "ConformanceTests/Surface/ErrorFormTests.swift", "nobody"),
        .init("3.5 401, 408, 429, 431, 502, 503, 504", "ConformanceTests/Surface/ErrorFormTests.swift", "forms"),
        .init("3.5 backend errors in translation", "ConformanceTests/AnthropicTests.swift", "backendError"),
        .init("3.5 unusable answers", "ConformanceTests/AnthropicTests.swift", "unusable"),
        .init("3.5 broken streams", "ConformanceTests/AnthropicTests.swift", "brokenStream"),
    ]

    @Test("Every row has its test")
    func table() throws {
        try ContractRow.check(Self.routes + Self.headers + Self.errors)
    }
}
