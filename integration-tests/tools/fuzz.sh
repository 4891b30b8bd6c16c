#!/usr/bin/env bash
# Runs every fuzz target of the tree for some seconds each. Usage: fuzz.sh SECONDS
# libFuzzer's instrumentation is a nightly flag; RUSTC_BOOTSTRAP lets the installed compiler take it.
# libhdf5 loses memory on damaged files and loops for ever on some (a global heap with an object of no size): that is why
# scans run in processes of their own, which end when they stall and are not used again after a failure. So leaks and
# time-outs do not end the fuzzing; a panic, an abort or a wild access does.
set -euo pipefail
seconds=$1
export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_leaks=0
ran=0
while read -r manifest; do
    crate=$(dirname "$(dirname "$manifest")")
    for target in $(cd "$crate" && cargo fuzz list); do
        echo "fuzzing $target of $crate for $seconds s"
        mkdir -p "$crate/fuzz/corpus/$target"
        seeds=("fuzz/corpus/$target")
        # Damaged HDF5 is found from whole HDF5.
        [ "$target" = hdf5_scan ] && seeds+=("$PWD/integration-tests/data/hdf5")
        [ "$target" = grib_scan ] && seeds+=("$PWD/integration-tests/data/real/grib")
        (cd "$crate" && cargo fuzz run "$target" "${seeds[@]}" -- -max_total_time="$seconds" -rss_limit_mb=4096 -detect_leaks=0 \
            -fork=1 -timeout=10 -ignore_timeouts=1)
        ran=$((ran + 1))
    done
done < <(find . -path ./target -prune -o -path '*/fuzz/Cargo.toml' -print)
[ "$ran" -gt 0 ] || { echo "no fuzz targets found" >&2; exit 1; }
echo "$ran targets, $seconds s each: nothing found"
