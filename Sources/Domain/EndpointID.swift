/// The stable public names of endpoints: FNV-1a, 32 bits, over the sanitised URL, in base 36.
///
/// Identical on all status routes (http-surface 1.7, "endpoint id").
public enum EndpointID {
    /// The id of a sanitised URL.
    public static func text(ofSanitised url: String) -> String {
        var hash: UInt32 = 0x811C_9DC5
        for byte in url.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return String(hash, radix: 36)
    }

    /// The ids of a whole fleet, in the order given.
    ///
    /// Endpoints with the same sanitised URL get `-0`, `-1`, … in order of name, then of the URL as written.
    public static func texts(of endpoints: [(name: String, url: EndpointURL)]) -> [String] {
        var ids = endpoints.map { self.text(ofSanitised: $0.url.sanitised) }
        let groups = Dictionary(grouping: endpoints.indices) { endpoints[$0].url.sanitised }
        for group in groups.values where group.count > 1 {
            let ordered = group.sorted { left, right in
                let (first, second) = (endpoints[left], endpoints[right])
                return (first.name, first.url.text, left) < (second.name, second.url.text, right)
            }
            for (position, index) in ordered.enumerated() { ids[index] += "-\(position)" }
        }
        return ids
    }
}
