/// What a request of Anthropic's Messages API needs that some servers with an API of their own for it lack.
public struct MessageNeeds: OptionSet, Sendable {
    /// One bit a need.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Tools are offered; a profile lacks them with `no_tool_use`.
    public static let tools = MessageNeeds(rawValue: 1)
    /// Extended thinking is asked for; lacking with `no_extended_thinking`.
    public static let thinking = MessageNeeds(rawValue: 2)
    /// An image is part of a message; lacking with `no_vision`.
    public static let images = MessageNeeds(rawValue: 4)
}
