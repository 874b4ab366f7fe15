//! Tests of evenkeel by behaviour, on real processes, real sockets and a simulated machine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test a panic is a finding, and what it counted is worth reading"
)]

// The program has no tests of its own, so that a plain `cargo test` runs these.
#[path = "../../framework/src/bin/evenkeel/follow.rs"]
mod follow;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../second_reader/mod.rs"]
mod second_reader;
#[path = "../sim/mod.rs"]
mod sim;
#[path = "../../framework/src/bin/evenkeel/tail.rs"]
mod tail;
#[path = "../../framework/src/bin/evenkeel/visible.rs"]
mod visible;

mod abuse;
mod access_log;
mod access_log_full;
mod activation;
mod activation_refused;
mod adapters;
mod addresses;
mod addresses_change;
mod addresses_end;
mod admin;
mod admin_access;
mod allocation;
mod apps;
mod apps_answers;
mod apps_locks;
mod apps_restart;
mod apps_start;
mod apps_trust;
mod bad_input;
mod balance;
mod bench;
mod bench_costs;
mod bodies;
mod cgroup;
mod clients;
mod cluster;
mod config;
mod conformance;
mod control;
mod control_full;
mod cpu;
mod crash;
mod dashboard;
mod datagrams;
mod deploy;
mod descriptors;
mod differential;
mod drain;
mod faults;
mod first_process;
mod flood;
mod foreign;
mod foreign_counts;
mod foreign_reload;
mod foreign_servers;
mod guide;
mod handshake;
mod hang;
mod hardening;
mod http;
mod left_behind;
mod limits;
mod logs;
mod master_death;
mod metrics;
mod near_valid;
mod notify;
mod output;
mod output_full;
mod output_rotation;
mod pages;
mod person;
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
mod supervisor_foreign;
mod suspend;
mod systemd;
mod systemd_real;
mod systemd_settings;
mod terminal;
mod tidy;
mod unix_sockets;
mod upgrade;
mod verbs;
