import DashboardAssets
import Domain
import Exposition
public import Pipeline

/// The dashboard `/internal/ui/`: one document and its assets, all from memory (http-surface 1.9).
///
/// - Bounds: each asset is compressed once and kept; a request copies it.
enum DashboardPage {
    static let root = "/internal/ui/"

    /// Fields of every answer below ``root``, errors included.
    ///
    /// The policy names no foreign origin: nothing is loaded from or sent to anywhere else (CSP level 3).
    static let securityFields: [LocalResponse.Field] = [
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        (
            "Content-Security-Policy",
            "default-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'; "
                + "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
                + "form-action 'none'"
        ),
    ]

    /// One asset in both forms it is sent in.
    private struct Entry {
        let asset: DashboardAsset
        let plain: [UInt8]
        let compressed: [UInt8]?
    }

    private static let entries: [String: Entry] = {
        var entries: [String: Entry] = [:]
        for asset in DashboardAssets.all {
            let plain = Array(asset.text.utf8)
            entries[asset.path] = Entry(asset: asset, plain: plain, compressed: try? Gzip.compress(plain))
        }
        return entries
    }()

    /// The answer to a client that may see the page.
    static func answer(_ request: LocalRequest, startTime: Nanoseconds) -> LocalResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return self.securing(
                .textError(
                    405, "method not allowed",
                    fields: [("Allow", AllowedMethods.get.fieldValue.description)]))
        }
        guard request.path.hasPrefix(self.root) else {
            let location = self.root + (request.query.isEmpty ? "" : "?" + request.query)
            return self.securing(.redirect(to: location, method: request.method))
        }
        guard !self.entries.isEmpty else {
            return self.securing(.textError(503, "this build holds no dashboard"))
        }
        guard let entry = self.entry(for: String(request.path.dropFirst(self.root.count))) else {
            return self.securing(.notFound)
        }
        return self.securing(self.page(entry, request, modified: HTTPDateText.text(startTime)))
    }

    /// The asset of a path; paths that look like no file are the page's own views.
    private static func entry(for name: String) -> Entry? {
        if let entry = self.entries[name] { return entry }
        let last = name.split(separator: "/").last ?? ""
        guard !name.hasPrefix("assets/"), !last.contains(".") else { return nil }
        return self.entries["index.html"]
    }

    private static func page(_ entry: Entry, _ request: LocalRequest, modified: String) -> LocalResponse {
        let coding = ContentCoding.negotiate(acceptEncoding: request.value(of: "Accept-Encoding"))
        let compressed = coding == .gzip ? entry.compressed : nil
        // Two codings are two representations, and a strong tag names one (RFC 9110 section 8.8.3.3).
        let tag = "\"\(entry.asset.tag)\(compressed == nil ? "" : "-gzip")\""
        let lifetime =
            switch entry.asset.freshness {
            case .document: "no-cache"
            case .immutable: "public, max-age=31536000, immutable"
            case .hour: "public, max-age=3600"
            }
        var fields: [LocalResponse.Field] = [
            ("ETag", tag), ("Last-Modified", modified), ("Cache-Control", lifetime), ("Vary", "Accept-Encoding"),
        ]
        // A tag decides alone where there is one (RFC 9110 section 13.2.2).
        let isKnown =
            request.value(of: "If-None-Match").map { EntityTag.matches($0, tag) }
            ?? (request.value(of: "If-Modified-Since") == modified)
        if isKnown { return LocalResponse(status: 304, fields: fields) }
        fields.append(("Content-Type", entry.asset.mediaType))
        if let compressed {
            fields.append(("Content-Encoding", "gzip"))
            return LocalResponse(status: 200, fields: fields, body: compressed)
        }
        return LocalResponse(status: 200, fields: fields, body: entry.plain)
    }

    /// Adds the fields that every answer has.
    static func securing(_ response: LocalResponse) -> LocalResponse {
        var response = response
        for field in self.securityFields where !response.fields.contains(where: { $0.name == field.name }) {
            response.fields.append(field)
        }
        return response
    }
}

// MARK: - Access

extension AdminRoutes {
    /// The answer to a client that may not see what it asks for; nil when it may.
    public func refusal(of request: LocalRequest) -> LocalResponse? {
        let policy = self.configuration.dashboard
        let isDashboard = request.route == .dashboard
        if isDashboard, !policy.isEnabled { return .notFound }
        let isInternal = request.path.hasPrefix("/internal/") || request.path == "/version"
        guard isDashboard || policy.gatesInternalRoutes && isInternal,
            let refusal = policy.refusal(peer: request.peerAddress, host: request.host)
        else { return nil }
        self.sources.warn(
            "Access refused by dashboard.access_policy",
            [
                ("reason", refusal.reason), ("remote_addr", request.peerAddress), ("host", request.host),
                ("path", request.path), ("key", refusal.key), ("request_id", request.requestID),
            ])
        let answer = LocalResponse.textError(
            403,
            "403 forbidden: \(refusal.reason) (ip=\(request.peerAddress), host=\(request.host))\n"
                + "Who may see this page is set by dashboard.access_policy.allowed_cidrs and "
                + "dashboard.access_policy.allowed_hosts.")
        return isDashboard ? DashboardPage.securing(answer) : answer
    }
}
