// swift-format-ignore-file
// Written by web/build.py from web/pot.svg.

extension DashboardAssets {
    static let potSvg = DashboardAsset(
        path: "assets/pot.c9689f771c6b6a42.svg", mediaType: "image/svg+xml", freshness: .immutable, tag: "c9689f771c6b6a42",
        text: ##"""
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none">
<path d="M9 4h14M10.5 4v3.2c0 1.2-.7 2.2-1.8 3C6.300 12 5 14.700 5 17.900 5 23.900 9.600 28 16 28s11-4.100 11-10.100c0-3.200-1.300-5.900-3.700-7.700-1.100-.8-1.800-1.800-1.800-3V4" fill="#7cc4e8" fill-opacity=".22" stroke="#1477b8" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>
<path d="M8 19.500h3.200l2.300-4.600 3.600 8 2.700-5.400 1 2H24" stroke="#e08a00" stroke-width="2.200" stroke-linecap="round" stroke-linejoin="round"/>
</svg>

"""##)
}
