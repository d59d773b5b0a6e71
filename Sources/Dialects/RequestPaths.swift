internal import ByteScan

/// The paths of a request body that the gateway looks at.
enum RequestPaths {
    /// What stands at a path.
    enum Field: UInt8 {
        case model = 1
        case firstMessageModel
        case stream
        case messages
        case prompt
        case tools
        case input
        case partType
        case image
    }

    /// All paths; names match in any case, as Go's decoder (and with it Ollama) matches them.
    static let pattern = JSONFieldPattern(
        [
            path("model", .model, capturesText: true),
            path("messages[0].model", .firstMessageModel, capturesText: true),
            path("stream", .stream),
            path("messages", .messages),
            path("prompt", .prompt),
            path("tools", .tools),
            path("functions", .tools),
            path("tool_choice", .tools),
            path("function_call", .tools),
            path("input", .input),
            path("messages[].content[].type", .partType, capturesText: true),
            path("messages[].content.type", .partType, capturesText: true),
            path("input[].content[].type", .partType, capturesText: true),
            path("messages[].images[]", .image),
            path("images[]", .image),
        ], ignoresCase: true)

    private static func path(
        _ path: String, _ field: Field, capturesText: Bool = false
    ) -> JSONFieldPattern.Path {
        .init(path, field: field.rawValue, capturesText: capturesText)
    }
}
