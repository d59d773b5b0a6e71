package import Catalog
import Domain
import HTTPWire
import NIOCore
package import NIOSSL
package import Telemetry
package import Transport

/// An endpoint's constant bytes, rendered once instead of once a request.
///
/// - Isolation: built and used on one event loop.
package final class EndpointWire {
    package private(set) var endpoint: FleetEndpoint
    /// The configuration that the endpoint's place belongs to.
    package let revision: UInt32
    package let slot: EndpointSlot
    package let target: ConnectTarget
    /// The settings behind `target.tls`.
    package let tls: TLSConfiguration?
    /// Scheme and authority.
    package let origin: String
    /// `Host: …` with its line end.
    let hostLine: [UInt8]
    /// The URL's path without its trailing slash; empty unless it is put before the request's.
    let basePath: [UInt8]
    /// The configured header lines, the credential last.
    let fieldLines: [UInt8]
    /// Lower-cased names of the configured header lines: the client's of the same name are dropped, and so are
    /// the backend's on the way back.
    let ownNames: [[UInt8]]
    /// Whether `traceparent` is among them.
    let ownsTraceparent: Bool
    /// `X-Olla-Endpoint` and `X-Olla-Backend-Type` with their line ends.
    let answerLines: [UInt8]
    /// The label, as it stands in log lines.
    let label: [UInt8]
    /// What spans say about the endpoint: its host, what stands before a forwarded path, and what software it is.
    let host: [UInt8]
    let urlBase: [UInt8]
    let provider: [UInt8]

    init(_ endpoint: FleetEndpoint, revision: UInt32, tls: UpstreamTLS?) {
        self.endpoint = endpoint
        self.revision = revision
        self.label = Array(endpoint.label.utf8)
        self.slot = EndpointSlot(rawValue: endpoint.metricSlot)
        let url = endpoint.spec.url
        self.target = ConnectTarget(host: url.host, port: Int(url.port), tls: tls?.context)
        self.tls = tls?.configuration
        self.origin = "\(url.scheme.text)://\(url.hostHeader)"
        self.hostLine = Array("Host: \(url.hostHeader)\r\n".utf8)
        self.basePath = endpoint.spec.preservesPath ? Self.withoutTrailingSlash(url.basePath) : []
        self.host = Array(url.host.utf8)
        self.urlBase = Array(self.origin.utf8) + self.basePath
        self.provider = Array(endpoint.spec.typeText.utf8)
        var fields = endpoint.spec.headers
        if let auth = endpoint.spec.auth {
            fields.removeAll { $0.name.lowercased() == auth.name.lowercased() }
            fields.append(auth)
        }
        var lines = ""
        for field in fields { lines += "\(field.name): \(field.value)\r\n" }
        self.fieldLines = Array(lines.utf8)
        self.ownNames = fields.map { Array($0.name.lowercased().utf8) }
        self.ownsTraceparent = self.ownNames.contains(Array("traceparent".utf8))
        let name = Self.fieldSafe(endpoint.spec.name.isEmpty ? endpoint.label : endpoint.spec.name)
        let type = Self.fieldSafe(endpoint.spec.typeText)
        self.answerLines = Array("X-Olla-Endpoint: \(name)\r\nX-Olla-Backend-Type: \(type)\r\n".utf8)
    }

    /// Takes a newer state of the same endpoint over.
    func refresh(_ endpoint: FleetEndpoint) { self.endpoint = endpoint }

    /// Whether a configured header line has this name.
    func ownsName(_ bytes: RawSpan, _ name: Range<Int>) -> Bool {
        guard !self.ownNames.isEmpty else { return false }
        let text = bytes.extracting(name)
        return self.ownNames.contains { text.isName($0) }
    }

    private static func withoutTrailingSlash(_ path: String) -> [UInt8] {
        var bytes = Array(path.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return bytes
    }

    /// Names come from the configuration and may hold anything; a header value may not (RFC 9110 section 5.5).
    private static func fieldSafe(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }
}
