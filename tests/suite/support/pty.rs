//! A program in a real terminal: started in a pseudo-terminal of a given size, its output read by a terminal emulator.
//!
//! ```ignore
//! let mut pty = Launch::new(env!("CARGO_BIN_EXE_rewardscope")).size(80, 24).env("NO_COLOR", "1").start();
//! pty.wait_for("agency");                // fails with the screen after TIMEOUT
//! pty.send("/love\r");                   // keys as the bytes a terminal sends; see the constants below
//! pty.wait_until("one row is left", |screen| screen.contents().contains("1 of 265"));
//! pty.resize(120, 40);
//! pty.signal(libc::SIGTERM);
//! assert_eq!(pty.wait_exit(), 128 + 15);
//! pty.assert_restored();
//! ```
//!
//! Every wait ends after [`TIMEOUT`]. The program runs in the crate's folder with a small environment of its own (home,
//! configuration and cache in a fresh temporary folder; no network for the hub), so that a test sees the same on every
//! machine. It leads its session, as under `ssh -t`: for job control start `sh` and type the program's name into it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long anything may take before a test fails. Generous: the machines of a CI are slow and busy.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const TAB: &str = "\t";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";
pub const CTRL_Z: &str = "\x1a";

/// How a program is started.
pub struct Launch {
    command: CommandBuilder,
    size: PtySize,
    home: tempfile::TempDir,
}

impl Launch {
    pub fn new(program: impl AsRef<std::ffi::OsStr>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("HF_HUB_OFFLINE", "1"), ("PS1", "$ ")] {
            command.env(name, value);
        }
        command.env("HOME", home.path());
        command.env("HF_HOME", home.path().join("huggingface"));
        command.env("REWARDSCOPE_CONFIG", home.path());
        command.env("REWARDSCOPE_STORE", home.path().join("scores.sqlite"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, size: PtySize::default(), home }.size(80, 24)
    }

    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = size(columns, rows);
        self
    }

    /// The program's home and configuration folder, to put files in before the start.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    pub fn start(self) -> Pty {
        let pair = native_pty_system().openpty(self.size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        let (rows, columns) = (nonzero(self.size.rows), nonzero(self.size.cols));
        let shared = Arc::new((
            Mutex::new(Output { parser: vt100::Parser::new(rows, columns, 0), bytes: Vec::new(), ended: false }),
            Condvar::new(),
        ));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let master = pair.master.as_raw_fd().expect("a file descriptor");
        let output = shared.clone();
        let reading = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !output.0.lock().unwrap_or_else(PoisonError::into_inner).ended {
                // Not a plain read: it would keep the terminal open after `Pty::hang_up`.
                if !readable(master) {
                    continue;
                }
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut state = output.0.lock().unwrap_or_else(PoisonError::into_inner);
                state.parser.process(&buffer[..count]);
                state.bytes.extend_from_slice(&buffer[..count]);
                state.ended |= count == 0;
                output.1.notify_all();
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Pty {
            started: Instant::now(),
            child,
            master: Some(pair.master),
            writer: Some(writer),
            output: shared,
            reading: Some(reading),
            _home: self.home,
        }
    }
}

struct Output {
    parser: vt100::Parser,
    /// Everything that the program wrote.
    bytes: Vec<u8>,
    /// Nothing more is read: the program closed the terminal, or we did.
    ended: bool,
}

/// A running program and its terminal. Dropping it kills the program.
pub struct Pty {
    pub started: Instant,
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    output: Arc<(Mutex<Output>, Condvar)>,
    reading: Option<thread::JoinHandle<()>>,
    /// Kept until the program has ended.
    _home: tempfile::TempDir,
}

impl Pty {
    /// Waits until `text` stands on the screen; the time that took.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Duration {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contents().contains(text))
    }

    /// Waits until `holds` of the screen; the time that took. `what` says in a failure what was waited for.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let start = Instant::now();
        let mut output = self.lock();
        while !holds(output.parser.screen()) {
            let left = TIMEOUT.saturating_sub(start.elapsed());
            let screen = output.parser.screen().contents();
            assert!(!left.is_zero(), "no {what} within {TIMEOUT:?}; the screen is\n{screen}");
            assert!(!output.ended, "the program ended without {what}; the screen is\n{screen}");
            output = self.output.1.wait_timeout(output, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        start.elapsed()
    }

    /// Waits until the program has written nothing for `quiet`: its last frame is then whole.
    #[track_caller]
    pub fn wait_quiet(&self, quiet: Duration) {
        let start = Instant::now();
        let (mut bytes, mut since) = (self.bytes_written(), start);
        while since.elapsed() < quiet {
            assert!(start.elapsed() < TIMEOUT, "the program writes on and on; the screen is\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
            if self.bytes_written() != bytes {
                (bytes, since) = (self.bytes_written(), Instant::now());
            }
        }
    }

    /// Sends keys, as the bytes that a terminal sends for them.
    pub fn send(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("keys are taken");
    }

    /// Makes the window another size; the program gets SIGWINCH.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.lock().parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        self.master.as_ref().expect("the terminal is open").resize(size(columns, rows)).expect("a new size");
    }

    /// The screen as text, one line a row.
    pub fn screen(&self) -> String {
        self.lock().parser.screen().contents()
    }

    /// Looks at the screen with its colours, cursor and modes.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.lock().parser.screen())
    }

    /// How many bytes the program has written so far: an idle program writes none.
    pub fn bytes_written(&self) -> usize {
        self.lock().bytes.len()
    }

    /// Everything written so far, escape sequences and all.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    pub fn process_id(&self) -> i32 {
        self.child.process_id().expect("the program runs").try_into().expect("a process id")
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, number: i32) {
        // SAFETY: `kill` takes numbers alone; the child is not yet reaped, so the id is still its own.
        assert_eq!(unsafe { libc::kill(self.process_id(), number) }, 0, "the program runs");
    }

    /// Closes the terminal's other end, as a dropped connection does.
    pub fn hang_up(&mut self) {
        self.lock().ended = true;
        if let Some(reading) = self.reading.take() {
            reading.join().expect("the reader ends");
        }
        self.writer = None;
        self.master = None;
    }

    /// Waits until the program ends; its exit code. Fails where a signal ended it.
    #[track_caller]
    pub fn wait_exit(&mut self) -> u32 {
        let status = self.wait_end();
        assert_eq!(status.signal(), None, "the screen is\n{}", self.screen());
        status.exit_code()
    }

    /// Waits until the program ends, by itself or by a signal.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                self.drain();
                return status;
            }
            assert!(start.elapsed() < TIMEOUT, "no end within {TIMEOUT:?}; the screen is\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until what the program last wrote is read.
    fn drain(&self) {
        let output = self.lock();
        let ended = self.output.1.wait_timeout_while(output, Duration::from_secs(5), |output| !output.ended);
        drop(ended);
    }

    /// The terminal is as the program found it: main screen, cursor shown, no bracketed paste, keys echoed by line.
    #[track_caller]
    pub fn assert_restored(&self) {
        self.look(|screen| {
            assert!(!screen.alternate_screen(), "still on the alternate screen");
            assert!(!screen.hide_cursor(), "the cursor is still hidden");
            assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        });
        assert!(!self.is_raw(), "the terminal is still in raw mode");
    }

    /// True while the terminal hands on every key unread.
    pub fn is_raw(&self) -> bool {
        let settings = self.master.as_ref().and_then(|master| master.get_termios()).expect("the terminal is open");
        let flags = settings.local_flags.bits();
        flags & (libc::ICANON | libc::ECHO) != libc::ICANON | libc::ECHO
    }

    /// A failed wait panics under the lock; what lies there is sound all the same.
    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.hang_up();
        if let Ok(None) = self.child.try_wait() {
            self.signal(libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// Waits a moment for something to read.
fn readable(fd: i32) -> bool {
    let mut wanted = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one `pollfd`, which outlives the call. The master is closed only after the reading thread has ended.
    unsafe { libc::poll(&mut wanted, 1, 50) > 0 }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a terminal has rows and columns")
}
