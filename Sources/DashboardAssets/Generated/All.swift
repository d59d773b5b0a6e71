// swift-format-ignore-file
// Written by web/build.py.

extension DashboardAssets {
    /// Every file of the dashboard.
    public static var all: [DashboardAsset] { [Self.appJs, Self.chartJs, Self.domJs, Self.feedJs, Self.formatJs, Self.glasspotCss, Self.indexHtml, Self.metricsJs, Self.overviewJs, Self.partsJs, Self.potSvg, Self.stagesJs, Self.viewsJs] }
}
