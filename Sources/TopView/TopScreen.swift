/// The figures as lines of a terminal.
public struct TopScreen: Sendable {
    /// How a piece of a line looks where the terminal can show it.
    public enum Style: Sendable {
        /// As it is.
        case plain
        /// A name or a heading.
        case strong
        /// Something that needs no attention.
        case faint
        /// Something well.
        case good
        /// Something to look at.
        case warning
        /// Something wrong.
        case bad

        /// The escape sequence that begins the style (ECMA-48 section 8.3.117).
        var sequence: String {
            switch self {
            case .plain: ""
            case .strong: "\u{1B}[1m"
            case .faint: "\u{1B}[2m"
            case .good: "\u{1B}[32m"
            case .warning: "\u{1B}[33m"
            case .bad: "\u{1B}[31m"
            }
        }
    }

    private typealias Line = [(text: String, style: Style)]

    private let width: Int
    private let isStyled: Bool
    private var lines: [Line] = []

    /// A screen of figures.
    ///
    /// - Parameters:
    ///   - figures: what is shown.
    ///   - source: where it comes from, for the first line.
    ///   - clock: the time of day, for the first line.
    ///   - width: columns; longer lines are cut.
    ///   - isStyled: whether the terminal shows styles.
    public init(_ figures: TopFigures, source: String, clock: String, width: Int, isStyled: Bool) {
        self.width = max(20, width)
        self.isStyled = isStyled
        self.header(figures, source: source, clock: clock)
        self.latencies(figures)
        self.stages(figures)
        self.endpoints(figures)
        self.models(figures)
    }

    /// The lines, none longer than the width, styles not counted.
    public var text: [String] {
        self.lines.map { line in
            var room = self.width
            var text = ""
            for piece in line {
                let part = String(piece.text.prefix(room))
                room -= part.count
                let isPlain = !self.isStyled || piece.style == .plain || part.isEmpty
                text += isPlain ? part : piece.style.sequence + part + "\u{1B}[0m"
            }
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    // MARK: Parts

    private mutating func header(_ figures: TopFigures, source: String, clock: String) {
        let isUp = { (one: TopFigures.Endpoint) in
            ["healthy", "busy", "warming"].contains(one.state) && one.breaker != "open"
        }
        let up = figures.endpoints.count(where: isUp)
        let all = figures.endpoints.count
        var line: Line = [
            ("Glasspot \(figures.version)  ", .strong), (source, .plain), ("  \(clock)", .faint),
        ]
        if let uptime = figures.uptime { line.append(("  up \(TopText.span(uptime))", .faint)) }
        self.lines += [line, []]
        self.lines.append([
            ("Endpoints    ", .faint),
            (
                all == 0 ? "none configured" : "\(up) of \(all) up",
                up == all && all > 0 ? .good : up == 0 ? .bad : .warning
            ),
        ])
        let failed = figures.failedShare ?? 0
        self.lines.append([
            ("Requests     ", .faint), ("\(TopText.rate(figures.rate))/s", .strong), ("   failed ", .faint),
            (TopText.percent(figures.failedShare), failed > 0.01 ? .bad : .plain), ("   cancelled ", .faint),
            ("\(TopText.rate(figures.cancelled))/s", .plain), ("   retries ", .faint),
            ("\(TopText.rate(figures.retries))/s", .plain), ("   in flight ", .faint),
            (TopText.rate(figures.inFlight), .plain),
        ])
        self.lines += [
            [
                ("Tokens       ", .faint), ("\(TopText.rate(figures.outputTokens))/s", .strong), (" out   ", .faint),
                ("\(TopText.rate(figures.inputTokens))/s", .plain), (" in", .faint),
            ], [],
        ]
    }

    private mutating func latencies(_ figures: TopFigures) {
        self.lines.append([(TopText.row(["LATENCY", "p50", "p95", "p99"], [13, -10, -10, -10]), .faint)])
        let rows = [
            ("First token", figures.firstToken), ("Request", figures.request), ("Overhead", figures.overhead),
        ]
        for (name, quantiles) in rows {
            self.lines.append([
                (
                    TopText.row([name] + TopText.durations(quantiles), [13, -10, -10, -10]), .plain
                )
            ])
        }
        self.lines.append([])
    }

    private mutating func stages(_ figures: TopFigures) {
        let total = figures.stages.reduce(0) { $0 + $1.seconds }
        guard total > 0 else { return }
        self.lines.append([(TopText.row(["STAGE", "mean", "share"], [20, -10, -8]), .faint)])
        for stage in figures.stages.prefix(6) {
            let share = stage.seconds / total
            let bar = String(repeating: "█", count: Int((share * 30).rounded()))
            let cells = [stage.name, TopText.duration(stage.seconds), TopText.percent(share)]
            self.lines.append([(TopText.row(cells, [20, -10, -8]) + "  ", .plain), (bar, .good)])
        }
        self.lines.append([])
    }

    private mutating func endpoints(_ figures: TopFigures) {
        guard !figures.endpoints.isEmpty else { return }
        let widths = [TopText.column(figures.endpoints.map(\.name), "ENDPOINT"), 13, 10, -8, -8, -10, -10, -10, -9]
        self.lines.append([
            (
                TopText.row(
                    [
                        "ENDPOINT", "STATE", "BREAKER", "REQ/S", "FAILED", "IN FLIGHT", "TTFB p50", "TTFB p95",
                        "TOKENS/S",
                    ], widths), .faint
            )
        ])
        for one in figures.endpoints {
            let state: Style =
                switch one.state {
                case "healthy": .good
                case "busy", "warming", "rate_limited", "unknown": .warning
                default: .bad
                }
            let rest = [
                TopText.rate(one.rate), TopText.percent(one.failedShare), TopText.rate(one.inFlight),
                TopText.duration(one.firstByte.median), TopText.duration(one.firstByte.p95), TopText.rate(one.tokens),
            ]
            self.lines.append([
                (TopText.padded(one.name, to: widths[0]), .strong), (TopText.padded(one.state, to: widths[1]), state),
                (TopText.padded(one.breaker, to: widths[2]), one.breaker == "closed" ? .plain : .bad),
                (TopText.row(rest, Array(widths[3...])), .plain),
            ])
        }
        self.lines.append([])
    }

    private mutating func models(_ figures: TopFigures) {
        guard !figures.models.isEmpty else { return }
        let widths = [TopText.column(figures.models.map(\.name), "MODEL"), -8, -10, -10, -9]
        let heading = ["MODEL", "REQ/S", "TTFT p50", "TTFT p95", "TOKENS/S"]
        self.lines.append([(TopText.row(heading, widths), .faint)])
        for one in figures.models.prefix(20) {
            let rest = [
                TopText.rate(one.rate), TopText.duration(one.firstToken.median), TopText.duration(one.firstToken.p95),
                TopText.rate(one.tokens),
            ]
            self.lines.append([
                (TopText.padded(one.name, to: widths[0]), .strong), (TopText.row(rest, Array(widths[1...])), .plain),
            ])
        }
        if figures.models.count > 20 {
            self.lines.append([("and \(figures.models.count - 20) more", .faint)])
        }
    }
}

/// Numbers and columns as text; an absent number is a dash.
enum TopText {
    private static let none = "-"

    /// Three significant digits at most.
    static func significant(_ value: Double) -> String {
        let decimals = value.magnitude >= 100 ? 0 : value.magnitude >= 10 ? 1 : 2
        let scale = [1.0, 10, 100][decimals]
        let scaled = (value * scale).rounded()
        guard let digits = Int64(exactly: scaled) else { return Self.none }
        let unit = Int64(scale)
        var text = String(digits / unit)
        if decimals > 0 {
            let fraction = String(abs(digits % unit))
            text += "." + String(repeating: "0", count: decimals - fraction.count) + fraction
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        return text
    }

    static func rate(_ value: Double) -> String {
        guard value.isFinite else { return Self.none }
        switch value {
        case 1e6...: return Self.significant(value / 1e6) + "M"
        case 1e4...: return Self.significant(value / 1e3) + "k"
        default: return Self.significant(value)
        }
    }

    static func percent(_ share: Double?) -> String {
        guard let share, share.isFinite else { return Self.none }
        return Self.significant(share * 100) + " %"
    }

    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return Self.none }
        switch seconds {
        case ..<1e-3: return Self.significant(seconds * 1e6) + " µs"
        case ..<1: return Self.significant(seconds * 1e3) + " ms"
        default: return Self.significant(seconds) + " s"
        }
    }

    static func durations(_ quantiles: TopFigures.Quantiles) -> [String] {
        [Self.duration(quantiles.median), Self.duration(quantiles.p95), Self.duration(quantiles.p99)]
    }

    /// A longer span: `42s`, `7m`, `3h 5m`, `2d 4h`.
    static func span(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e12))
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3_600: return "\(whole / 60)m"
        case ..<86_400: return "\(whole / 3_600)h \(whole / 60 % 60)m"
        default: return "\(whole / 86_400)d \(whole / 3_600 % 24)h"
        }
    }

    /// Cells side by side; a negative width aligns to the right.
    static func row(_ cells: [String], _ widths: [Int]) -> String {
        zip(cells, widths).map { Self.padded($0, to: $1) }.joined()
    }

    static func padded(_ text: String, to width: Int) -> String {
        let room = abs(width)
        // One column stays free, so that a long name does not touch its neighbour.
        let text = text.count < room ? text : String(text.prefix(room - 2)) + "…"
        let blanks = String(repeating: " ", count: room - text.count)
        return width < 0 ? blanks + text : text + blanks
    }

    /// The width of a column of names: what the longest needs, within bounds.
    static func column(_ names: [String], _ heading: String) -> Int {
        min(40, max(14, names.map(\.count).max() ?? 0, heading.count) + 2)
    }
}
