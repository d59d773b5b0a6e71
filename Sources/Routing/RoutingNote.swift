import Domain

/// How the model stage decided: the three `X-Olla-Routing-*` headers (routing-and-config 7.5).
public struct RoutingNote: Equatable, Sendable {
    /// `X-Olla-Routing-Strategy`.
    public enum Strategy: UInt8, CaseIterable, Sendable {
        case strict
        case optimistic
        case discovery
        case alias

        /// The header value.
        public var label: StaticString {
            switch self {
            case .strict: "strict"
            case .optimistic: "optimistic"
            case .discovery: "discovery"
            case .alias: "alias"
            }
        }

        init(_ strategy: RoutingStrategy) {
            self =
                switch strategy {
                case .strict: .strict
                case .optimistic: .optimistic
                case .discovery: .discovery
                }
        }
    }

    /// `X-Olla-Routing-Decision`.
    public enum Verdict: UInt8, CaseIterable, Sendable {
        case routed
        case fallback
        case rejected

        /// The header value.
        public var label: StaticString {
            switch self {
            case .routed: "routed"
            case .fallback: "fallback"
            case .rejected: "rejected"
            }
        }
    }

    /// `X-Olla-Routing-Reason`.
    public enum Reason: UInt8, CaseIterable, Sendable {
        /// A candidate has the model.
        case modelFound
        /// No endpoint has the model.
        case modelNotFound
        /// Only endpoints that are no candidates have the model.
        case modelUnavailable
        /// No endpoint has the model, any candidate may try.
        case modelNotFoundFallback
        /// Only endpoints that are no candidates have the model, and nobody stands in.
        case modelUnavailableNoFallback
        /// As before, with `compatible_only` configured.
        case modelUnavailableCompatibleOnly
        /// Only endpoints that are no candidates have the model, any candidate may try.
        case allHealthyFallback
        /// A candidate has the model as far as is known already.
        case modelFoundNoRefresh
        /// No candidate has the model, and the endpoints are not asked again.
        case modelUnavailableNoRefresh
        /// The endpoints could not be asked again, and nobody stands in.
        case discoveryFailedNoFallback
        /// As before, with `compatible_only` configured.
        case discoveryFailedCompatibleOnly
        /// The endpoints could not be asked again, any candidate may try.
        case discoveryFailedAllFallback
        /// There is no discovery that could be asked, any candidate may try.
        case discoveryErrorFallback
        /// After the endpoints were asked again no one is healthy.
        case noHealthyAfterDiscovery
        /// After the endpoints were asked again still no candidate has the model.
        case modelUnavailableAfterDiscovery
        /// As before, but any candidate may try.
        case allHealthyAfterDiscovery
        /// The name is an alias, and candidates have one of its models.
        case aliasResolved

        /// The header value; for an alias the text is written by ``RoutingNote/appendReason(model:to:)``.
        public var code: StaticString {
            switch self {
            case .modelFound: "model_found"
            case .modelNotFound: "model_not_found"
            case .modelUnavailable: "model_unavailable"
            case .modelNotFoundFallback: "model_not_found_fallback"
            case .modelUnavailableNoFallback: "model_unavailable_no_fallback"
            case .modelUnavailableCompatibleOnly: "model_unavailable_compatible_only"
            case .allHealthyFallback: "all_healthy_fallback"
            case .modelFoundNoRefresh: "model_found_no_refresh"
            case .modelUnavailableNoRefresh: "model_unavailable_no_refresh"
            case .discoveryFailedNoFallback: "discovery_failed_no_fallback"
            case .discoveryFailedCompatibleOnly: "discovery_failed_compatible_only"
            case .discoveryFailedAllFallback: "discovery_failed_all_fallback"
            case .discoveryErrorFallback: "discovery_error_fallback"
            case .noHealthyAfterDiscovery: "no_healthy_after_discovery"
            case .modelUnavailableAfterDiscovery: "model_unavailable_after_discovery"
            case .allHealthyAfterDiscovery: "all_healthy_after_discovery"
            case .aliasResolved: "alias"
            }
        }
    }

    /// Which rule decided.
    public let strategy: Strategy
    /// What it decided.
    public let verdict: Verdict
    /// Why.
    public let reason: Reason
    /// For an alias: how many candidates have one of its models.
    public let aliasEndpoints: Int

    init(_ strategy: Strategy, _ verdict: Verdict, _ reason: Reason, aliasEndpoints: Int = 0) {
        self.strategy = strategy
        self.verdict = verdict
        self.reason = reason
        self.aliasEndpoints = aliasEndpoints
    }

    /// The reason's code, or nil for an alias, whose text has to be written out.
    public var reasonCode: StaticString? { self.reason == .aliasResolved ? nil : self.reason.code }

    /// Appends the text of `X-Olla-Routing-Reason`.
    ///
    /// - Parameters:
    ///   - model: the name the client sent; bytes that may not stand in a field value are left out.
    ///   - output: receives the text.
    public func appendReason(model: Span<UInt8>, to output: inout [UInt8]) {
        if let code = self.reasonCode { return output.append(contentsOf: code.description.utf8) }
        output.append(contentsOf: "alias \"".utf8)
        let range = ModelName.trimmedRange(of: model)
        for offset in range where model[offset] >= 0x20 && model[offset] != 0x7F { output.append(model[offset]) }
        output.append(contentsOf: "\" resolved to \(self.aliasEndpoints) endpoint(s)".utf8)
    }
}
