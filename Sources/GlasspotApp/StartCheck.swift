public import Settings

/// Looks at what a start would stumble over after the configuration has been read.
public enum StartCheck {
    /// Loads the files that the parts of the gateway will load, and says what is wrong with each; opens no socket and
    /// writes nothing.
    ///
    /// Reads files and blocks: not for event loops.
    ///
    /// - Parameter configuration: as its file has it; list positions of the answers are those of the file.
    /// - Returns: every problem, each of which keeps the gateway from starting; empty when there is none.
    @Sendable
    public static func objections(to configuration: Configuration) -> [Objection] {
        var objections: [Objection] = []
        _ = ListenerCertificates.context(configuration.server.tls, objections: &objections)
        if let objection = MessageFiles.objection(to: configuration.translators.anthropic.inspector) {
            objections.append(objection)
        }
        return objections + EndpointTLS.objections(to: configuration.discovery.endpoints)
    }
}
