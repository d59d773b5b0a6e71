import Domain
import SeededRandomness
import Testing

@Suite("Trace context")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"
    private static let usual = "00-\(trace)-\(parent)-01"

    private func read(_ text: String) -> Traceparent? {
        let bytes = Array(text.utf8)
        return Traceparent(bytes.span)
    }

    @Test("a parent of version 00 is read part by part")
    func partByPart() throws {
        let parent = try #require(self.read(Self.usual))
        #expect(parent.traceID == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
        #expect(parent.parentID == SpanID(rawValue: 0x00f0_67aa_0ba9_02b7))
        #expect(parent.flags == .sampled)
    }

    @Test("only flags with a meaning are kept", arguments: 0...255)
    func flags(bits: Int) throws {
        let digits = String(bits + 256, radix: 16).dropFirst()
        let version00 = try #require(self.read("00-\(Self.trace)-\(Self.parent)-\(digits)"))
        #expect(version00.flags.rawValue == UInt8(bits & 3))
        let version01 = try #require(self.read("01-\(Self.trace)-\(Self.parent)-\(digits)"))
        #expect(version01.flags.rawValue == UInt8(bits & 1))
    }

    @Test("a higher version is read by its first four parts", arguments: 1...254)
    func higherVersions(version: Int) throws {
        let digits = String(version + 256, radix: 16).dropFirst()
        let expected = try #require(self.read(Self.usual))
        let plain = "\(digits)-\(Self.trace)-\(Self.parent)-01"
        #expect(self.read(plain) == expected)
        #expect(self.read(plain + "-") == expected)
        #expect(self.read(plain + "-what-the-future-will-be-like") == expected)
        #expect(self.read(plain + ".what") == nil)
        #expect(self.read(plain + "0") == nil)
    }

    @Test(
        "what breaks a rule counts as absent",
        arguments: [
            "", "00", "ff-\(trace)-\(parent)-01", "ff-\(trace)-\(parent)-01-x", usual + "-", usual + "-x", usual + " ",
            " " + usual, usual.uppercased(), "0A-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01",
            "00-\(trace)-00F067AA0BA902B7-01", "00-\(trace)-\(parent)-0A", "00-\(trace)-\(parent)-0",
            "00-\(trace)-\(parent)-001", "0-\(trace)-\(parent)-01", "000-\(trace)-\(parent)-01",
            "00-\(String(repeating: "0", count: 32))-\(parent)-01",
            "00-\(trace)-\(String(repeating: "0", count: 16))-01", "00-\(trace.dropLast())-\(parent)-01",
            "00-\(trace)a-\(parent)-01", "00-\(trace.dropLast())g-\(parent)-01", "00_\(trace)-\(parent)-01",
            "00-\(trace)_\(parent)-01", "00-\(trace)-\(parent)_01", "xx-\(trace)-\(parent)-01",
            "01-\(String(repeating: "0", count: 32))-\(parent)-01-x", "é0-\(trace)-\(parent)-01",
        ])
    func refused(text: String) {
        #expect(self.read(text) == nil)
    }

    @Test("every other byte at every place is refused or means something else")
    func everyByte() throws {
        let expected = try #require(self.read(Self.usual))
        for position in 0..<Traceparent.byteCount {
            for byte in UInt8.min...UInt8.max {
                var bytes = Array(Self.usual.utf8)
                guard bytes[position] != byte else { continue }
                bytes[position] = byte
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                let isDash = [2, 35, 52].contains(position)
                let isFlag = position >= 53
                let found = Traceparent(bytes.span)
                if isDash || !isDigit {
                    #expect(found == nil)
                } else if position < 2 {
                    #expect(found == expected)
                } else if !isFlag {
                    #expect(found != nil && found != expected)
                }
            }
        }
        for length in 0..<Traceparent.byteCount { #expect(self.read(String(Self.usual.prefix(length))) == nil) }
    }

    @Test("a request continues the client's trace or begins one")
    func contexts() throws {
        let parent = try #require(self.read(Self.usual))
        let child = TraceContext(continuing: parent, spanID: SpanID(rawValue: 7))
        #expect(child.traceID == parent.traceID)
        #expect(child.parentID == parent.parentID)
        #expect(child.spanID.rawValue == 7)
        #expect(child.isSampled)
        let root = TraceContext(starting: TraceID(random: 1, 2), spanID: SpanID(random: 3), flags: [])
        #expect(!root.parentID.isValid && !root.isSampled && root.traceID.isValid)
        #expect(!TraceContext.none.traceID.isValid && !TraceContext.none.spanID.isValid)
    }

    @Test("ids made of zeros only are mended")
    func zeros() {
        #expect(TraceID(random: 0, 0).isValid)
        #expect(SpanID(random: 0).isValid)
        #expect(TraceID(random: 5, 0) == TraceID(high: 5, low: 0))
    }

    @Test("the sampler takes its share, and all samplers of one share agree", arguments: [0, 0.01, 0.25, 0.5, 0.9, 1])
    func sampler(ratio: Double) {
        var random = SeededGenerator(seed: 11)
        let sampler = TraceSampler(ratio: ratio)
        let wider = TraceSampler(ratio: min(1, ratio + 0.05))
        var count = 0
        for _ in 0..<20_000 {
            let id = TraceID(random: random.next(), random.next())
            guard sampler.samples(id) else { continue }
            count += 1
            // A larger share contains every smaller one.
            #expect(wider.samples(id))
        }
        #expect(abs(Double(count) / 20_000 - ratio) < 0.02)
        if ratio == 0 { #expect(count == 0) }
        if ratio == 1 { #expect(count == 20_000) }
    }

    @Test("shares beyond the scale count as its ends", arguments: [(-1, false), (Double.nan, false), (7, true)])
    func oddRatios(ratio: Double, isSampled: Bool) {
        #expect(TraceSampler(ratio: ratio).samples(TraceID(high: 1, low: 0)) == isSampled)
    }
}

@Suite("Trace state")
struct TraceStateCheckTests {
    private func isAcceptable(_ lines: [String]) -> Bool {
        var check = TraceStateCheck()
        for line in lines {
            let bytes = Array(line.utf8)
            check.add(bytes.span)
        }
        return check.isAcceptable
    }

    private static func members(_ count: Int) -> String { (0..<count).map { "k\($0)=v" }.joined(separator: ",") }

    @Test(
        "lists of the grammar are passed on",
        arguments: [
            ["a=1"], ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], ["a=1 , b=2\t,\tc=3"], ["a=1", "b=2"], ["", "a=1"],
            ["a=1,,b=2,"], ["fw529a3039@dt=FfxxL:1"], ["0tenant@system=x"], ["a_-*/9=!#$%&'()*+-./:;<>?@[]^_`{|}~"],
            ["a=b c"], [members(32)], [members(16), "x=1"], ["a" + String(repeating: "b", count: 255) + "=1"],
            ["a=" + String(repeating: "b", count: 256)],
        ])
    func accepted(lines: [String]) {
        #expect(self.isAcceptable(lines))
    }

    @Test(
        "others are dropped as a whole",
        arguments: [
            [], [""], [",,"], ["a"], ["=1"], ["a="], ["a=b=c"], ["A=1"], ["1a=1"], ["a b=1"], ["@s=1"], ["t@=1"],
            ["t@1=1"], ["t@s@u=1"], ["a=\u{7f}"], ["a=é"], ["a=1\tb"], [members(33)], [members(32), "x=1"],
            ["a" + String(repeating: "b", count: 256) + "=1"], ["a=" + String(repeating: "b", count: 257)],
            ["t@" + String(repeating: "s", count: 15) + "=1"], [String(repeating: "t", count: 242) + "@s=1"],
            ["a=1,b"], ["a=1", "b"],
        ])
    func refused(lines: [String]) {
        #expect(!self.isAcceptable(lines))
    }
}
