//! What memory the machine has for this process. Knows nothing of models.
//!
//! Free is what the kernel can give without swapping: `MemAvailable`, which counts the page cache as free, for a file that was
//! read is let go of when memory is needed. Where the process lives in a control group with a limit, as in a container, a job
//! of Slurm or a service of systemd, the limit counts as well; a group without one says nothing (`machine/control_group.rs`).

mod control_group;

use std::path::Path;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What the process may have at most.
    pub total: u64,
    /// What it could still take without swapping.
    pub available: u64,
}

/// As it is now.
pub fn memory() -> Memory {
    memory_under(Path::new("/")).unwrap_or_else(|| {
        let system = System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
        Memory { total: system.total_memory(), available: system.available_memory() }
    })
}

/// The same by the files of Linux below `root`; `None` where there are none.
fn memory_under(root: &Path) -> Option<Memory> {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let bytes = |name: &str| control_group::number(&text, name).map(|kib| kib.saturating_mul(1024));
    let (total, available) = (bytes("MemTotal:")?, bytes("MemAvailable:")?);
    let limits = control_group::limits(root);
    Some(Memory {
        total: limits.iter().map(|limit| limit.bytes).fold(total, u64::min),
        available: limits.iter().map(control_group::Limit::left).fold(available, u64::min),
    })
}

#[cfg(test)]
#[path = "machine/tests.rs"]
mod tests;
