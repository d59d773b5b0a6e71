import Foundation

/// Turns an endpoint's `headers` and `auth` into the header fields that are sent.
///
/// Variables are resolved and files are read once, at load. Messages name the endpoint, the key and the
/// variable, never a value.
///
/// - Bounds: a credential file has at most ``fileBytesMax`` bytes.
struct SecretResolver {
    /// The largest credential file; a token is far smaller.
    static let fileBytesMax = 65_536

    let environment: [String: String]
    let files: FileAccess

    /// Resolves one endpoint in place.
    func resolve(_ endpoint: inout Configuration.Endpoint, at path: String, findings: inout Findings) {
        let title = "endpoint \"\(endpoint.name.isEmpty ? path : endpoint.name)\": "
        var fields: [Configuration.Header] = []
        for header in endpoint.headers {
            let place = "\(path).headers.\(header.name)"
            guard TextRules.isToken(header.name) else {
                findings.error(place, title + "a header name must be an HTTP token")
                continue
            }
            guard !Self.ownedHeaders.contains(header.name.lowercased()) else {
                findings.warning(place, title + "the gateway sets this header itself; the value is ignored")
                continue
            }
            guard let value = self.expand(header.value, at: place, title: title, findings: &findings)
            else { continue }
            fields.append(Configuration.Header(name: header.name, value: value))
        }
        if let authentication = endpoint.authentication {
            endpoint.credential = self.credential(
                from: authentication, at: "\(path).auth", title: title, findings: &findings)
        }
        let overridden = endpoint.credential?.name.lowercased()
        endpoint.upstreamHeaders = fields.filter { field in field.name.lowercased() != overridden }
    }

    /// Resolves one client key in place; what is missing or said twice is for the validation.
    func resolve(_ key: inout Configuration.ClientKey, at path: String, findings: inout Findings) {
        guard [key.key != nil, key.keyFile != nil, key.sha256 != nil].count(where: { $0 }) == 1, key.sha256 == nil,
            key.key?.isEmpty != true
        else { return }
        let title = "client key \"\(key.name.isEmpty ? path : key.name)\": "
        key.value = self.value("key", key.key, key.keyFile, at: path, title: title, findings: &findings)
    }

    /// The headers of framing and of the connection, which only the gateway may set.
    private static let ownedHeaders: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te",
        "trailer", "upgrade", "expect",
    ]

    // MARK: - Credentials

    private func credential(
        from authentication: Configuration.Authentication, at path: String, title: String,
        findings: inout Findings
    ) -> Configuration.Header? {
        guard
            Self.checkFields(of: authentication, at: path, title: title, findings: &findings)
        else { return nil }
        func value(_ key: String, _ text: Secret?, _ file: String?) -> Secret? {
            self.value(key, text, file, at: path, title: title, findings: &findings)
        }
        switch authentication.type {
        case "bearer":
            guard let token = value("token", authentication.token, authentication.tokenFile) else {
                return nil
            }
            return .init(name: "Authorization", value: Secret("Bearer \(token.reveal())"))
        case "api_key":
            let name = authentication.header ?? "X-Api-Key"
            guard TextRules.isToken(name), !Self.ownedHeaders.contains(name.lowercased()) else {
                findings.error(
                    "\(path).header", title + "must be an HTTP token that the gateway does not set itself")
                return nil
            }
            guard let key = value("key", authentication.key, authentication.keyFile) else { return nil }
            return .init(name: name, value: key)
        default:
            let user = value("username", authentication.username, authentication.usernameFile)
            let password = value("password", authentication.password, authentication.passwordFile)
            guard let user, let password else { return nil }
            // RFC 7617 section 2: a colon would move the border between user and password.
            guard !user.reveal().contains(":") else {
                findings.error("\(path).username", title + "a user name must not hold a colon")
                return nil
            }
            let pair = Data("\(user.reveal()):\(password.reveal())".utf8).base64EncodedString()
            return .init(name: "Authorization", value: Secret("Basic \(pair)"))
        }
    }

    /// Whether exactly the fields of the type are there.
    private static func checkFields(
        of authentication: Configuration.Authentication, at path: String, title: String,
        findings: inout Findings
    ) -> Bool {
        let given: [(name: String, isGiven: Bool)] = [
            ("token", authentication.token != nil), ("token_file", authentication.tokenFile != nil),
            ("key", authentication.key != nil), ("key_file", authentication.keyFile != nil),
            ("header", authentication.header != nil),
            ("username", authentication.username != nil),
            ("username_file", authentication.usernameFile != nil),
            ("password", authentication.password != nil),
            ("password_file", authentication.passwordFile != nil),
        ]
        let pairs: [(String, String)]
        var allowed: Set<String> = []
        switch authentication.type {
        case "bearer": pairs = [("token", "token_file")]
        case "api_key":
            pairs = [("key", "key_file")]
            allowed = ["header"]
        case "basic": pairs = [("username", "username_file"), ("password", "password_file")]
        default:
            let word = authentication.type.isEmpty ? "missing" : "unknown"
            findings.error(
                findings.isSet("\(path).type") ? "\(path).type" : path,
                title + "\(word) auth type; known: bearer, api_key, basic")
            return false
        }
        let names = Set(given.filter { field in field.isGiven }.map { field in field.name })
        var isValid = true
        for (text, file) in pairs {
            allowed.formUnion([text, file])
            if names.contains(text) == names.contains(file) {
                findings.error(path, title + "needs exactly one of \(text) and \(file)")
                isValid = false
            }
        }
        for field in given where field.isGiven && !allowed.contains(field.name) {
            findings.error(
                "\(path).\(field.name)", title + "does not belong to type \(authentication.type)")
            isValid = false
        }
        return isValid
    }

    private func value(
        _ key: String, _ text: Secret?, _ file: String?, at path: String, title: String,
        findings: inout Findings
    ) -> Secret? {
        let place = text == nil ? "\(path).\(key)_file" : "\(path).\(key)"
        let resolved: Secret?
        if let text {
            resolved = self.expand(text, at: place, title: title, findings: &findings)
        } else {
            resolved = self.read(file ?? "", at: place, title: title, findings: &findings)
        }
        guard let resolved else { return nil }
        guard !resolved.isEmpty else {
            findings.error(place, title + "the value is empty")
            return nil
        }
        return resolved
    }

    private func read(
        _ file: String, at path: String, title: String, findings: inout Findings
    ) -> Secret? {
        switch self.files.read(file, bytesMax: Self.fileBytesMax) {
        case .success(let text):
            return self.checked(text.trimmingBlanks(), at: path, title: title, findings: &findings)
        case .failure(let failure):
            findings.error(path, title + "\(file): \(failure.message)")
            return nil
        }
    }

    // MARK: - Variables

    private func expand(
        _ value: Secret, at path: String, title: String, findings: inout Findings
    ) -> Secret? {
        let expansion = Interpolation.expand(value.reveal(), environment: self.environment)
        for name in expansion.missing {
            findings.error(path, title + "environment variable \(name) is not set")
        }
        guard expansion.missing.isEmpty else { return nil }
        return self.checked(expansion.text, at: path, title: title, findings: &findings)
    }

    private func checked(
        _ text: String, at path: String, title: String, findings: inout Findings
    ) -> Secret? {
        guard TextRules.isFieldValue(text) else {
            findings.error(path, title + "the value holds a control character")
            return nil
        }
        return Secret(text)
    }
}

/// Replaces `${NAME}` and `${NAME:-default}` by values of the environment.
enum Interpolation {
    /// Expands a text; the names that are unset and have no default are listed once each.
    static func expand(_ text: String, environment: [String: String]) -> (text: String, missing: [String]) {
        var result = ""
        var missing: [String] = []
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            let tail = rest[start.upperBound...]
            guard let end = tail.firstIndex(of: "}") else {
                rest = rest[start.lowerBound...]
                break
            }
            let body = tail[..<end]
            let cut = body.firstRange(of: ":-")
            let name = String(body[..<(cut?.lowerBound ?? body.endIndex)])
            let value = environment[name]
            if name.isEmpty {
                result += rest[start.lowerBound...end]
            } else if let cut, value?.isEmpty != false {
                result += body[cut.upperBound...]
            } else if let value {
                result += value
            } else if !missing.contains(name) {
                missing.append(name)
            }
            rest = tail[tail.index(after: end)...]
        }
        return (result + rest, missing)
    }
}
