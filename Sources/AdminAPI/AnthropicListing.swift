import Catalog
import Domain
import Pipeline

/// The page `/olla/anthropic/v1/models`: the models of endpoints that are up, as Anthropic lists them (http-surface 4.9).
struct AnthropicListing {
    let fleet: FleetSnapshot
    /// When the process started: the moment all models are said to have been made.
    let created: Nanoseconds

    /// The most models of one page.
    private static let pageMax = 1_000

    /// The page, or the part of it that `limit`, `after_id` and `before_id` name.
    ///
    /// - Parameters:
    ///   - query: the parameters; unknown ones are ignored.
    ///   - requestID: the id of the request, for an error.
    /// - Returns: the page; 400 for a limit that is none.
    func answer(_ query: Query, requestID: String) -> LocalResponse {
        var ids = self.fleet.listing().map(\.id).sorted()
        var hasMore = false
        var limit = Int.max
        if let text = query["limit"] {
            guard let number = Int(text), 1...Self.pageMax ~= number else {
                return Self.error("limit must be a whole number from 1 to \(Self.pageMax)", requestID: requestID)
            }
            limit = number
        }
        if let before = query["before_id"] {
            ids = Array(ids.prefix { $0 < before })
            hasMore = ids.count > limit
            ids = Array(ids.suffix(limit))
        } else {
            if let after = query["after_id"] { ids = Array(ids.drop { $0 <= after }) }
            hasMore = ids.count > limit
            ids = Array(ids.prefix(limit))
        }
        let moment = DisplayText.time(self.created)
        let models = ids.map { id -> JSONValue in
            .object([
                ("type", "model"), ("id", .string(id)), ("display_name", .string(id)), ("created_at", .string(moment)),
            ])
        }
        return .json(
            .object([
                ("data", .array(models)), ("has_more", .bool(hasMore)),
                ("first_id", ids.first.map { .string($0) } ?? .null),
                ("last_id", ids.last.map { .string($0) } ?? .null),
            ]))
    }

    private static func error(_ message: String, requestID: String) -> LocalResponse {
        .json(
            .object([
                ("type", "error"),
                ("error", .object([("type", "invalid_request_error"), ("message", .string(message))])),
                ("request_id", .string(requestID)),
            ]), status: 400)
    }
}
