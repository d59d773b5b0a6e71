/// What follows from a model's name and listing by the rules in force (routing-and-config 7.2 and 7.3).
public struct UnifiedFacts: Equatable, Sendable {
    /// The family: as the server reports it, else from the name; empty when neither tells.
    public var family = ""
    /// The variant within the family, such as `3.2`; empty when unknown or when the server reports the family.
    public var variant = ""
    /// The short quantisation label, such as `q4km`; empty when none is reported.
    public var quantization = ""
    /// Who published the model; empty when unknown.
    public var publisher = ""
    /// What the model can do: by kind, name and context, each once.
    public var capabilities: [String] = []

    /// Nothing known.
    public init() {}
}

extension ModelRules {
    /// What follows from a model's listing.
    public func facts(of model: DiscoveredModel) -> UnifiedFacts {
        var facts = UnifiedFacts()
        let name = model.name.lowercased()
        if let family = model.family, !family.isEmpty {
            facts.family = family
        } else {
            (facts.family, facts.variant) = self.family(ofName: name)
        }
        facts.quantization = self.quantization(model.quantization ?? "")
        facts.publisher = model.publisher ?? self.publisher(ofName: name) ?? ""
        facts.capabilities = self.capabilities(of: model, name: name)
        return facts
    }

    // MARK: Family

    private func family(ofName name: String) -> (family: String, variant: String) {
        let base = name.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? name
        let separators: Set<Character> = ["-", "_", ":", "/", "."]
        for entry in self.preservedFamilies where base.hasPrefix(entry) {
            let next = base.dropFirst(entry.count).first
            if next.map(separators.contains) ?? true { return (entry, "") }
        }
        if self.genericNames.contains(base) { return ("", "") }
        for row in self.familyPatterns {
            guard let captures = row.pattern.match(name) else { continue }
            let capture = { (index: Int) in index > 0 && index < captures.count ? captures[index] : "" }
            let family = capture(row.familyGroup)
            if !family.isEmpty { return (family, capture(row.variantGroup)) }
        }
        return (self.familyOfFirstWord(base), "")
    }

    private func familyOfFirstWord(_ base: String) -> String {
        guard let word = base.split(whereSeparator: { "-_:/".contains($0) }).first.map(String.init) else { return "" }
        let aliases = self.familyAliases.keys.sorted { ($1.count, $0) < ($0.count, $1) }
        if let alias = aliases.first(where: word.hasPrefix) { return self.familyAliases[alias] ?? "" }
        let letters = String(word.prefix { $0.isLetter })
        let known = Set(self.architectures.values).union(self.publishers.keys)
        return known.contains(word) ? word : known.contains(letters) ? letters : ""
    }

    private func publisher(ofName name: String) -> String? {
        let parts = name.split(separator: "/")
        if parts.count > 1, let owner = parts.first { return String(owner) }
        let longest = self.publishers.keys.filter(name.hasPrefix).max { ($0.count, $1) < ($1.count, $0) }
        return longest.flatMap { self.publishers[$0] }
    }

    // MARK: Quantisation

    /// The short form of a label: by the table, else the first shape found in it, else the label in lower case.
    public func quantization(_ label: String) -> String {
        guard !label.isEmpty else { return "" }
        if let known = self.quantizations[label.uppercased()] { return known }
        let bytes = Array(label.lowercased().utf8)
        for start in bytes.indices {
            if let shape = Self.shape(bytes[start...]) { return shape }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `qN_k_m` → `qNkm`, `qN_M`, `qN`, `fN`, `fpN` → `fN`, `intN`, at the beginning of a text.
    private static func shape(_ bytes: ArraySlice<UInt8>) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        func digits(after prefix: String) -> Substring? {
            guard text.hasPrefix(prefix) else { return nil }
            let digits = text.dropFirst(prefix.count).prefix { ("0"..."9").contains($0) }
            return digits.isEmpty ? nil : digits
        }
        for prefix in ["fp", "f"] { if let number = digits(after: prefix) { return "f\(number)" } }
        if let number = digits(after: "int") { return "int\(number)" }
        guard let number = digits(after: "q") else { return nil }
        let rest = text.dropFirst(1 + number.count)
        for size in ["s", "m", "l"] where rest.hasPrefix("_k_\(size)") { return "q\(number)k\(size)" }
        if rest.hasPrefix("_") {
            let second = rest.dropFirst().prefix { ("0"..."9").contains($0) }
            if !second.isEmpty { return "q\(number)_\(second)" }
        }
        return "q\(number)"
    }

    // MARK: Capabilities

    private func capabilities(of model: DiscoveredModel, name: String) -> [String] {
        // The kind of model tells more than the kind of listing it stands in.
        let kind = (model.modelType ?? model.type ?? "").lowercased()
        var capabilities = self.typeCapabilities[kind] ?? ["text-generation"]
        for row in self.nameCapabilities where row.pattern.match(name) != nil {
            capabilities += row.capabilities.filter { !capabilities.contains($0) }
        }
        let context = model.contextLength ?? 0
        if context >= self.contextThresholds.ultraLong {
            capabilities += ["long-context", "ultra-long-context"]
        } else if context >= self.contextThresholds.long {
            capabilities.append("long-context")
        } else if context >= self.contextThresholds.extended {
            capabilities.append("extended-context")
        }
        return capabilities
    }
}

extension DiscoveredModel {
    /// The model with what follows from its listing by rules.
    public func following(_ rules: ModelRules) -> DiscoveredModel {
        var model = self
        model.facts = rules.facts(of: self)
        return model
    }

    /// What follows from its listing, by the embedded rules when nobody asked others.
    public var unified: UnifiedFacts { self.facts ?? ModelRules.builtIn.facts(of: self) }
}
