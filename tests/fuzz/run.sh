#!/usr/bin/env bash
# Fuzzes each parser for some seconds, from the committed seeds: tests/fuzz/run.sh [SECONDS] [TARGET...]
# Not 0 on a finding, which is left in target/fuzz/findings; or if coverage does not guide.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-20}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(head chunked framing proxy)
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$PWD/../../target/fuzz

# What cargo-fuzz would set, on the stable compiler. --target keeps it from build scripts.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing" \
    cargo build --release --locked --target "$host"

# The last number behind "cov:" on the line of this kind.
coverage() { sed -n "s/^#[0-9]*[[:space:]]*$1 *cov: \([0-9]*\).*/\1/p" "$2" | tail -1; }

found=0
for target in "${targets[@]}"; do
    printf '\n== fuzz %s, %s s\n' "$target" "$seconds"
    program=$CARGO_TARGET_DIR/$host/release/$target
    work=$CARGO_TARGET_DIR/work/$target
    findings=$CARGO_TARGET_DIR/findings/$target
    rm -rf "$work" && mkdir -p "$work/blind" "$work/seeded" "$findings"
    options=(-seed=1 -timeout=10 -rss_limit_mb=1024 "-artifact_prefix=$findings/")
    case $target in
        # One character is one piece of a message: see src/pieces.rs.
        framing) options+=(-max_len=100 -only_ascii=1) ;;
        proxy) options+=(-max_len=2400 -dict=proxy.dict) ;;
        *) options+=(-max_len=1000 -dict=http.dict) ;;
    esac

    # Without seeds all depends on the guidance: coverage must grow.
    log=$work/blind.log
    "$program" "${options[@]}" -runs=20000 "$work/blind" >"$log" 2>&1 || { tail -40 "$log"; found=1; continue; }
    counters=$(sed -n 's/^INFO: Loaded .* modules *(\([0-9]*\) inline 8-bit counters.*/\1/p' "$log")
    first=$(coverage INITED "$log") last=$(coverage DONE "$log")
    echo "guided by ${counters:-no} counters; without seeds cov: ${first:-0} grew to ${last:-0}"
    if [ "${counters:-0}" -eq 0 ] || [ "${last:-0}" -le "${first:-0}" ]; then
        echo "coverage does not guide: see $log" >&2
        exit 2
    fi

    log=$work/seeded.log
    "$program" "${options[@]}" "-max_total_time=$seconds" -print_final_stats=1 "$work/seeded" "corpus/$target" \
        >"$log" 2>&1 || { tail -40 "$log"; found=1; continue; }
    grep -E 'INITED|DONE' "$log"
    grep -E 'number_of_executed_units|average_exec_per_sec|peak_rss' "$log"
done
exit $found
