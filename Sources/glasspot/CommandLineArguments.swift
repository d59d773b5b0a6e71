/// Spellings of flags that Go programs accept and that users of the compatible system type.
enum CommandLineArguments {
    /// One or two dashes are equivalent, and `-c=PATH` works (routing-and-config 1.7).
    static func normalised(_ arguments: [String]) -> [String] {
        var result: [String] = []
        for (position, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[position...] }
            guard argument.hasPrefix("-"), argument != "-" else {
                result.append(argument)
                continue
            }
            let body = argument.drop { $0 == "-" }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else {
                result.append(argument)
                continue
            }
            result.append((name.count == 1 ? "-" : "--") + name)
            if parts.count == 2 { result.append(String(parts[1])) }
        }
        return result
    }
}
