//! Files as kernels write them, of machines and groups of each kind; shortened to what is looked for and what lies beside it.

use super::*;

const GIB: u64 = 1 << 30;
/// 24 GiB, of which 15 are files that were read; 22 GiB are free.
const MEMINFO: &str =
    "MemTotal:       25165824 kB\nMemFree:         6291456 kB\nMemAvailable:   23068672 kB\nBuffers:           65316 kB
Cached:         15728640 kB\nSwapCached:            0 kB\nActive(file):   10485760 kB\nInactive(file):  5242880 kB\n";
const VERSION_TWO: &str = "23 28 0:21 / /proc rw,relatime - proc proc rw
35 23 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
const VERSION_ONE: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
/// What version 1 says where there is no limit.
const NONE: u64 = 9_223_372_036_854_771_712;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(mountinfo: &str, cgroup: &str) -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        machine.write("proc/meminfo", MEMINFO).write("proc/self/mountinfo", mountinfo).write("proc/self/cgroup", cgroup)
    }

    fn write(self, name: &str, text: &str) -> Machine {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A group of version 2, of which so much is anonymous memory, files, and kernel memory that can and cannot be reclaimed.
    fn two(self, folder: &str, max: &str, [anon, file, reclaimable, kernel]: [u64; 4]) -> Machine {
        let stat = format!(
            "anon {anon}\nfile {file}\nkernel {}\nshmem 0\ninactive_anon {anon}\nactive_anon 0\ninactive_file {}\nactive_file {}\n\
             unevictable 0\nslab_reclaimable {reclaimable}\nslab_unreclaimable {kernel}\n",
            reclaimable + kernel,
            file - file / 4,
            file / 4
        );
        self.write(&format!("{folder}/memory.max"), &format!("{max}\n"))
            .write(&format!("{folder}/memory.high"), "max\n")
            .write(&format!("{folder}/memory.current"), &format!("{}\n", anon + file + reclaimable + kernel))
            .write(&format!("{folder}/memory.stat"), &stat)
    }

    /// A group of version 1, of which so much is anonymous memory and files, itself and with those within it.
    fn one(self, folder: &str, limit: u64, hierarchical: u64, [rss, cache]: [u64; 2]) -> Machine {
        let stat = format!(
            "cache 4096\nrss 4096\ninactive_file 4096\nactive_file 0\nhierarchical_memory_limit {hierarchical}\n\
             total_cache {cache}\ntotal_rss {rss}\ntotal_inactive_file {}\ntotal_active_file {}\ntotal_unevictable 0\n",
            cache - cache / 4,
            cache / 4
        );
        self.write(&format!("{folder}/memory.limit_in_bytes"), &format!("{limit}\n"))
            .write(&format!("{folder}/memory.usage_in_bytes"), &format!("{}\n", rss + cache))
            .write(&format!("{folder}/memory.use_hierarchy"), "1\n")
            .write(&format!("{folder}/memory.stat"), &stat)
    }

    /// Total and available, in GiB.
    fn memory(&self) -> (f64, f64) {
        let memory = memory_under(self.0.path()).unwrap();
        (memory.total as f64 / GIB as f64, memory.available as f64 / GIB as f64)
    }
}

#[test]
fn without_a_limit_the_kernel_s_word_counts_however_much_was_read_from_disk() {
    // As on the machine on which this was found: the group's usage is that of the whole machine, nearly all of it files.
    let machine = Machine::new(VERSION_ONE, "9:name=systemd:/\n4:memory:/api/7\n1:cpu,cpuacct:/\n0::/\n");
    let machine = machine.one("sys/fs/cgroup/memory/api/7", NONE, NONE, [GIB, 15 * GIB]);
    assert_eq!(machine.one("sys/fs/cgroup/memory", NONE, NONE, [2 * GIB, 15 * GIB]).memory(), (24.0, 22.0));
    let machine = Machine::new(VERSION_TWO, "0::/user.slice/user-1000.slice/session-2.scope\n");
    let machine = machine.two("sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope", "max", [GIB, 15 * GIB, 0, 0]);
    assert_eq!(machine.two("sys/fs/cgroup/user.slice", "max", [GIB, 15 * GIB, 0, 0]).memory(), (24.0, 22.0));
    assert_eq!(Machine::new("", "").memory(), (24.0, 22.0), "no groups at all");
}

#[test]
fn a_container_s_limit_counts_less_what_cannot_be_reclaimed() {
    // Docker and Kubernetes, version 2: the group is the root that the container sees.
    let machine = Machine::new(VERSION_TWO, "0::/\n");
    let limit = (16 * GIB).to_string();
    let machine = machine.two("sys/fs/cgroup", &limit, [2 * GIB, 12 * GIB, GIB / 2, GIB]);
    assert_eq!(machine.memory(), (16.0, 13.0));
    // Version 1 without a namespace: the path is that of the host, and the group alone is mounted.
    let mounts = VERSION_ONE.replace("0:32 / ", "0:32 /docker/c0ffee ");
    let machine = Machine::new(&mounts, "4:memory:/docker/c0ffee\n0::/docker/c0ffee\n");
    assert_eq!(machine.one("sys/fs/cgroup/memory", 8 * GIB, 8 * GIB, [2 * GIB, 5 * GIB]).memory(), (8.0, 6.0));
    // The path leads out of what the container sees.
    let machine = Machine::new(VERSION_TWO, "0::/../../pod7\n");
    assert_eq!(machine.two("sys/fs/cgroup", &limit, [2 * GIB, GIB, 0, 0]).memory(), (16.0, 14.0));
    let machine = Machine::new(VERSION_ONE, "4:memory:/kubepods/burstable/pod7/c0ffee\n");
    assert_eq!(machine.one("sys/fs/cgroup/memory", 8 * GIB, 8 * GIB, [GIB, 5 * GIB]).memory(), (8.0, 7.0));
}

#[test]
fn of_nested_groups_the_one_with_the_least_left_counts() {
    // Slurm, version 2: the job has a limit, its step and task none.
    let job = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_7";
    let machine = Machine::new(VERSION_TWO, "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n");
    let machine = machine.two(&format!("{job}/step_0/user/task_0"), "max", [GIB, 0, 0, 0]);
    let machine = machine.two(job, &(20 * GIB).to_string(), [4 * GIB, 3 * GIB, 0, 0]);
    assert_eq!(machine.memory(), (20.0, 16.0));
    // Another user's processes use what a group around has.
    let machine = machine.two("sys/fs/cgroup/system.slice", &(22 * GIB).to_string(), [19 * GIB, GIB, 0, 0]);
    assert_eq!(machine.memory(), (20.0, 3.0));
    // Slurm, version 1: the limit stands at each level, and what is used at the job's.
    let job = "sys/fs/cgroup/memory/slurm/uid_7/job_7";
    let machine = Machine::new(VERSION_ONE, "4:memory:/slurm/uid_7/job_7/step_0\n0::/\n");
    let machine = machine.one(&format!("{job}/step_0"), 10 * GIB, 10 * GIB, [GIB, 0]);
    let machine = machine.one(job, 10 * GIB, 10 * GIB, [7 * GIB, 2 * GIB]);
    assert_eq!(machine.memory(), (10.0, 3.0));
    // A group that does not count what the groups within it use limits nothing.
    assert_eq!(machine.write(&format!("{job}/memory.use_hierarchy"), "0\n").memory(), (10.0, 9.0));
}

#[test]
fn a_limit_around_that_is_not_mounted_is_told_by_the_group_itself() {
    let mounts = VERSION_ONE.replace("0:32 / ", "0:32 /kubepods/pod7/c0ffee ");
    let machine = Machine::new(&mounts, "4:memory:/kubepods/pod7/c0ffee\n");
    assert_eq!(machine.one("sys/fs/cgroup/memory", NONE, 6 * GIB, [2 * GIB, 9 * GIB]).memory(), (6.0, 4.0));
}

#[test]
fn a_service_of_systemd_that_may_not_grow_beyond_memory_high_is_taken_at_that() {
    let service = "sys/fs/cgroup/system.slice/score.service";
    let machine = Machine::new(VERSION_TWO, "0::/system.slice/score.service\n");
    let machine = machine.two(service, &(12 * GIB).to_string(), [GIB, 2 * GIB, 0, 0]);
    assert_eq!(machine.memory(), (12.0, 11.0));
    assert_eq!(machine.write(&format!("{service}/memory.high"), &format!("{}\n", 9 * GIB)).memory(), (9.0, 8.0));
}

#[test]
fn a_limit_beyond_the_machine_changes_nothing_and_one_that_is_used_up_leaves_nothing() {
    let group = |limit: u64, anon: u64| {
        let machine = Machine::new(VERSION_TWO, "0::/job\n");
        machine.two("sys/fs/cgroup/job", &limit.to_string(), [anon, GIB, 0, 0]).memory()
    };
    assert_eq!(group(100 * GIB, GIB), (24.0, 22.0));
    assert_eq!(group(4 * GIB, 5 * GIB), (4.0, 0.0));
}

#[test]
fn both_versions_may_be_mounted_and_the_one_that_limits_memory_counts() {
    let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    let machine = Machine::new(&format!("{VERSION_ONE}{unified}"), "4:memory:/with space\n0::/user.slice\n");
    let machine = machine.write("sys/fs/cgroup/unified/user.slice/cgroup.procs", "7\n");
    assert_eq!(machine.one("sys/fs/cgroup/memory/with space", 5 * GIB, 5 * GIB, [GIB, GIB]).memory(), (5.0, 4.0));
    // A mount point with a space, as mountinfo writes it.
    let mounts = VERSION_TWO.replace("/sys/fs/cgroup", r"/my\040groups");
    let machine = Machine::new(&mounts, "0::/\n").two("my groups", &(3 * GIB).to_string(), [GIB, GIB, 0, 0]);
    assert_eq!(machine.memory(), (3.0, 2.0));
}

#[test]
fn what_cannot_be_read_limits_nothing() {
    let torn = Machine::new("35 23\n - cgroup2\n36 23 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0\n::\n0::/\n");
    assert_eq!(torn.write("sys/fs/cgroup/memory.max", "a lot\n").memory(), (24.0, 22.0));
    assert_eq!(memory_under(Path::new("/no/such/root")), None, "another system: asked in another way");
}
