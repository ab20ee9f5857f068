//! The event loop and the terminal's restoring, seen from outside: a toy program runs in a pseudo-terminal.
//!
//! The toy is the test `toy` of this same binary, started again with an environment variable that wakes it up.

use std::time::{Duration, Instant};

use crate::support::pty::{CTRL_C, CTRL_Z, Launch, Pty, TIMEOUT};
use crossterm::event::{Event, KeyCode};
use ratatui::Frame;
use rewardscope::explorer::event_loop as runtime;
use rewardscope::explorer::event_loop::{Mailbox, Program, Request};
use rewardscope::explorer::terminal;

const TOY: &str = "REWARDSCOPE_TEST_TOY";
/// Names a file that takes the toy's exit code, for a toy that is not the test's own child.
const TOY_END: &str = "REWARDSCOPE_TEST_TOY_END";
const TOY_ARGS: [&str; 4] = ["--exact", "terminal::toy", "--nocapture", "--test-threads=1"];

/// After this long without a byte, a toy is at rest.
const QUIET: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Toy {
    typed: String,
    pasted: String,
    size: (u16, u16),
    posted: u32,
    frames: u32,
    alarm: Option<Instant>,
    rang: bool,
}

enum Message {
    Key(char),
    Paste(String),
    Resize(u16, u16),
    Posted,
}

impl Program for Toy {
    type Message = Message;

    fn input(event: Event) -> Option<Message> {
        match event {
            Event::Key(key) => match key.code {
                KeyCode::Char(c) => Some(Message::Key(c)),
                _ => None,
            },
            Event::Paste(text) => Some(Message::Paste(text)),
            Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
            _ => None,
        }
    }

    fn update(&mut self, message: Message) -> Vec<Request> {
        match message {
            Message::Key('q') => return vec![Request::Quit],
            Message::Key('c') => return vec![Request::Copy("love".to_owned())],
            Message::Key('p') => panic!("the toy was asked to"),
            Message::Key('t') => drop(std::thread::spawn(|| panic!("a thread of the toy was asked to"))),
            Message::Key('A') => std::process::abort(),
            Message::Key('O') => drop(overflow(0)),
            Message::Key('T') => drop(std::thread::spawn(|| overflow(0))),
            Message::Key('a') => self.alarm = Some(Instant::now() + Duration::from_millis(50)),
            Message::Key(c) => self.typed.push(c),
            Message::Paste(text) => self.pasted = text,
            Message::Resize(columns, rows) => self.size = (columns, rows),
            Message::Posted => self.posted += 1,
        }
        Vec::new()
    }

    fn deadline(&self) -> Option<Duration> {
        self.alarm.map(|alarm| alarm.saturating_duration_since(Instant::now()))
    }

    fn tick(&mut self) -> Vec<Request> {
        self.alarm = None;
        self.rang = true;
        Vec::new()
    }

    fn draw(&mut self, frame: &mut Frame) {
        self.frames += 1;
        let Toy { typed, pasted, size, posted, rang, .. } = self;
        let text = format!("toy typed=[{typed}] pasted=[{pasted}] posted={posted} rang={rang}");
        frame.render_widget(text.as_str(), frame.area());
        let status = format!("frames={}. size={size:?}", self.frames);
        frame.render_widget(status.as_str(), ratatui::layout::Rect { y: 1, height: 1, ..frame.area() });
    }
}

/// Fills the stack.
#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    overflow(depth + 1) + room[depth as usize % 64]
}

#[test]
fn toy() {
    let Ok(mode) = std::env::var(TOY) else { return };
    terminal::install_panic_hook();
    let mailbox = Mailbox::new();
    let post = mailbox.post();
    if mode == "flood" {
        std::thread::spawn(move || {
            for _ in 0..200_000 {
                post.send(Message::Posted);
            }
        });
    }
    let code = match runtime::run(&mut Toy::default(), mailbox) {
        Ok(exit) => exit.code(),
        Err(error) => {
            eprintln!("{error}");
            1
        }
    };
    if let Ok(file) = std::env::var(TOY_END) {
        std::fs::write(file, code.to_string()).expect("the test's folder is there");
    }
    std::process::exit(code.into());
}

fn launch(mode: &str) -> Launch {
    let program = std::env::current_exe().expect("this program");
    Launch::new(program).args(TOY_ARGS).env(TOY, mode)
}

fn start() -> Pty {
    let pty = launch("plain").start();
    pty.wait_for("toy typed=[]");
    pty
}

fn frames(pty: &Pty) -> u32 {
    let screen = pty.screen();
    let count = screen.split("frames=").nth(1).and_then(|rest| rest.split('.').next());
    count.expect("the toy shows its frames").parse().expect("a number")
}

#[test]
fn the_terminal_is_taken_and_given_back() {
    let mut pty = start();
    assert!(pty.is_raw());
    assert!(pty.look(|screen| screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste()));
    assert_eq!(pty.look(|screen| screen.mouse_protocol_mode()), vt100::MouseProtocolMode::None);
    pty.send("xyz");
    pty.wait_for("typed=[xyz]");
    pty.send("\x1b[200~two\nlines\x1b[201~");
    pty.wait_for("pasted=[two");
    pty.resize(60, 10);
    pty.wait_for("size=(60, 10)");
    pty.send("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn every_signal_restores_the_terminal() {
    for number in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
        let mut pty = start();
        pty.signal(number);
        assert_eq!(pty.wait_exit(), 128 + number as u32);
        pty.assert_restored();
    }
}

#[test]
fn ctrl_c_interrupts() {
    let mut pty = start();
    pty.send(CTRL_C);
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_reported() {
    let mut pty = start();
    pty.send("p");
    assert_eq!(pty.wait_exit(), 101);
    pty.assert_restored();
    assert!(pty.screen().contains("the toy was asked to"), "{}", pty.screen());
}

#[test]
fn a_fault_restores_the_terminal_and_says_so() {
    for (key, said) in [("A", ""), ("O", "has overflowed its stack"), ("T", "has overflowed its stack")] {
        let mut pty = start();
        pty.send(key);
        let end = pty.wait_end();
        assert!(end.signal().is_some_and(|signal| signal.contains("Abort")), "{key}: {end:?}");
        pty.assert_restored();
        let screen = pty.screen().replace('\n', "");
        assert!(screen.contains("ended by a fault") && screen.contains(said), "{key}: {screen}");
    }
}

#[test]
fn a_signal_that_nobody_waits_for_restores_the_terminal() {
    for (number, name) in [
        (libc::SIGABRT, "Abort"),
        (libc::SIGSEGV, "Segmentation"),
        (libc::SIGBUS, "Bus"),
        (libc::SIGILL, "Illegal"),
        (libc::SIGXCPU, "CPU"),
        (libc::SIGUSR1, "User"),
    ] {
        let mut pty = start();
        pty.signal(number);
        let end = pty.wait_end();
        assert!(end.signal().is_some_and(|signal| signal.contains(name)), "{number}: {end:?}");
        pty.assert_restored();
    }
}

#[test]
fn a_panic_of_another_thread_leaves_the_screen_alone() {
    let mut pty = start();
    pty.send("tx");
    pty.wait_for("typed=[x]");
    std::thread::sleep(Duration::from_millis(100));
    assert!(pty.look(|screen| screen.alternate_screen()));
    assert!(!pty.raw().contains("a thread of the toy was asked to"));
    pty.send("q");
    assert_eq!(pty.wait_exit(), 0);
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let mut pty = start();
    pty.hang_up();
    assert_eq!(pty.wait_exit(), 128 + libc::SIGHUP as u32);
}

/// A session of its own has no controlling terminal, so that no SIGHUP tells it.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_goes_away_without_a_signal_ends_the_program() {
    let end = tempfile::tempdir().expect("a folder");
    let end = end.path().join("end");
    let toy = std::env::current_exe().expect("this program");
    let launch = Launch::new("setsid").args(["--wait", &toy.to_string_lossy()]).args(TOY_ARGS).env(TOY, "plain");
    let mut pty = launch.env(TOY_END, &end.to_string_lossy()).start();
    pty.wait_for("toy typed=[]");
    pty.hang_up();
    let start = Instant::now();
    while !end.exists() {
        assert!(start.elapsed() < TIMEOUT, "the program goes on without a terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_idle_program_draws_and_writes_nothing() {
    let pty = start();
    pty.wait_quiet(QUIET);
    let (bytes, drawn) = (pty.bytes_written(), frames(&pty));
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!((pty.bytes_written(), frames(&pty)), (bytes, drawn));
}

#[test]
fn a_deadline_wakes_the_program_once() {
    let mut pty = start();
    pty.send("a");
    pty.wait_for("rang=true");
    pty.wait_quiet(QUIET);
    let drawn = frames(&pty);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(frames(&pty), drawn, "no timer is left behind");
}

#[test]
fn a_flood_of_messages_is_drawn_in_few_frames_and_hides_no_key() {
    let mut pty = launch("flood").start();
    pty.wait_for("toy");
    pty.send("x");
    pty.wait_for("typed=[x]");
    pty.wait_for("posted=200000");
    pty.wait_quiet(QUIET);
    let most = pty.started.elapsed().as_millis() / runtime::FRAME_INTERVAL.as_millis() + 2;
    assert!(u128::from(frames(&pty)) <= most, "{} frames, at most {most}", frames(&pty));
}

#[test]
fn a_frame_is_one_synchronized_update() {
    let mut pty = start();
    pty.wait_quiet(QUIET);
    let before = pty.raw().len();
    pty.send("x");
    pty.wait_for("typed=[x]");
    pty.wait_quiet(QUIET);
    let written = pty.raw()[before..].to_owned();
    assert!(written.starts_with("\x1b[?2026h") && written.ends_with("\x1b[?2026l"), "{written:?}");
    assert_eq!(written.matches("\x1b[?2026").count(), 2, "{written:?}");
}

#[test]
fn copying_goes_to_the_terminals_clipboard() {
    let mut pty = start();
    pty.send("cx");
    pty.wait_for("typed=[x]");
    assert!(pty.raw().contains("\x1b]52;c;bG92ZQ=="), "base64 of 'love'");
}

#[test]
fn ctrl_z_suspends_and_the_shell_brings_it_back() {
    let toy = std::env::current_exe().expect("this program");
    let mut pty = Launch::new("sh").args(["-i"]).env(TOY, "plain").start();
    pty.send(&format!("'{}' --exact terminal::toy --nocapture --test-threads=1\r", toy.display()));
    pty.wait_for("toy typed=[]");
    pty.send("x");
    pty.wait_for("typed=[x]");
    pty.send(CTRL_Z);
    pty.wait_until("the shell's screen", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
    assert!(!pty.look(|screen| screen.hide_cursor() || screen.bracketed_paste()));
    pty.send("fg\r");
    pty.wait_for("typed=[x]");
    pty.send("y");
    pty.wait_for("typed=[xy]");
    assert!(pty.is_raw());
    pty.send("q");
    // Not before the prompt: until the toy is gone it reads what is typed.
    pty.wait_until("the prompt", |screen| !screen.alternate_screen() && screen.contents().trim_end().ends_with('$'));
    pty.send("exit\r");
    pty.wait_exit();
}

/// As under `ssh -t host rewardscope`: stopping would be for ever.
#[test]
fn ctrl_z_does_not_stop_a_program_that_no_shell_can_wake() {
    let mut pty = start();
    pty.send(CTRL_Z);
    pty.send("x");
    pty.wait_for("typed=[x]");
    assert!(pty.is_raw());
    pty.send("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn the_screen_is_drawn_anew_after_a_stop_from_outside() {
    let pty = start();
    pty.signal(libc::SIGSTOP);
    pty.signal(libc::SIGCONT);
    let drawn = frames(&pty);
    pty.wait_until("a new frame", |screen| !screen.contents().contains(&format!("frames={drawn}.")));
    pty.wait_for("toy typed=[]");
}

#[test]
fn without_a_terminal_the_loop_does_not_start() {
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "terminal::toy", "--nocapture"])
        .env(TOY, "plain")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the toy runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no terminal"));
}
