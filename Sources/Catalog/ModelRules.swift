/// How family, variant, quantisation and capabilities of a model follow from what servers say about it.
///
/// The content of `models.yaml` (routing-and-config 1.9); ``builtIn`` is what holds without the file.
public struct ModelRules: Equatable, Sendable {
    /// A shape of name that gives a family away.
    public struct FamilyPattern: Equatable, Sendable {
        /// Matched anywhere in the lower-cased name.
        public var pattern: NamePattern
        /// The capture that is the family; 0 for none.
        public var familyGroup: Int
        /// The capture that is the variant; 0 for none.
        public var variantGroup: Int

        /// A pattern with its captures.
        public init(_ pattern: NamePattern, familyGroup: Int, variantGroup: Int) {
            self.pattern = pattern
            self.familyGroup = familyGroup
            self.variantGroup = variantGroup
        }
    }

    /// Capabilities that follow from a shape of name.
    public struct NameCapabilities: Equatable, Sendable {
        /// Matched anywhere in the lower-cased name.
        public var pattern: NamePattern
        /// What such a model can do.
        public var capabilities: [String]

        /// A pattern with its capabilities.
        public init(_ pattern: NamePattern, _ capabilities: [String]) {
            self.pattern = pattern
            self.capabilities = capabilities
        }
    }

    /// The least context lengths, in tokens, of the three classes.
    public struct ContextThresholds: Equatable, Sendable {
        /// `extended-context`.
        public var extended: Int64
        /// `long-context`.
        public var long: Int64
        /// `ultra-long-context`.
        public var ultraLong: Int64

        /// All three, given.
        public init(extended: Int64 = 32_000, long: Int64 = 100_000, ultraLong: Int64 = 1_000_000) {
            self.extended = extended
            self.long = long
            self.ultraLong = ultraLong
        }
    }

    /// Tried in order on the name.
    public var familyPatterns: [FamilyPattern]
    /// Architecture → family, lower case.
    public var architectures: [String: String]
    /// Spelling of a family → family, lower case.
    public var familyAliases: [String: String]
    /// Family → publisher.
    public var publishers: [String: String]
    /// Upper-case quantisation label → short label.
    public var quantizations: [String: String]
    /// Kind of model → capabilities, lower case.
    public var typeCapabilities: [String: [String]]
    /// Capabilities by name.
    public var nameCapabilities: [NameCapabilities]
    /// The context classes.
    public var contextThresholds: ContextThresholds
    /// Families that are taken as they stand in a name.
    public var preservedFamilies: [String]
    /// Names that say nothing about a model.
    public var genericNames: [String]

    /// Rules with every part given.
    public init(
        familyPatterns: [FamilyPattern], architectures: [String: String], familyAliases: [String: String],
        publishers: [String: String], quantizations: [String: String], typeCapabilities: [String: [String]],
        nameCapabilities: [NameCapabilities], contextThresholds: ContextThresholds, preservedFamilies: [String],
        genericNames: [String]
    ) {
        self.familyPatterns = familyPatterns
        self.architectures = architectures
        self.familyAliases = familyAliases
        self.publishers = publishers
        self.quantizations = quantizations
        self.typeCapabilities = typeCapabilities
        self.nameCapabilities = nameCapabilities
        self.contextThresholds = contextThresholds
        self.preservedFamilies = preservedFamilies
        self.genericNames = genericNames
    }
}
