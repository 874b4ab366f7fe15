#!/usr/bin/env bash
# Who gets the connections, for every policy and the peers that are installed. Arguments are passed
# on: see --help.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --quiet --package demo-app --package bench
exec target/release/bench distribution "$@"
