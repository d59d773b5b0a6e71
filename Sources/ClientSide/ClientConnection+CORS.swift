import HTTPWire
import NIOCore
import Pipeline

// What scripts of other origins may do (http-surface 6.4).

extension ClientConnection {
    /// Makes the header lines that tell a browser what its script may do; they go into every answer to the request.
    ///
    /// A preflight (Fetch standard section 3.3.2) is answered with them alone, whatever its path leads to.
    func applyCORS(_ policy: CORSPolicy) {
        let exchange = self.exchange
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        var origin: RawSpan?
        if let field = self.head.first(.origin) { origin = bytes.extracting(field.value) }
        guard self.head.method == .options, let asked = self.head.first(.accessControlRequestMethod) else {
            policy.appendAnswer(
                origin: origin, method: bytes.extracting(self.head.methodRange), to: &exchange.corsLines)
            return
        }
        exchange.isPreflight = true
        var names: RawSpan?
        if let field = self.head.first(.accessControlRequestHeaders) { names = bytes.extracting(field.value) }
        policy.appendPreflight(
            origin: origin, method: bytes.extracting(asked.value), headers: names, to: &exchange.corsLines)
    }
}
