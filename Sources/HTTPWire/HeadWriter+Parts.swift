// The parts of a message head.
extension HeadWriter {
    /// Appends a number in decimal digits.
    public mutating func write(decimal value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var index = 20
        var rest = value
        repeat {
            index -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[index] = ASCII.zero + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest != 0
        unsafe self.write(digits.span.extracting(index..<20).bytes)
    }

    /// Appends a number in lower-case hexadecimal digits.
    ///
    /// - Parameters:
    ///   - value: The number.
    ///   - digitsMin: Zeros are put before it up to this many digits; at most 16.
    public mutating func write(hex value: UInt64, digitsMin: Int = 1) {
        var digits = InlineArray<16, UInt8>(repeating: ASCII.zero)
        var index = 16
        var rest = value
        while rest != 0 {
            index -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 0xF)
            digits[index] = digit < 10 ? ASCII.zero + digit : 0x57 + digit
            rest &>>= 4
        }
        let start = min(index, 16 - min(max(digitsMin, 1), 16))
        unsafe self.write(digits.span.extracting(start..<16).bytes)
    }

    /// Appends CRLF: the end of a line, or of the head if the line is empty.
    @inlinable
    public mutating func endLine() {
        self.write("\r\n" as StaticString)
    }

    /// Appends a field whose name and value are known beforehand.
    @inlinable
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        self.write(name)
        self.write(": " as StaticString)
        self.write(value)
        self.endLine()
    }

    /// Appends a field.
    ///
    /// - Parameters:
    ///   - name: A token.
    ///   - value: Must hold neither CR nor LF; values of parsed fields never do.
    @inlinable
    public mutating func field(_ name: StaticString, _ value: RawSpan) {
        self.write(name)
        self.write(": " as StaticString)
        self.write(value)
        self.endLine()
    }

    /// Appends a field with a decimal number.
    public mutating func field(_ name: StaticString, decimal value: UInt64) {
        self.write(name)
        self.write(": " as StaticString)
        self.write(decimal: value)
        self.endLine()
    }

    /// Appends a field as it was parsed: its name, a colon and one space, its value.
    @inlinable
    public mutating func field(_ field: HeaderField, of bytes: RawSpan) {
        self.write(bytes, field.name)
        self.write(": " as StaticString)
        self.write(bytes, field.value)
        self.endLine()
    }

    /// Appends a request line for HTTP/1.1.
    ///
    /// - Parameters:
    ///   - method: The method; for ``RequestMethod/other`` write its bytes with ``write(_:_:)`` and
    ///     the rest by hand.
    ///   - target: The request target.
    public mutating func requestLine(_ method: RequestMethod, target: RawSpan) {
        self.write(method.name)
        self.write(ASCII.space)
        self.write(target)
        self.write(" HTTP/1.1\r\n" as StaticString)
    }

    /// Appends a status line for HTTP/1.1 with the registered reason phrase, if there is one.
    ///
    /// - Parameter status: Three digits, 100 … 999.
    public mutating func statusLine(_ status: UInt16) {
        if status == 200 {
            self.write("HTTP/1.1 200 OK\r\n" as StaticString)
            return
        }
        self.write("HTTP/1.1 " as StaticString)
        self.write(decimal: UInt64(status))
        self.write(ASCII.space)
        self.write(ReasonPhrase.of(status))
        self.endLine()
    }

    /// Appends a status line for HTTP/1.1 with a given reason phrase.
    ///
    /// - Parameters:
    ///   - status: Three digits, 100 … 999.
    ///   - reason: Must hold neither CR nor LF; possibly empty.
    public mutating func statusLine(_ status: UInt16, reason: RawSpan) {
        self.write("HTTP/1.1 " as StaticString)
        self.write(decimal: UInt64(status))
        self.write(ASCII.space)
        self.write(reason)
        self.endLine()
    }
}
