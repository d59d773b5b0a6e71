/// How a value finds its native bucket: an index out of the bits of a floating-point number.
///
/// Bucket `k` of schema `s` holds the values above 2^((k - 1) / 2^s) and up to 2^(k / 2^s), both in
/// exposed units (Prometheus documentation, "Native histograms", "Buckets"). Observations are counted
/// at schema 3, steps of 2^(1/8) or about 9 %; a snapshot merges pairs where that makes too many.
///
/// Stored values are whole numbers below 2^63, so 512 buckets hold every one of them. They lie in
/// ``runCount`` runs of ``runLength`` buckets, each of which a shard has only when it is needed.
@usableFromInline
enum NativeScale {
    /// The schema of the buckets in a shard: a growth factor just below 1.1.
    static let schema = 3
    /// The buckets of a run: 16 powers of two.
    @usableFromInline static let runLength = 128
    /// The runs of a series.
    @usableFromInline static let runCount = 4
    /// The cells of a native series beside its classic ones: the zero bucket, then where each run
    /// begins in the shard.
    static let cellCount = 1 + Self.runCount

    /// What stored values are divided by; exact as `Float` for every unit.
    static func divisor(of unit: MetricUnit) -> Float {
        var divisor: Float = 1
        for _ in 0..<unit.decimals { divisor *= 10 }
        return divisor
    }

    /// What is added to a bucket's index so that the smallest value above 0 gets none below 0.
    ///
    /// One stored unit is 10^-d exposed ones, which is above 2^(-10 d / 3), d being 0, 3, 6 or 9.
    static func shift(of unit: MetricUnit) -> UInt8 { UInt8(unit.decimals / 3 * 80) }

    /// The index at schema 3 of a value above 0.
    ///
    /// The exponent gives the power of two. Its interval has eight buckets, and each eighth of the
    /// mantissa's range but the last holds exactly one bound: one comparison decides.
    @inlinable
    static func index(of value: Double) -> Int {
        let bits = value.bitPattern
        let exponent = Int(truncatingIfNeeded: bits >> 52) &- 1023
        let mantissa = bits & 0xF_FFFF_FFFF_FFFF
        let eighth = mantissa >> 49
        let bound = Self.mantissaBound(eighth)
        return exponent &* 8 &+ Int(truncatingIfNeeded: eighth)
            &+ (mantissa > 0 ? 1 : 0) &+ (mantissa > bound ? 1 : 0)
    }

    /// The mantissa of the power of 2^(1/8) in an eighth of the range of mantissas.
    @inlinable
    static func mantissaBound(_ eighth: UInt64) -> UInt64 {
        switch eighth {
        case 0: 0x1_72B8_3C7D_517B
        case 1: 0x3_06FE_0A31_B715
        case 2: 0x4_BFDA_D536_2A27
        case 3: 0x6_A09E_667F_3BCD
        case 4: 0x8_ACE5_422A_A0DB
        case 5: 0xA_E89F_995A_D3AD
        case 6: 0xD_5818_DCFB_A487
        default: UInt64.max
        }
    }
}

/// The native buckets of a series, as a snapshot has them.
///
/// - Bounds: at most ``bucketLimit`` populated buckets; where there would be more the schema is
///   lowered, which merges pairs.
public struct NativeBuckets: Equatable, Sendable {
    /// The most populated buckets.
    public static let bucketLimit = 160
    /// The width of the zero bucket: only 0 itself falls into it.
    public static let zeroThreshold = 0x1p-128

    /// The resolution: bucket bounds are the powers of 2^(2^-schema).
    ///
    /// Range: -4 ... 3.
    public let schema: Int
    /// The observations of 0.
    public let zeroCount: UInt64
    /// The populated buckets: indexes ascending, counts not cumulative and above 0.
    public let buckets: [(index: Int, count: UInt64)]

    /// The observations of all buckets.
    public var count: UInt64 { self.buckets.reduce(self.zeroCount) { $0 &+ $1.count } }

    /// Buckets of schema 3, merged until they are few enough.
    ///
    /// - Parameters:
    ///   - zeroCount: the observations of 0.
    ///   - fine: the populated buckets at schema 3, indexes ascending.
    public init(zeroCount: UInt64, fine: [(index: Int, count: UInt64)]) {
        var schema = NativeScale.schema
        var buckets = fine
        while buckets.count > Self.bucketLimit, schema > -4 {
            var merged: [(index: Int, count: UInt64)] = []
            for bucket in buckets {
                // The upper bound of 2 i - 1 and of 2 i falls on or under that of i.
                let index = (bucket.index + 1) >> 1
                if merged.last?.index == index {
                    merged[merged.count - 1].count &+= bucket.count
                } else {
                    merged.append((index, bucket.count))
                }
            }
            buckets = merged
            schema -= 1
        }
        self.schema = schema
        self.zeroCount = zeroCount
        self.buckets = buckets
    }

    /// Compares schema, zero bucket and buckets.
    public static func == (left: NativeBuckets, right: NativeBuckets) -> Bool {
        left.schema == right.schema && left.zeroCount == right.zeroCount
            && left.buckets.elementsEqual(right.buckets) { $0 == $1 }
    }
}
