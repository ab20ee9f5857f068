//! What memory there is for weights.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes that this process could still take without swapping, within the limit of its control group where one is set.
pub fn available() -> u64 {
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let free = system.available_memory();
    system.cgroup_limits().map_or(free, |limits| free.min(limits.free_memory))
}
