//! Counts the allocations and bytes of one executor's tasks or sleeps, or of a server's
//! connections: `laneway-peers-memory by-tasks|by-sleeps|by-connections NAME THREADS`.

use std::alloc::System;
use std::env;

use laneway_peers::Allocated;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocated() -> Allocated {
    let stats = ALLOCATOR.stats();
    Allocated {
        times: stats.allocations + stats.reallocations,
        bytes: stats.bytes_allocated,
        bytes_freed: stats.bytes_deallocated,
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [held, peer, threads] = &arguments[..] else {
        panic!("usage: laneway-peers-memory by-tasks|by-sleeps|by-connections NAME THREADS");
    };
    let threads = threads.parse().expect("a number of threads");
    laneway_peers::print_memory(held, peer, threads, allocated);
}
