//! Settings of wasmtime: compiled features, allocation of instances, and interruption by epochs.
//!
//! The settings were measured together; page-map scanning and resident pages make a difference of whole factors. Limits
//! of a single call are in `limits`; these are the ones that all calls share.

use std::num::NonZeroUsize;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Limits of all components together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Calls that can be inside components at the same time; further ones wait. A slot reserves address space, and
    /// takes memory only when it is used. Default: 256, or less if the kernel allows fewer mappings
    /// (`/proc/sys/vm/max_map_count`).
    pub slots: u32,
    /// Largest size of one memory of a component, in bytes, whatever its limit. Default: 256 MiB.
    pub largest_memory: usize,
    /// Memory that all running instances share, in bytes. An instance begins when there is room for its initial memory;
    /// growth beyond the budget fails. Default: 192 MiB.
    pub memory_of_all: usize,
    /// Bytes of a used slot that stay resident for the next call. More is faster for large components, less saves
    /// memory while the host is idle. Default: 1 MiB.
    pub keep_resident: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { slots: 256, largest_memory: 256 << 20, memory_of_all: 192 << 20, keep_resident: 1 << 20 }
    }
}

/// Core instances in one slot, and the most that a component may have, so that no call takes those of others. A component
/// in Go, Python or JavaScript consists of up to 14 core modules. They take nothing until they are used.
const CORE_INSTANCES_PER_SLOT: u32 = 40;
/// Tables and memories in one slot. A component that has more takes several slots.
pub(crate) const TABLES_PER_SLOT: u32 = 6;
pub(crate) const MEMORIES_PER_SLOT: u32 = 2;
/// Memory mappings that one slot can need.
const MAPPINGS_PER_SLOT: u32 = 6;
const MAPPINGS_OF_THE_PROCESS: u32 = 3000;

/// Largest number of elements of a table. Python's has about 20,000.
pub(crate) const TABLE_ELEMENTS: usize = 40_000;

/// Creates the engine for `options`.
pub(crate) fn engine(options: &EngineOptions) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .memory_init_cow(true)
        // Epochs and not fuel: comparing one counter is cheaper than counting instructions.
        .epoch_interruption(true)
        .consume_fuel(false)
        // Host functions run on the same stack, so it must be larger than the part that WebAssembly may use.
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .memory_reservation(options.largest_memory as u64)
        // The address space is reserved in advance, so growing never copies a memory.
        .memory_may_move(false)
        // As many as `failure` needs to recognize an overflow of the stack inside a component's memory.
        .wasm_backtrace_max_frames(NonZeroUsize::new(16))
        // Compiled in only because wasmtime without it can be made to abort; components cannot use it.
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    Engine::new(&config)
}

fn pool(options: &EngineOptions) -> PoolingAllocationConfig {
    let slots = slots(options);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_PER_SLOT))
        .total_memories(slots.saturating_mul(MEMORIES_PER_SLOT))
        .total_tables(slots.saturating_mul(TABLES_PER_SLOT))
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES_PER_SLOT)
        .max_memories_per_component(4)
        .max_tables_per_component(40)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(options.largest_memory)
        .linear_memory_keep_resident(options.keep_resident)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        // Lets the kernel tell which pages a call has written, so that only those are reset for the next one.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Number of slots: the setting, or less if the kernel's limit on mappings does not allow so many.
pub(crate) fn slots(options: &EngineOptions) -> u32 {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let Some(limit) = limit.ok().and_then(|text| text.trim().parse::<u32>().ok()) else {
        return options.slots.max(1);
    };
    options.slots.min(limit.saturating_sub(MAPPINGS_OF_THE_PROCESS) / MAPPINGS_PER_SLOT).max(1)
}
