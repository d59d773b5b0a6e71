/// What is wrong with a value that only those who put it to use can judge, such as a file of certificates.
///
/// The libraries for that are no business of this target: ``ConfigurationLoader`` asks whoever knows them, and gives
/// each answer its line.
public struct Objection: Equatable, Sendable {
    /// The key as a dotted path with list positions from 0.
    public let path: String
    /// What is wrong, for an operator; must not hold a secret.
    public let message: String

    /// Describes what keeps the gateway from starting.
    public init(_ path: String, _ message: String) {
        self.path = path
        self.message = message
    }
}
