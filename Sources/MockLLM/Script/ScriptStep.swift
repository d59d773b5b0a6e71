/// One step of a connection whose every byte and moment a test decides.
public enum ScriptStep: Equatable, Sendable {
    /// Reads until the blank line that ends a head, inclusive.
    case readHead
    /// Reads until these bytes have come, inclusive.
    case readUntil([UInt8])
    /// Reads this many bytes.
    case read(Int)
    /// Sends bytes as one write.
    case send([UInt8])
    /// Lets time pass, by a timer of the event loop.
    case pause(Duration)
    /// Waits until the test has given the signal of this name.
    case wait(String)
    /// Tells the test that this point is reached.
    case announce(String)
    /// Stops taking bytes from the socket, so that the peer feels it.
    case stopReading
    /// Takes bytes from the socket again.
    case resumeReading
    /// Closes both directions in order.
    case close
    /// Ends the own direction and goes on reading.
    case closeOutput
    /// Resets the connection.
    case reset
    /// Waits until the peer has closed.
    case awaitClose

    /// Sends text as UTF-8.
    public static func send(_ text: String) -> ScriptStep { .send(Array(text.utf8)) }

    /// Reads until this text has come, inclusive.
    public static func readUntil(_ text: String) -> ScriptStep { .readUntil(Array(text.utf8)) }
}
