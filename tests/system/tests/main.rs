//! Tests of the whole host: the real binary, on a directory and a port of its own for every test.

mod bad_input;
mod care;
mod command_line;
mod configuration;
mod daemon;
mod data_is_data;
mod evaluation;
mod executions;
mod full_disk;
mod misbehaviour;
mod pack_configs;
mod packs;
mod python;
mod readme;
mod restart;
mod rules;
mod scenarios;
mod scripts;
mod serve;
mod sign_in;
mod tls;
mod workflows;
