import Testing

@testable import Journal

@Suite("Text for people")
struct TextProjectionTests {
    private func text(_ line: String, coloured: Bool = false, access: Bool = true) -> String? {
        var line = line
        var output: [UInt8] = []
        let isShown = line.withUTF8 {
            TextProjection(isColoured: coloured, showsAccessLog: access)
                .append(UnsafeRawBufferPointer($0), to: &output)
        }
        return isShown ? String(decoding: output, as: UTF8.self) : nil
    }

    @Test("shows every field of a line")
    func fields() {
        let line =
            #"{"timestamp":"T","level":"INFO","msg":"Access log","n":-1.5,"ok":true,"#
            + #""stages_us":{"wait":12.000,"send":1.000},"path":"/a?b=c","empty":"","last":null}"#
        #expect(
            self.text(line) == "time=T level=INFO msg=\"Access log\" n=-1.5 ok=true stages_us.wait=12.000 "
                + "stages_us.send=1.000 path=\"/a?b=c\" empty=\"\" last=null\n")
    }

    @Test("can't be forged by what a client sends")
    func forgery() {
        let line = #"{"timestamp":"T","level":"INFO","msg":"m","agent":"x\nlevel=ERROR \"y\" \u001b[31m"}"#
        let text = self.text(line)
        #expect(text == #"time=T level=INFO msg=m agent="x\nlevel=ERROR \"y\" \u001b[31m""# + "\n")
    }

    @Test("hides access records where it is told to, and nothing else")
    func hidden() {
        let access = #"{"timestamp":"T","level":"INFO","msg":"Access log","path":"/"}"#
        let other = #"{"timestamp":"T","level":"INFO","msg":"m","note":"Access log"}"#
        #expect(self.text(access, access: false) == nil)
        #expect(self.text(access) != nil)
        #expect(self.text(other, access: false) == "time=T level=INFO msg=m note=\"Access log\"\n")
    }

    @Test("colours the level only", arguments: [("DEBUG", 90), ("INFO", 32), ("WARN", 33), ("ERROR", 31)])
    func colours(level: String, colour: Int) {
        let line = #"{"timestamp":"T","level":"\#(level)","msg":"m"}"#
        #expect(self.text(line, coloured: true) == "time=T level=\u{1B}[\(colour)m\(level)\u{1B}[0m msg=m\n")
    }
}
