/// A model as one endpoint lists it: the mapped fields of routing-and-config 2.6.
///
/// Absent fields are nil; nothing is guessed from the name.
public struct DiscoveredModel: Equatable, Sendable {
    /// The name the endpoint knows the model by.
    public var name: String
    /// The server's kind of object, or the parser's name.
    public var type: String?
    /// The kind of model, such as `llm`, `vlm` or `embeddings`.
    public var modelType: String?
    /// The size on disk in bytes.
    public var sizeBytes: Int64?
    /// A text for people.
    public var description: String?
    /// The content digest.
    public var digest: String?
    /// When the model was made or changed, in seconds since 1970.
    public var modifiedAt: Int64?
    /// Such as `7.6B`.
    public var parameterSize: String?
    /// Such as `Q4_K_M`.
    public var quantization: String?
    /// The architecture family.
    public var family: String?
    /// All architecture families.
    public var families: [String] = []
    /// Such as `gguf`.
    public var format: String?
    /// The model this one was made from.
    public var parentModel: String?
    /// Who published it.
    public var publisher: String?
    /// Such as `loaded` or `not-loaded`.
    public var state: String?
    /// The longest context in tokens.
    public var contextLength: Int64?
    /// Where a Lemonade model comes from.
    public var checkpoint: String?
    /// How Lemonade runs a model.
    public var recipe: String?

    /// What follows from all this by the rules in force; nil until somebody asked them.
    public var facts: UnifiedFacts?

    /// A model of which nothing but the name is known.
    public init(name: String) { self.name = name }

    /// Fills every absent field from another sighting of the same model.
    public mutating func fillMissing(from other: DiscoveredModel) {
        self.type = self.type ?? other.type
        self.modelType = self.modelType ?? other.modelType
        self.sizeBytes = self.sizeBytes ?? other.sizeBytes
        self.description = self.description ?? other.description
        self.digest = self.digest ?? other.digest
        self.modifiedAt = self.modifiedAt ?? other.modifiedAt
        self.parameterSize = self.parameterSize ?? other.parameterSize
        self.quantization = self.quantization ?? other.quantization
        self.family = self.family ?? other.family
        if self.families.isEmpty { self.families = other.families }
        self.format = self.format ?? other.format
        self.parentModel = self.parentModel ?? other.parentModel
        self.publisher = self.publisher ?? other.publisher
        self.state = self.state ?? other.state
        self.contextLength = self.contextLength ?? other.contextLength
        self.checkpoint = self.checkpoint ?? other.checkpoint
        self.recipe = self.recipe ?? other.recipe
    }
}
