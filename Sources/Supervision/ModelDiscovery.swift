import Catalog
import Domain

/// Lists an endpoint's models, and finds out what kind of backend it is where the configuration does not say.
struct ModelDiscovery: Sendable {
    /// What a successful run found.
    struct Outcome {
        var reading: ModelListReader.Reading
        /// The profile found out, or the one known before; nil for an endpoint whose type is configured.
        var profile: ProfileIndex?
    }

    /// Why a run found nothing.
    struct Failure: Error, Equatable {
        /// For the log.
        var message: String
        /// What was known of the endpoint's kind no longer fits.
        var forgetsProfile = false
        /// The gateway is stopping.
        var isCancelled = false
    }

    let client: ProbeClient
    let profiles: ProfileSet
    let policy: SupervisionPolicy

    /// Lists the models of an endpoint within a time limit.
    ///
    /// `detected` is the profile found out by an earlier run.
    func run(
        _ spec: EndpointSpec, detected: ProfileIndex?, limit: Nanoseconds
    ) async throws(Failure) -> Outcome {
        let deadline = self.client.clock.now() + limit
        if case .profile(let configured) = spec.kind {
            let answer = try await self.list(spec, at: spec.modelsURL, until: deadline)
            return Outcome(
                reading: try Self.read(answer.body, as: self.profiles[configured].parser), profile: nil)
        }
        if spec.hasExplicitModelsURL {
            let answer = try await self.list(spec, at: spec.modelsURL, until: deadline)
            guard let outcome = self.recognise(answer, of: spec, among: self.profiles.profiles.indices) else {
                throw Failure(message: ModelListReader.Failure.noList("data").message)
            }
            return outcome
        }
        guard let detected else { return try await self.detect(spec, until: deadline) }
        do throws(Failure) {
            let profile = self.profiles[detected]
            let answer = try await self.list(
                spec, at: try Self.resource(profile.modelsPath, of: spec), until: deadline)
            return Outcome(reading: try Self.read(answer.body, as: profile.parser), profile: detected)
        } catch {
            throw Failure(
                message: error.message, forgetsProfile: !error.isCancelled, isCancelled: error.isCancelled)
        }
    }

    // MARK: Requests

    private func list(
        _ spec: EndpointSpec, at target: ResourceURL, until deadline: MonotonicTime
    ) async throws(Failure) -> ProbeAnswer {
        let answer = try await self.ask(spec, at: target, until: deadline, repeatsServerErrors: true)
        guard answer.status == 200 else { throw Failure(message: "status \(answer.status)") }
        return answer
    }

    private func ask(
        _ spec: EndpointSpec, at target: ResourceURL, until deadline: MonotonicTime, repeatsServerErrors: Bool
    ) async throws(Failure) -> ProbeAnswer {
        do throws(ProbeFailure) {
            return try await self.client.ask(
                ProbeClient.Query(
                    target: target, endpoint: spec.url,
                    fields: [
                        ("User-Agent", "olla-Discovery/\(self.policy.version)"),
                        ("Accept", "application/json"),
                    ],
                    endpointFields: spec.probeFields, showsFieldsAbroad: spec.allowsForeignCredentials,
                    timeout: deadline - self.client.clock.now(),
                    body: .keep(bytesMax: ModelListReader.bodyBytesMax),
                    extraAttempts: self.policy.discoveryRetries, backoff: self.policy.discoveryBackoff,
                    backoffMax: self.policy.discoveryTimeout, repeatsServerErrors: repeatsServerErrors))
        } catch {
            throw Failure(message: error.message, isCancelled: error == .cancelled)
        }
    }

    private static func resource(_ path: String, of spec: EndpointSpec) throws(Failure) -> ResourceURL {
        do throws(EndpointURLError) {
            return try spec.url.resource(path)
        } catch {
            throw Failure(message: error.message)
        }
    }

    private static func read(
        _ body: [UInt8], as parser: ModelListParser
    ) throws(Failure) -> ModelListReader.Reading {
        do throws(ModelListReader.Failure) {
            return try ModelListReader.read(body, as: parser)
        } catch {
            throw Failure(message: error.message)
        }
    }

    // MARK: Detection

    /// Tries each profile's own model path; those that several profiles share come last.
    ///
    /// A path counts only if the answer has the parser's list, because many servers answer 200 to anything.
    private func detect(_ spec: EndpointSpec, until deadline: MonotonicTime) async throws(Failure) -> Outcome {
        var groups: [(path: String, members: [Int])] = []
        for position in self.detectionOrder {
            let path = self.profiles.profiles[position].modelsPath
            if let group = groups.firstIndex(where: { $0.path == path }) {
                groups[group].members.append(position)
            } else {
                groups.append((path, [position]))
            }
        }
        let ordered = groups.filter { $0.members.count == 1 } + groups.filter { $0.members.count > 1 }
        var statuses: [String] = []
        for group in ordered {
            let answer = try await self.ask(
                spec, at: try Self.resource(group.path, of: spec), until: deadline, repeatsServerErrors: false)
            statuses.append("\(group.path): \(answer.status)")
            guard answer.status == 200, !answer.body.isEmpty else { continue }
            if let outcome = self.recognise(answer, of: spec, among: group.members) { return outcome }
        }
        throw Failure(message: "no known model list (\(statuses.joined(separator: ", ")))")
    }

    /// The order of routing-and-config 4.5, then the other profiles.
    private var detectionOrder: [Int] {
        let first = ["ollama", "llamacpp", "lm-studio", "vllm", "omlx", "openai-compatible"]
        let known = first.compactMap { name in self.profiles.profiles.firstIndex { $0.name == name } }
        return known + self.profiles.profiles.indices.filter { !known.contains($0) }
    }

    /// Reads a list and tells by its owners, headers and port which of the profiles it is from.
    private func recognise(
        _ answer: ProbeAnswer, of spec: EndpointSpec, among members: some Collection<Int>
    ) -> Outcome? {
        // llama.cpp answers Ollama's path too, with its own list beside Ollama's: the owners tell.
        if let reading = try? ModelListReader.read(answer.body, as: .openAI),
            let named = self.namedProfile(owners: reading.owners, answer: answer)
        {
            return self.outcome(answer, named)
        }
        for position in members where self.profiles.profiles[position].parser == .ollama {
            if let outcome = self.outcome(answer, position) { return outcome }
        }
        let others = members.filter { self.profiles.profiles[$0].parser != .ollama }
        let byPort = others.filter { self.profiles.profiles[$0].hints.ports.contains(spec.url.port) }
        let fallback = others.first { self.profiles.profiles[$0].name == "openai-compatible" }
        let choice = others.count == 1 ? others.first : byPort.count == 1 ? byPort.first : fallback
        return (choice ?? others.first).flatMap { self.outcome(answer, $0) }
    }

    private func namedProfile(owners: Set<String>, answer: ProbeAnswer) -> Int? {
        let server = answer.value(of: "server")?.lowercased() ?? ""
        for position in self.detectionOrder {
            let profile = self.profiles.profiles[position]
            let names = [profile.name, profile.parser == .dockerModelRunner ? "docker" : profile.parser.rawValue]
            // The owner "openai" is what many compatible servers say of themselves.
            if profile.parser != .openAI, names.contains(where: owners.contains) { return position }
            if profile.hints.agentPatterns.contains(where: { server.hasPrefix($0.lowercased()) })
                || profile.hints.headerNames.contains(where: { answer.value(of: $0) != nil })
            {
                return position
            }
        }
        return nil
    }

    private func outcome(_ answer: ProbeAnswer, _ position: Int) -> Outcome? {
        guard
            let reading = try? ModelListReader.read(
                answer.body, as: self.profiles.profiles[position].parser)
        else { return nil }
        return Outcome(reading: reading, profile: ProfileIndex(rawValue: UInt8(position)))
    }
}

extension EndpointSpec {
    /// The configured fields, the credential last.
    var probeFields: [ProbeRequest.Field] {
        (self.headers + (self.auth.map { [$0] } ?? [])).map { (name: $0.name, value: $0.value) }
    }
}
