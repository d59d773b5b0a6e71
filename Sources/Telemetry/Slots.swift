/// An endpoint as a value of the `endpoint` label.
///
/// Found once, on the control plane, by ``MetricStore/endpointSlot(forName:)``.
public struct EndpointSlot: RawRepresentable, Hashable, Sendable {
    /// The position in the label's domain.
    public let rawValue: UInt16

    /// Wraps a position that came from a ``MetricStore``.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The overflow value, `other`.
    public static let other = EndpointSlot(rawValue: 0)
    static let reserved = ["other"]
}

/// A model as a value of the `model` label.
///
/// Found once, on the control plane, by ``MetricStore/modelSlot(forID:)``.
public struct ModelSlot: RawRepresentable, Hashable, Sendable {
    /// The position in the label's domain.
    public let rawValue: UInt16

    /// Wraps a position that came from a ``MetricStore``.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The request names no model: `none`.
    public static let none = ModelSlot(rawValue: 0)
    /// A model without a value of its own: `other`.
    public static let other = ModelSlot(rawValue: 1)
    static let reserved = ["none", "other"]
}

/// A client key as a value of the `key` label.
///
/// Found once, on the control plane, by ``MetricStore/clientKeySlot(forName:)``.
public struct ClientKeySlot: RawRepresentable, Hashable, Sendable {
    /// The position in the label's domain.
    public let rawValue: UInt16

    /// Wraps a position that came from a ``MetricStore``.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A key without a value of its own: `other`.
    public static let other = ClientKeySlot(rawValue: 0)
    static let reserved = ["other"]
}
