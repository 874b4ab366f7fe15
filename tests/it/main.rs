//! Tests of evenkeel by behaviour, on real processes, real sockets and a simulated machine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test a panic is a finding, and what it counted is worth reading"
)]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../second_reader/mod.rs"]
mod second_reader;
#[path = "../sim/mod.rs"]
mod sim;

mod abuse;
mod access_log;
mod access_log_full;
mod addresses;
mod addresses_change;
mod addresses_end;
mod admin;
mod admin_access;
mod allocation;
mod bad_input;
mod balance;
mod bench;
mod bench_costs;
mod bodies;
mod clients;
mod conformance;
mod control;
mod cpu;
mod crash;
mod descriptors;
mod differential;
mod drain;
mod faults;
mod flood;
mod handshake;
mod hang;
mod http;
mod left_behind;
mod limits;
mod master_death;
mod metrics;
mod near_valid;
mod privileges;
mod programs;
mod proxy;
mod reload;
mod scale;
mod service;
mod splits;
mod start;
mod steering;
mod stop;
mod stop_vacant;
mod storm;
mod strictness;
mod supervisor;
mod suspend;
mod tidy;
mod unix_sockets;
mod upgrade;
