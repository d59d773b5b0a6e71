#!/bin/sh
# Builds the fuzz targets with libFuzzer and AddressSanitizer and runs each for a bounded time.
#
#   Tests/Fuzz/run.sh [seconds] [target ...]
#
# Seconds are per target (default 30). Inputs that broke something are left in .build-fuzz/artifacts, and the
# exit status is 1. New inputs go to .build-fuzz/corpus, never to the committed corpus.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-30}
[ $# -gt 0 ] && shift
only=" $* "
build=$root/.build-fuzz
yams=$root/.build/checkouts/Yams
c_modules="-I $yams/Sources/CYaml/include -Xcc -DYAML_DECLARE_STATIC"
# libFuzzer reports where it crashed; the backtracer of Swift only hides it.
export SWIFT_BACKTRACE=enable=no
# The regular expressions of Swift's own library lose memory with every pattern that is compiled.
export LSAN_OPTIONS="suppressions=$build/leaks:print_suppressions=0"
toolchain="swiftc -swift-version 6 -use-ld=lld -O -assert-config Debug -g"
features="-enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature NonisolatedNonsendingByDefault
    -enable-experimental-feature Lifetimes"

# name | modules under Sources/, in the order they depend on each other | further sources | longest input
table() {
    cat <<'END'
request-head  | HTTPWire SeededRandomness | Tests/HTTPWireTests/WireProperties.swift Tests/HTTPWireTests/Feeding.swift | 1024
response-head | HTTPWire SeededRandomness | Tests/HTTPWireTests/WireProperties.swift Tests/HTTPWireTests/Feeding.swift | 1024
chunked       | HTTPWire SeededRandomness | Tests/HTTPWireTests/WireProperties.swift Tests/HTTPWireTests/Feeding.swift | 512
json-scan     | ByteScan SeededRandomness | Tests/ByteScanTests/ScanLog.swift | 384
translation   | Domain ByteScan Translation SeededRandomness | Tests/TranslationTests/TranslationProperties.swift | 1024
body-scan     | Domain ByteScan Dialects SeededRandomness | Tests/DialectsTests/Sightings.swift | 768
configuration | CYaml Yams Domain Catalog Settings | Tests/SettingsTests/LoadingProperties.swift | 4096
END
}

# Builds the C half of the YAML library, sanitized like everything else, into one object.
build_libyaml() {
    [ -d "$yams" ] || swift package --package-path "$root" resolve
    for source in "$yams"/Sources/CYaml/src/*.c; do
        clang -O1 -g -fsanitize=fuzzer-no-link,address -DYAML_DECLARE_STATIC -I "$yams/Sources/CYaml/include" \
            -c "$source" -o "$build/CYaml-$(basename "$source" .c).o"
    done
    ld.lld -r -o "$build/CYaml.o" "$build"/CYaml-*.o
    touch "$build/CYaml.built"
}

# Builds a module once and prints nothing; its object and its interface land in $build.
build_module() {
    module=$1
    [ -f "$build/$module.built" ] && return
    case $module in
    CYaml)
        build_libyaml
        return
        ;;
    Yams) own="-swift-version 5 -DSWIFT_PACKAGE" folder=$yams/Sources/Yams ;;
    *) own=$features folder=$root/Sources/$module ;;
    esac
    # shellcheck disable=SC2086
    $toolchain $own -sanitize=fuzzer,address -parse-as-library -wmo -module-name "$module" \
        -I "$build" $c_modules -emit-module -emit-module-path "$build/$module.swiftmodule" \
        -emit-object -o "$build/$module.o" $(find "$folder" -name '*.swift')
    touch "$build/$module.built"
}

mkdir -p "$build/artifacts"
echo 'leak:_StringProcessing' >"$build/leaks"
rm -f "$build"/*.built
failed=0
table >"$build/table"
while IFS='|' read -r name modules sources longest; do
    name=$(echo "$name" | tr -d ' ')
    longest=$(echo "$longest" | tr -d ' ')
    case $only in "  " | *" $name "*) ;; *) continue ;; esac
    objects=
    for module in $modules; do
        build_module "$module"
        objects="$objects $build/$module.o"
    done
    files="$root/Tests/Fuzz/targets/$name.swift"
    for source in $sources; do files="$files $root/$source"; done
    # shellcheck disable=SC2086
    $toolchain $features -sanitize=fuzzer,address -parse-as-library -wmo -module-name Fuzz \
        -I "$build" $c_modules -o "$build/$name" $files $objects
    mkdir -p "$build/corpus/$name" "$root/Tests/Fuzz/corpus/$name"
    echo "fuzz: $name for $seconds s"
    if "$build/$name" -max_total_time="$seconds" -max_len="$longest" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$build/artifacts/$name-" -print_final_stats=1 \
        "$build/corpus/$name" "$root/Tests/Fuzz/corpus/$name" </dev/null >"$build/$name.log" 2>&1
    then
        grep -E 'stat::number_of_executed_units|cov:' "$build/$name.log" | tail -2
    else
        echo "fuzz: $name FAILED"
        tail -40 "$build/$name.log"
        failed=1
    fi
done <"$build/table"
exit $failed
