import Foundation

/// The message that the events of a stream of Anthropic's Messages API add up to.
struct StreamedMessage {
    /// The message as one line of JSON.
    let body: [UInt8]
    /// Whether the stream said that it was complete.
    let isWhole: Bool

    /// Puts a message together; nil when the bytes are no such stream.
    init?(events: [UInt8]) {
        guard let text = String(validating: events, as: UTF8.self) else { return nil }
        var parts = Parts()
        for line in text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" }) where line.hasPrefix("data:") {
            let data = Data(line.dropFirst(5).utf8)
            if let event = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] { parts.take(event) }
        }
        guard let message = parts.message(),
            let data = try? JSONSerialization.data(
                withJSONObject: message, options: [.sortedKeys, .withoutEscapingSlashes])
        else { return nil }
        self.body = Array(data)
        self.isWhole = parts.isWhole
    }

    /// What has been said of a message so far.
    private struct Parts {
        /// A block of content with the texts that have grown meanwhile, by the member they belong to.
        struct Block {
            var members: [String: Any] = [:]
            var texts: [String: String] = [:]
            var input = ""
        }

        var head: [String: Any]?
        var blocks: [Int: Block] = [:]
        var isWhole = false

        mutating func take(_ event: [String: Any]) {
            switch event["type"] as? String {
            case "message_start": self.head = event["message"] as? [String: Any]
            case "content_block_start":
                guard let index = event["index"] as? Int else { return }
                self.blocks[index, default: Block()].members = event["content_block"] as? [String: Any] ?? [:]
            case "content_block_delta":
                guard let index = event["index"] as? Int, let delta = event["delta"] as? [String: Any] else { return }
                self.grow(index, delta)
            case "message_delta":
                for (name, value) in event["delta"] as? [String: Any] ?? [:] { self.head?[name] = value }
                var usage = self.head?["usage"] as? [String: Any] ?? [:]
                for (name, value) in event["usage"] as? [String: Any] ?? [:] { usage[name] = value }
                if !usage.isEmpty { self.head?["usage"] = usage }
            case "message_stop": self.isWhole = true
            case "error": self.head?["error"] = event["error"]
            default: return
            }
        }

        private mutating func grow(_ index: Int, _ delta: [String: Any]) {
            var block = self.blocks.removeValue(forKey: index) ?? Block()
            for (name, value) in delta where name != "type" {
                if name == "partial_json" {
                    block.input += value as? String ?? ""
                } else if name == "citation" {
                    block.members["citations"] = (block.members["citations"] as? [Any] ?? []) + [value]
                } else if let text = value as? String {
                    block.texts[name, default: block.members[name] as? String ?? ""] += text
                }
            }
            self.blocks[index] = block
        }

        /// The message; nil when none has begun.
        func message() -> [String: Any]? {
            guard var message = self.head else { return nil }
            message["content"] = self.blocks.sorted { $0.key < $1.key }.map { _, block -> [String: Any] in
                var members = block.members
                for (name, text) in block.texts { members[name] = text }
                if !block.input.isEmpty {
                    members["input"] =
                        (try? JSONSerialization.jsonObject(with: Data(block.input.utf8))) ?? block.input
                }
                return members
            }
            return message
        }
    }
}
