import Domain

extension Validation {
    /// Reports everything that is wrong with the list of endpoints.
    func check(_ endpoints: [Configuration.Endpoint], findings: inout Findings) {
        if endpoints.count > EndpointSet.capacity {
            findings.error(
                KeyCatalog.endpointsPath,
                "has \(endpoints.count) endpoints; at most \(EndpointSet.capacity) are possible")
        }
        var positions: [String: Int] = [:]
        var names: [String: Int] = [:]
        for (position, endpoint) in endpoints.enumerated() {
            let path = "\(KeyCatalog.endpointsPath)[\(position)]"
            self.check(endpoint, at: path, findings: &findings)
            if !endpoint.url.isEmpty, let first = positions.updateValue(position, forKey: endpoint.url) {
                findings.warning(
                    "\(path).url", "same url as endpoint \(first) of the list; only this one, the last, is used")
                continue
            }
            if endpoint.name.isEmpty {
                findings.warning(path, "an endpoint should have a name")
            } else if let first = names.updateValue(position, forKey: endpoint.name) {
                findings.warning("\(path).name", "same name as endpoint \(first) of the list")
            }
        }
    }

    private func check(
        _ endpoint: Configuration.Endpoint, at path: String, findings: inout Findings
    ) {
        Self.checkURLs(of: endpoint, at: path, findings: &findings)
        self.checkType(of: endpoint, at: path, findings: &findings)
        Self.checkTimes(of: endpoint, at: path, findings: &findings)
        Self.check(endpoint.modelFilter, at: "\(path).model_filter", findings: &findings)
        if endpoint.tls.authoritiesFile?.isEmpty == true {
            findings.error("\(path).tls.ca_file", "must not be empty")
        }
    }

    /// Takes a URL apart, or says what is wrong with it; neither repeats the text, which may hold a secret.
    static func url(_ text: String) -> Result<EndpointURL, EndpointURLError> {
        Result { () throws(EndpointURLError) in try EndpointURL(text) }
    }

    private static func checkURLs(
        of endpoint: Configuration.Endpoint, at path: String, findings: inout Findings
    ) {
        guard !endpoint.url.isEmpty else {
            findings.error(path, "url is required")
            return
        }
        let url: EndpointURL
        switch Self.url(endpoint.url) {
        case .success(let parsed):
            url = parsed
        case .failure(.userInfo):
            findings.error(
                "\(path).url",
                "must not hold credentials; give them as"
                    + " auth: {type: basic, username: <username>, password: \"${PASSWORD}\"}")
            return
        case .failure(let problem):
            findings.error("\(path).url", problem.message)
            return
        }
        if endpoint.url.contains("?") || endpoint.url.contains("#") {
            findings.information("\(path).url", "query and fragment are ignored")
        }
        for (key, value) in [
            ("health_check_url", endpoint.healthCheckURL), ("model_url", endpoint.modelURL),
        ] {
            guard let value, !value.isEmpty else { continue }
            do {
                _ = try url.resource(value)
            } catch {
                findings.error("\(path).\(key)", error.message)
            }
        }
    }

    private func checkType(
        of endpoint: Configuration.Endpoint, at path: String, findings: inout Findings
    ) {
        guard !endpoint.type.isEmpty, endpoint.type != "auto", !self.knownTypes.contains(endpoint.type)
        else { return }
        let near = Spelling.nearest(to: endpoint.type, among: self.knownTypes)
        let hint = near.map { name in "; did you mean \(name)?" } ?? ""
        findings.error(
            "\(path).type",
            "unknown type \"\(endpoint.type)\"\(hint); known: \(self.knownTypes.joined(separator: ", "))")
    }

    private static func checkTimes(
        of endpoint: Configuration.Endpoint, at path: String, findings: inout Findings
    ) {
        let interval = endpoint.checkInterval
        let timeout = endpoint.checkTimeout
        if interval < .seconds(1) {
            findings.error("\(path).check_interval", "must be at least 1s, not \(Literals.text(of: interval))")
        }
        // The message stands at the key that the file has: the other one may be a default.
        let timeoutPath = "\(path).check_timeout"
        let place = findings.isSet(timeoutPath) ? timeoutPath : "\(path).check_interval"
        if timeout <= .zero {
            findings.error(timeoutPath, "must be above 0")
        } else if timeout >= interval, interval >= .seconds(1) || findings.isSet(timeoutPath) {
            findings.error(
                place,
                "check_timeout (\(Literals.text(of: timeout))) must be below check_interval"
                    + " (\(Literals.text(of: interval)))")
        }
        if timeout > .seconds(30) {
            findings.error(timeoutPath, "must be at most 30s, not \(Literals.text(of: timeout))")
        }
    }
}
