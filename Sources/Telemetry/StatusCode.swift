/// The `code` and `code_class` labels: status codes cut down to an allow-list.
enum StatusCode {
    /// The codes that are a label value of their own, ascending.
    static let allowed: [Int] = [
        200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431,
        499, 500, 501, 502, 503, 504,
    ]
    /// The values of the `code` label.
    static let values: [String] = Self.allowed.map { String($0) } + ["other", "none"]
    /// The values of the `code_class` label; `other` holds codes outside 200 to 599, and no code.
    static let classes: [String] = ["2xx", "3xx", "4xx", "5xx", "other"]

    /// Codes 200 to 511 to label positions: a byte each.
    private static let positions: InlineArray<312, UInt8> = {
        var table = InlineArray<312, UInt8>(repeating: UInt8(Self.allowed.count))
        for (position, code) in Self.allowed.enumerated() { table[code - 200] = UInt8(position) }
        return table
    }()

    /// The position of a code in ``values``; 0 means that there was no answer.
    static func position(_ code: Int) -> UInt16 {
        if code == 0 { return UInt16(Self.allowed.count + 1) }
        guard code >= 200, code < 512 else { return UInt16(Self.allowed.count) }
        return UInt16(Self.positions[code - 200])
    }

    /// The position of a code's class in ``classes``.
    static func classPosition(_ code: Int) -> UInt16 {
        code >= 200 && code < 600 ? UInt16(code / 100 - 2) : 4
    }
}
