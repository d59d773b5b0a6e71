/// The routes under `/_mock/` by which a mock in another process is watched and steered.
///
/// `GET /_mock/state` shows kind, counts, behaviour and the last requests; `POST /_mock/behaviour`
/// takes a ``BehaviourPatch``; `POST /_mock/reset` forgets counts and requests.
struct ControlSurface {
    static let prefix = "/_mock/"

    let kind: MockKind
    let ledger: MockLedger
    let listener: MockListener

    /// Obeys a command that came on `connection`, which survives playing dead.
    func answer(
        method: String, path: String, body: [UInt8], connection: ObjectIdentifier
    ) -> Answer {
        switch (method, path) {
        case ("GET", "/_mock/state"): return .json(self.state)
        case ("POST", "/_mock/reset"):
            self.ledger.reset()
            return .json(self.state)
        case ("POST", "/_mock/behaviour"):
            do {
                let patch = try BehaviourPatch(JSONParser.parse(body))
                self.ledger.update { patch.apply(to: &$0) }
                if let listens = patch.listens { self.setListening(listens, sparing: connection) }
                return .json(self.state)
            } catch {
                return .json(["error": .string(String(describing: error))], status: 400)
            }
        default: return .json(["error": "no such control"], status: 404)
        }
    }

    private func setListening(_ listens: Bool, sparing connection: ObjectIdentifier) {
        let listener = self.listener
        Task {
            if listens {
                // When another process has taken the port the state goes on saying so.
                _ = try? await listener.listen()
            } else {
                try? await listener.pause(sparing: connection)
            }
        }
    }

    private var state: JSONValue {
        [
            "kind": .string(self.kind.rawValue), "port": JSONValue(self.listener.port),
            "listening": .bool(self.listener.isListening),
            "counts": self.counts, "behaviour": self.ledger.behaviour.json,
            "last_requests": .array(self.ledger.requests.map(Self.json)),
        ]
    }

    private var counts: JSONValue {
        let counts = self.ledger.counts
        return [
            "connections_accepted": JSONValue(counts.connectionsAccepted),
            "connections_open": JSONValue(counts.connectionsOpen),
            "requests": JSONValue(counts.requests),
            "requests_by_path": Self.json(counts.requestsByPath),
            "request_bytes": JSONValue(counts.requestBytes),
            "response_bytes": JSONValue(counts.responseBytes),
            "answers_finished": JSONValue(counts.answersFinished),
            "cancellations": JSONValue(counts.cancellations),
            "chunks": JSONValue(counts.chunks),
            "input_tokens": JSONValue(counts.inputTokens),
            "output_tokens": JSONValue(counts.outputTokens),
            "faults": Self.json(counts.faults),
            "bad_requests": JSONValue(counts.badRequests),
        ]
    }

    private static func json(_ table: [String: Int]) -> JSONValue {
        .object(
            table.sorted { $0.key < $1.key }.map {
                JSONMember(key: $0.key, value: JSONValue($0.value))
            })
    }

    private static func json(_ request: SeenRequest) -> JSONValue {
        [
            "method": .string(request.method), "target": .string(request.target),
            "headers": .array(request.fields.map { JSONValue([$0.name, $0.value]) }),
            "body": .string(String(decoding: request.body, as: UTF8.self)),
            "connection": JSONValue(request.connection), "ordinal": JSONValue(request.ordinal),
        ]
    }
}
