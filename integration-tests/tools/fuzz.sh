#!/usr/bin/env bash
# Runs every fuzz target of the tree for some seconds each. Usage: fuzz.sh SECONDS [DATA…], further files to begin with.
# libFuzzer's instrumentation is a nightly flag; RUSTC_BOOTSTRAP lets the installed compiler take it.
# libhdf5 loses memory on damaged files and loops for ever on some (a global heap with an object of no size): that is why
# scans run in processes of their own, which end when they stall and are not used again after a failure. It also asks for
# exabytes and is content to get none. So leaks are not looked for, and where it is at work neither time-outs nor such
# requests end the fuzzing; elsewhere ten seconds or a gigabyte do.
set -euo pipefail
seconds=$1
data=(integration-tests/data fuzz/seeds "${@:2}")
export RUSTC_BOOTSTRAP=1
ran=0
for target in $(cargo fuzz list); do
    echo "fuzzing $target for $seconds s"
    seeds=fuzz/corpus/$target
    length_max=$("$PYTHON" integration-tests/tools/fuzz_seeds.py "$target" "$seeds" "${data[@]}")
    options=(-max_total_time="$seconds" -max_len="$length_max" -timeout=10 -rss_limit_mb=1024 -detect_leaks=0)
    export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=64
    if [ "$target" = hdf5_scan ]; then
        ASAN_OPTIONS+=:allocator_may_return_null=1
        options+=(-rss_limit_mb=4096 -malloc_limit_mb=1000000000 -fork=1
            -ignore_timeouts=1 -timeout_exitcode=0)
    fi
    if [ -f "fuzz/dictionaries/$target" ]; then options+=(-dict="fuzz/dictionaries/$target"); fi
    cargo fuzz run "$target" "$seeds" -- "${options[@]}"
    ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "no fuzz targets found" >&2; exit 1; }
echo "$ran targets, $seconds s each: nothing found"
