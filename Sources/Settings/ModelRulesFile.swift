import Catalog

/// Reads `models.yaml` (routing-and-config 1.9); a missing section keeps the embedded one.
enum ModelRulesFile {
    /// The largest file of model rules.
    static let bytesMax = 1_048_576

    /// The rules in a text, or nil after a report.
    static func read(_ text: String, file: String, findings: inout Findings) -> ModelRules? {
        guard let fields = YAMLFields(reading: text, file: file, findings: &findings) else { return nil }
        var rules = ModelRules.builtIn
        Self.readFamilies(fields, into: &rules, &findings)
        if let table = fields.texts("quantization.mappings", findings: &findings) {
            rules.quantizations = Self.keys(of: table) { $0.uppercased() }
        }
        Self.readCapabilities(fields, into: &rules, &findings)
        if fields.node("special_rules") != nil {
            rules.preservedFamilies = fields.value(
                "special_rules.preserve_family", .texts(), orElse: [], findings: &findings
            ).map { $0.lowercased() }
            rules.genericNames = fields.value(
                "special_rules.generic_names", .texts(), orElse: [], findings: &findings
            ).map { $0.lowercased() }
        }
        return findings.problems.contains { problem in problem.severity == .error } ? nil : rules
    }

    private static func readFamilies(
        _ fields: YAMLFields, into rules: inout ModelRules, _ findings: inout Findings
    ) {
        let section = "model_extraction"
        if let rows = fields.list("\(section).family_patterns", findings: &findings) {
            rules.familyPatterns = rows.compactMap { row in
                guard let pattern = Self.pattern(row, &findings) else { return nil }
                return ModelRules.FamilyPattern(
                    pattern,
                    familyGroup: row.fields.value("family_group", .integer(0...99), orElse: 0, findings: &findings),
                    variantGroup: row.fields.value("variant_group", .integer(0...99), orElse: 0, findings: &findings))
            }
        }
        if let table = fields.texts("\(section).architecture_mappings", findings: &findings) {
            rules.architectures = Self.keys(of: table) { $0.lowercased() }
        }
        if let table = fields.texts("\(section).family_aliases", findings: &findings) {
            rules.familyAliases = Self.keys(of: table) { $0.lowercased() }
        }
        if let table = fields.texts("\(section).publisher_mappings", findings: &findings) {
            rules.publishers = Self.keys(of: table) { $0.lowercased() }
        }
    }

    private static func readCapabilities(
        _ fields: YAMLFields, into rules: inout ModelRules, _ findings: inout Findings
    ) {
        let section = "capabilities"
        if let table = fields.entries("\(section).type_capabilities", .texts(), findings: &findings) {
            rules.typeCapabilities = Self.keys(of: table) { $0.lowercased() }
        }
        if let rows = fields.list("\(section).name_patterns", findings: &findings) {
            rules.nameCapabilities = rows.compactMap { row in
                guard let pattern = Self.pattern(row, &findings) else { return nil }
                return ModelRules.NameCapabilities(
                    pattern, row.fields.value("capabilities", .texts(), orElse: [], findings: &findings))
            }
        }
        let known = rules.contextThresholds
        func threshold(_ name: String, _ fallback: Int64) -> Int64 {
            Int64(
                fields.value(
                    "\(section).context_thresholds.\(name)", .integer(1...Int.max), orElse: Int(fallback),
                    findings: &findings))
        }
        rules.contextThresholds = ModelRules.ContextThresholds(
            extended: threshold("extended_context", known.extended), long: threshold("long_context", known.long),
            ultraLong: threshold("ultra_long_context", known.ultraLong))
    }

    private static func pattern(
        _ row: (path: String, fields: YAMLFields), _ findings: inout Findings
    ) -> NamePattern? {
        guard let node = row.fields.node("pattern"), case .scalar(let source, _) = node.content else {
            findings.error(row.path, "needs a pattern")
            return nil
        }
        do throws(NamePatternError) {
            return try NamePattern(source)
        } catch {
            findings.error("\(row.path).pattern", "\"\(error.pattern)\" is \(error.message)")
            return nil
        }
    }

    private static func keys<Value>(
        of table: [String: Value], _ change: (String) -> String
    ) -> [String: Value] {
        Dictionary(table.map { (change($0.key), $0.value) }) { first, _ in first }
    }
}
