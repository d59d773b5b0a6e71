/// What a mock answers on which path.
struct MockRoutes: Sendable {
    let kind: MockKind
    let behaviour: MockBehaviour

    /// Whether a request to `path` asks a model for something.
    static func isInference(method: String, path: String) -> Bool {
        method == "POST"
            && (Self.openAIOperation(path) != nil || Self.others.contains(path)
                || ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"].contains(path))
    }

    /// The answer to a request; unknown paths and wrong methods get the kind's own error.
    func answer(method: String, path: String, body: [UInt8]) -> Answer {
        let isRead = method == "GET" || method == "HEAD"
        if isRead, let answer = self.listing(path) { return answer }
        guard method == "POST" else {
            return isRead
                ? self.notFound(path)
                : self.openAI.failure(
                    status: 405, message: "Method Not Allowed")
        }
        if let operation = Self.openAIOperation(path), self.serves(path) {
            return self.openAIAnswer(operation, body: body)
        }
        if let answer = self.otherAnswer(path, body: body) { return answer }
        if self.kind == .ollama, let answer = self.ollamaAnswer(path, body: body) { return answer }
        return self.notFound(path)
    }

    /// An error in the form the kind gives its errors on this path.
    func failure(status: Int, message: String, path: String) -> Answer {
        self.kind == .ollama && path.hasPrefix("/api/")
            ? self.ollama.failure(status: status, message: message)
            : self.openAI.failure(status: status, message: message)
    }

    private var openAI: OpenAIDialect {
        OpenAIDialect(kind: self.kind, behaviour: self.behaviour)
    }
    private var ollama: OllamaDialect { OllamaDialect(behaviour: self.behaviour) }

    private func notFound(_ path: String) -> Answer {
        self.kind == .ollama
            ? .text("404 page not found", status: 404)
            : self.openAI.failure(status: 404, message: "Not Found: \(path)")
    }

    private func listing(_ path: String) -> Answer? {
        switch (path, self.kind) {
        case ("/v1/models", _): self.openAI.models()
        case ("/", .ollama): .text("Ollama is running")
        case ("/api/version", .ollama): .json(["version": .string(OllamaDialect.version)])
        case ("/api/tags", .ollama): self.ollama.tags()
        case ("/api/ps", .ollama): self.ollama.running()
        case ("/api/v0/models", .lmStudio): self.lmStudioModels()
        case ("/health", .llamacpp), ("/health", .openAI): .json(["status": "ok"])
        case ("/health", .vllm): Answer(body: .whole([], tokens: 0))
        case ("/version", .vllm): .json(["version": "0.11.1"])
        default: nil
        }
    }

    private func lmStudioModels() -> Answer {
        let entries = self.behaviour.models.map { model -> JSONValue in
            [
                "id": .string(model.name), "object": "model",
                "type": model.isEmbedding ? "embeddings" : "llm", "publisher": "mock",
                "arch": "llama", "compatibility_type": "gguf", "quantization": "Q4_K_M",
                "state": "loaded", "max_context_length": JSONValue(model.contextLength),
                "loaded_context_length": JSONValue(model.contextLength),
            ]
        }
        return .json(["object": "list", "data": .array(entries)])
    }

    /// Paths of dialects beside the servers' first one.
    private static let others: Set<String> = [
        MessagesDialect.path, ResponsesDialect.path, "/v1/audio/transcriptions", "/v1/audio/speech",
        "/v1/images/generations",
    ]

    /// The answer of a dialect beside the server's first one; nil for other paths.
    private func otherAnswer(_ path: String, body: [UInt8]) -> Answer? {
        let responses = ResponsesDialect(behaviour: self.behaviour)
        switch path {
        case MessagesDialect.path, MessagesDialect.countPath:
            // OpenAI itself does not speak the dialect of its rival.
            return self.kind == .openAI ? nil : self.messagesAnswer(path, body: body)
        case ResponsesDialect.path:
            guard let document = try? JSONParser.parse(body) else {
                return self.openAI.failure(status: 400, message: "The body is not valid JSON.")
            }
            let request = InferenceRequest(responses: document, alwaysCallsTools: self.behaviour.alwaysCallsTools)
            guard self.has(request.model) else {
                return self.openAI.failure(status: 404, message: "The model '\(request.model)' does not exist.")
            }
            return responses.answer(request)
        case "/v1/audio/transcriptions": return responses.transcription(bytes: body.count)
        case "/v1/audio/speech": return responses.speech()
        case "/v1/images/generations": return responses.picture()
        default: return nil
        }
    }

    private func messagesAnswer(_ path: String, body: [UInt8]) -> Answer {
        let dialect = MessagesDialect(behaviour: self.behaviour)
        guard let document = try? JSONParser.parse(body) else {
            return dialect.failure(status: 400, message: "The body is not valid JSON.")
        }
        let request = InferenceRequest(messages: document, alwaysCallsTools: self.behaviour.alwaysCallsTools)
        guard self.has(request.model) else {
            return dialect.failure(status: 404, message: "model: \(request.model)")
        }
        return path == MessagesDialect.countPath ? dialect.count(request) : dialect.answer(request)
    }

    private static func openAIOperation(_ path: String) -> InferenceRequest.Operation? {
        switch path {
        case "/v1/chat/completions", "/api/v0/chat/completions": .chat
        case "/v1/completions", "/api/v0/completions": .completion
        case "/v1/embeddings", "/api/v0/embeddings": .embeddings
        default: nil
        }
    }

    private func serves(_ path: String) -> Bool {
        path.hasPrefix("/v1/") || self.kind == .lmStudio
    }

    private func openAIAnswer(
        _ operation: InferenceRequest.Operation, body: [UInt8]
    ) -> Answer {
        guard let document = try? JSONParser.parse(body) else {
            return self.openAI.failure(status: 400, message: "The body is not valid JSON.")
        }
        let request = InferenceRequest(
            openAI: document, operation: operation,
            alwaysCallsTools: self.behaviour.alwaysCallsTools)
        let isNamed = !request.model.isEmpty || self.kind == .llamacpp
        guard isNamed, !request.prompt.isEmpty || operation != .chat else {
            return self.openAI.failure(
                status: 400, message: "The fields 'model' and 'messages' are required.")
        }
        guard self.has(request.model) else {
            return self.openAI.failure(
                status: 404, message: "The model '\(request.model)' does not exist.")
        }
        return self.openAI.answer(request)
    }

    private func ollamaAnswer(_ path: String, body: [UInt8]) -> Answer? {
        let operation: InferenceRequest.Operation
        switch path {
        case "/api/chat": operation = .chat
        case "/api/generate": operation = .completion
        case "/api/embed", "/api/embeddings": operation = .embeddings
        case "/api/show": operation = .completion
        default: return nil
        }
        guard let document = try? JSONParser.parse(body) else {
            return self.ollama.failure(status: 400, message: "invalid JSON")
        }
        if path == "/api/show" { return self.ollama.show(document["model"]?.string ?? "") }
        let request = InferenceRequest(
            ollama: document, operation: operation,
            alwaysCallsTools: self.behaviour.alwaysCallsTools)
        guard !request.model.isEmpty else {
            return self.ollama.failure(status: 400, message: "model is required")
        }
        guard self.has(request.model) else {
            return self.ollama.failure(
                status: 404, message: "model '\(request.model)' not found")
        }
        return operation == .embeddings
            ? self.ollama.embeddings(request, isList: path == "/api/embed")
            : self.ollama.answer(request, isChat: operation == .chat)
    }

    /// llama.cpp serves what it has loaded, whatever it is called.
    private func has(_ model: String) -> Bool {
        self.kind == .llamacpp || self.behaviour.models.contains { $0.name == model }
    }
}
