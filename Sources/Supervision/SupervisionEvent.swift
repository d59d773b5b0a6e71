/// How grave an event of the control plane is.
public enum EventLevel: UInt8, CaseIterable, Sendable {
    case debug
    case info
    case warn
    case error
}

/// Takes the log records of supervision; the app binds it to the journal.
///
/// Called from any task; must not block. Keys and messages hold no credentials.
public typealias EventSink =
    @Sendable (
        _ level: EventLevel, _ message: String, _ fields: [(key: String, value: String)]
    ) -> Void
