//! The memory limits of the control groups that this process is in, its own and those around it.
//!
//! What a group uses includes every file that its processes have read or written: the kernel drops those pages before it
//! refuses memory, so they do not count here. What counts is all else: anonymous and locked pages, shared memory, and what
//! the kernel holds for the group.
//!
//! The names of the files are those of the kernel's documentation: `admin-guide/cgroup-v2.rst`, `cgroup-v1/memory.rst`.

use std::path::{Component, Path, PathBuf};

/// Of one group. In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) bytes: u64,
    /// What is used and cannot be reclaimed.
    used: u64,
}

impl Limit {
    /// What the group could still take.
    pub(super) fn left(&self) -> u64 {
        self.bytes.saturating_sub(self.used)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A hierarchy of groups, as it is mounted.
struct Mount {
    version: Version,
    /// The group that stands at the mount point.
    group: PathBuf,
    /// Below the root.
    point: PathBuf,
}

/// Every limit on memory that holds for this process; none where no group has one. Files are looked for below `root`.
pub(super) fn limits(root: &Path) -> Vec<Limit> {
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_default();
    let mounts: Vec<Mount> = read("proc/self/mountinfo").lines().filter_map(|line| mount(root, line)).collect();
    let groups = read("proc/self/cgroup");
    groups.lines().filter_map(membership).flat_map(|(version, group)| of_group(&mounts, version, group)).collect()
}

/// A line of `/proc/self/cgroup`, where it is of the hierarchy that may limit memory: `4:memory:/slurm/job_7`, `0::/user.slice`.
fn membership(line: &str) -> Option<(Version, &Path)> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    match controllers.split(',').any(|name| name == "memory") {
        true => Some((Version::One, Path::new(path))),
        false => controllers.is_empty().then_some((Version::Two, Path::new(path))),
    }
}

/// A line of `/proc/self/mountinfo`, where it is such a hierarchy.
fn mount(root: &Path, line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let (mut before, mut after) = (before.split(' ').skip(3), after.split(' '));
    let (group, point) = (unescaped(before.next()?), unescaped(before.next()?));
    let (kind, _, options) = (after.next()?, after.next()?, after.next()?);
    let version = match kind {
        "cgroup2" => Version::Two,
        "cgroup" if options.split(',').any(|option| option == "memory") => Version::One,
        _ => return None,
    };
    Some(Mount { version, group: group.into(), point: root.join(point.trim_start_matches('/')) })
}

/// The kernel writes a space in a path as `\040`.
fn unescaped(path: &str) -> String {
    [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")]
        .iter()
        .fold(path.to_owned(), |path, (code, character)| path.replace(code, character))
}

/// The limits of a group and of those around it, as far as they are mounted.
fn of_group(mounts: &[Mount], version: Version, group: &Path) -> Vec<Limit> {
    let mounts = || mounts.iter().filter(move |mount| mount.version == version);
    let below = |mount: &Mount| {
        let path = group.strip_prefix(&mount.group).ok()?;
        let folder = mount.point.join(path);
        (!path.components().any(|part| part == Component::ParentDir) && folder.is_dir()).then(|| (mount.point.clone(), folder))
    };
    let mut seen: Vec<(PathBuf, PathBuf)> = mounts().filter_map(below).collect();
    if seen.is_empty() {
        // The path is told as it is outside of the container, where this group itself is mounted.
        seen = mounts().map(|mount| (mount.point.clone(), mount.point.clone())).collect();
    }
    let read = match version {
        Version::One => version_one,
        Version::Two => version_two,
    };
    let limits = |(point, own): &(PathBuf, PathBuf)| -> Vec<Limit> {
        let around = own.ancestors().take_while(|folder| folder.starts_with(point));
        around.filter_map(|folder| read(folder, folder == own)).collect()
    };
    seen.iter().flat_map(limits).collect()
}

/// A group of version 2. Above `memory.high` the kernel slows a group down until it all but stands still.
fn version_two(folder: &Path, _: bool) -> Option<Limit> {
    let value = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let bytes = [value("memory.max"), value("memory.high")].into_iter().flatten().min()?;
    let stat = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let used = value("memory.current").unwrap_or(0);
    Some(Limit { bytes, used: without(used, &stat, &["active_file", "inactive_file", "slab_reclaimable"]) })
}

/// A group of version 1. The kernel does not say there how much of its own memory for a group it could reclaim.
fn version_one(folder: &Path, is_own: bool) -> Option<Limit> {
    let value = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    // Once, a group could be asked not to count what the groups within it use.
    if !is_own && value("memory.use_hierarchy") == Some(0) {
        return None;
    }
    let stat = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    // Also of the groups around it, which need not be mounted.
    let around = number(&stat, "hierarchical_memory_limit").filter(|_| is_own);
    let bytes = [value("memory.limit_in_bytes"), around].into_iter().flatten().min()?;
    let used = value("memory.usage_in_bytes").unwrap_or(0);
    Some(Limit { bytes, used: without(used, &stat, &["total_active_file", "total_inactive_file"]) })
}

fn without(used: u64, stat: &str, reclaimable: &[&str]) -> u64 {
    let reclaimable = reclaimable.iter().filter_map(|name| number(stat, name)).fold(0, u64::saturating_add);
    used.saturating_sub(reclaimable)
}

/// The number that stands behind a name at the beginning of a line.
pub(super) fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next()? == name).then(|| fields.next()?.parse().ok()).flatten()
    })
}
