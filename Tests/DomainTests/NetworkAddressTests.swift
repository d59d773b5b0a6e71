import Domain
import Testing

@Suite("NetworkAddress and NetworkBlock")
struct NetworkAddressTests {
    @Test(
        "forms of one address are equal",
        arguments: [
            ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "0:0:0:0:0:0:0:1"), ("::1", "0000::0001"),
            ("2001:DB8::a", "2001:db8:0:0:0:0:0:A"), ("::", "0:0:0:0:0:0:0:0"), ("fe80::1%eth0", "fe80::1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func equal(left: String, right: String) {
        #expect(NetworkAddress(left) != nil)
        #expect(NetworkAddress(left) == NetworkAddress(right))
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", "1..2.3", "1.2.3.4 ", ":", ":::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7:8::", "::1.2.3",
            "1.2.3.4:80", "[::1]", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "%eth0",
        ])
    func refused(text: String) { #expect(NetworkAddress(text) == nil) }

    @Test(
        "a block holds the addresses that share its first bits",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.9.9.9", true), ("192.168.1.0/25", "192.168.1.127", true),
            ("192.168.1.0/25", "192.168.1.128", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", true), ("::1/128", "::1", true),
            ("::1/128", "::2", false), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
            ("2001:db8::/65", "2001:db8:0:0:8000::", false), ("2001:db8::/65", "2001:db8:0:0:7fff::", true),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("1.2.3.4/32", "1.2.3.4", true), ("1.2.3.4/32", "1.2.3.5", false),
        ])
    func blocks(block: String, address: String, isInside: Bool) throws {
        let block = try #require(NetworkBlock(block))
        #expect(block.contains(try #require(NetworkAddress(address))) == isInside)
    }

    @Test(
        "what is no block is refused",
        arguments: ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "x/8", "/8"])
    func refusedBlocks(text: String) { #expect(NetworkBlock(text) == nil) }
}
