import Catalog

/// Reads a file of `config/profiles` (routing-and-config 2.2); keys without meaning here are passed over.
enum ProfileFile {
    /// The largest profile file.
    static let bytesMax = 1_048_576

    /// The profile in a text, or nil after a report.
    static func read(_ text: String, file: String, findings: inout Findings) -> Profile? {
        guard let fields = YAMLFields(reading: text, file: file, findings: &findings) else { return nil }
        let name = fields.value("name", .text, orElse: "", findings: &findings)
        if name.isEmpty { findings.error("name", "is required") }
        func word(_ path: String, _ fallback: String) -> String {
            let value = fields.value(path, .text, orElse: "", findings: &findings)
            return value.isEmpty ? fallback : value
        }
        func words(_ path: String) -> [String] { fields.value(path, .texts(), orElse: [], findings: &findings) }
        let profile = Profile(
            name: name, prefixes: words("routing.prefixes"),
            isOpenAICompatible: fields.value("api.openai_compatible", .boolean, orElse: false, findings: &findings),
            healthPath: word("api.health_check_path", "/"), modelsPath: word("api.model_discovery_path", "/v1/models"),
            parser: ModelListParser(responseFormat: word("request.response_format", "openai")),
            paths: words("api.paths"), anthropic: Self.anthropic(fields, &findings),
            hints: Self.hints(fields, &findings))
        for (position, prefix) in profile.prefixes.enumerated() where prefix.isEmpty || prefix.contains("/") {
            findings.error("routing.prefixes[\(position)]", "must be one segment of a path")
        }
        return findings.problems.contains { problem in problem.severity == .error } ? nil : profile
    }

    private static func anthropic(_ fields: YAMLFields, _ findings: inout Findings) -> AnthropicSupport? {
        let section = "api.anthropic_support"
        guard fields.node(section) != nil else { return nil }
        return AnthropicSupport(
            isEnabled: fields.value("\(section).enabled", .boolean, orElse: false, findings: &findings),
            messagesPath: fields.value("\(section).messages_path", .text, orElse: "/v1/messages", findings: &findings),
            countsTokens: fields.value("\(section).token_count", .boolean, orElse: false, findings: &findings),
            minVersion: fields.value("\(section).min_version", .text, orElse: "", findings: &findings),
            limitations: fields.value("\(section).limitations", .texts(), orElse: [], findings: &findings))
    }

    private static func hints(_ fields: YAMLFields, _ findings: inout Findings) -> ProfileHints {
        let section = "characteristics"
        var hints = ProfileHints()
        hints.timeout = fields.value("\(section).timeout", .duration, orElse: hints.timeout, findings: &findings)
        hints.maxConcurrentRequests = fields.value(
            "\(section).max_concurrent_requests", .integer(0...1_000_000), orElse: hints.maxConcurrentRequests,
            findings: &findings)
        hints.defaultPriority = fields.value(
            "\(section).default_priority", .integer(0...1_000_000), orElse: hints.defaultPriority,
            findings: &findings)
        hints.authTypes = fields.value("\(section).auth.types", .texts(), orElse: [], findings: &findings)
        hints.ports = fields.value(
            "detection.default_ports", .integers(1...65_535), orElse: [], findings: &findings
        ).map { UInt16(clamping: $0) }
        hints.pathIndicators = fields.value(
            "detection.path_indicators", .texts(), orElse: [], findings: &findings)
        hints.agentPatterns = fields.value(
            "detection.user_agent_patterns", .texts(), orElse: [], findings: &findings)
        hints.headerNames = fields.value("detection.headers", .texts(), orElse: [], findings: &findings)
        return hints
    }
}
