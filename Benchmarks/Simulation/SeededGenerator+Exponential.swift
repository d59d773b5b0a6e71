import Glibc
import SeededRandomness

extension SeededGenerator {
    /// A number of an exponential distribution.
    mutating func exponential(mean: Double) -> Double { -mean * log(1 - self.nextUnit()) }
}
