import Domain
import Testing

@testable import Pipeline

@Suite("TrustedPeers")
struct TrustedPeersTests {
    private static func finding(_ list: String) throws -> String {
        let peers = TrustedPeers(["10.0.0.0/8", "fd00::/8"].compactMap { NetworkBlock($0) })
        let bytes = Array(list.utf8)
        return switch peers.client(in: bytes.span.bytes) {
        case .client(let range, _): String(decoding: bytes[range], as: UTF8.self)
        case .allTrusted: "all trusted"
        case .unknown: "unknown"
        }
    }

    @Test(
        "the right-most address that is no proxy of ours is the client",
        arguments: [
            ("203.0.113.9", "203.0.113.9"), ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, 10.0.0.1", "203.0.113.9"), ("203.0.113.9,10.1.1.1 ,\t10.0.0.1 ", "203.0.113.9"),
            ("6.6.6.6, 2001:db8::7, fd00::1", "2001:db8::7"), ("10.0.0.1, 10.0.0.2", "all trusted"),
            ("", "all trusted"),
            (" , ,", "all trusted"), ("203.0.113.9, nonsense", "unknown"),
            ("203.0.113.9, unknown, 10.0.0.1", "unknown"),
            ("nonsense, 203.0.113.9", "203.0.113.9"), ("203.0.113.9:80", "unknown"), ("010.0.0.1", "unknown"),
        ])
    func reads(list: String, expected: String) throws { #expect(try Self.finding(list) == expected) }
}

@Suite("Client keys")
struct ClientKeysTests {
    private static func digest(_ text: String) -> KeyDigest {
        let bytes = Array(text.utf8)
        return KeyDigest(of: bytes.span.bytes)
    }

    @Test(
        "digests are those of FIPS 180-4 and its examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func hashes(text: String, expected: String) throws {
        let known = try #require(KeyDigest(hexadecimal: expected.uppercased()))
        #expect(Self.digest(text).difference(from: known) == 0)
        #expect(Self.digest(text + "x").difference(from: known) != 0)
    }

    @Test(
        "around the ends of blocks too, as sha256sum says",
        arguments: [
            (55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            (63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"),
            (64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            (65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"),
            (119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
            (120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"),
            (1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ])
    func hashesBlocks(count: Int, expected: String) throws {
        let known = try #require(KeyDigest(hexadecimal: expected))
        #expect(Self.digest(String(repeating: "a", count: count)).difference(from: known) == 0)
    }

    @Test("a digest is read from 64 hexadecimal digits only", arguments: ["", "ab", String(repeating: "g", count: 64)])
    func refuses(text: String) { #expect(KeyDigest(hexadecimal: text) == nil) }

    @Test("a value finds its key, wherever it stands, and nothing else does")
    func finds() {
        let keys = ClientKeys((0..<5).map { ClientKey(name: "k\($0)", digest: Self.digest("value-\($0)")) })
        for position in 0..<5 {
            let bytes = Array("value-\(position)".utf8)
            #expect(keys.find(bytes.span.bytes) == position)
        }
        for text in ["", "value-", "value-55", "VALUE-1", "k1"] {
            let bytes = Array(text.utf8)
            #expect(keys.find(bytes.span.bytes) == nil)
        }
    }

    @Test(
        "the scheme Bearer is known in any case",
        arguments: [
            ("Bearer abc", "abc"), ("bearer   abc", "abc"), ("BEARER a b", "a b"), ("Basic abc", nil), ("Bearer", nil),
            ("Bearerabc", nil), ("", nil),
        ] as [(String, String?)])
    func reads(field: String, expected: String?) {
        let bytes = Array(field.utf8)
        let range = ClientKeys.bearer(bytes.span.bytes)
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
    }

    @Test("a key's requests and tokens run out, each on its own")
    func limits() {
        let now = MonotonicTime(rawValue: 1_000_000_000_000)
        let keys = ClientKeys([
            ClientKey(name: "a", digest: Self.digest("a"), requestsPerMinute: 2),
            ClientKey(name: "b", digest: Self.digest("b"), tokensPerMinute: 100),
        ])
        #expect(keys.take(0, at: now) == nil)
        #expect(keys.take(0, at: now) == nil)
        #expect(keys.take(0, at: now)?.retryAt == now + .seconds(30))
        keys.giveBack(0)
        #expect(keys.take(0, at: now) == nil)
        #expect(keys.take(1, at: now) == nil)
        keys.charge(1, tokens: 130, at: now)
        #expect(keys.take(1, at: now) != nil)
        #expect(keys.take(1, at: now + .seconds(10)) != nil)
        #expect(keys.take(1, at: now + .seconds(20)) == nil)
        #expect(keys.take(0, at: now + .seconds(1)) != nil)
    }
}
