//! The event loop: takes whatever has come, then draws once, then sleeps until something comes.
//!
//! Keys and messages from other threads share one queue, in the order in which they came. A frame is drawn only after
//! something changed and at most every [`FRAME_INTERVAL`]; with nothing to do the loop neither wakes nor writes. What is
//! shown and done is the [`Program`]'s.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::explorer::terminal;
use crate::explorer::terminal::Session;

/// The least time between two frames. A message is therefore shown within this time and the time of drawing.
pub const FRAME_INTERVAL: Duration = Duration::from_millis(10);

/// What the loop runs. Nothing in it may wait: long work belongs on a thread that posts its result.
pub trait Program {
    /// What happens to the program: keys, events of the engine, finished work.
    type Message: Send + 'static;

    /// The message for a key, a paste or a new size; none for an event that the program ignores. Ctrl-C and
    /// Ctrl-Z do not come here: they interrupt and suspend whatever the program shows.
    fn input(event: Event) -> Option<Self::Message>;

    /// Takes a message in, and gives what is asked of the terminal.
    fn update(&mut self, message: Self::Message) -> Vec<Request>;

    /// How long from now until [`Program::tick`] is wanted, though no message comes; none while there is nothing to wait for.
    fn deadline(&self) -> Option<Duration>;

    /// The deadline has passed. The next one must be in the future.
    fn tick(&mut self) -> Vec<Request>;

    /// Draws one frame.
    fn draw(&mut self, frame: &mut Frame);
}

/// What a program asks of the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Puts the text on the clipboard.
    Copy(String),
    /// End the program.
    Quit,
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The program ended itself.
    Quit,
    /// Ctrl-C counts as SIGINT, a terminal that went away as SIGHUP.
    Signal(i32),
}

impl Exit {
    /// The exit code of the process: 0, or 128 and the signal's number, so 130 for an interrupt.
    pub fn code(self) -> u8 {
        match self {
            Exit::Quit => 0,
            Exit::Signal(number) => 128u8.saturating_add(u8::try_from(number).unwrap_or(u8::MAX)),
        }
    }
}

#[derive(Debug)]
enum Arrival<M> {
    Terminal(Event),
    InputClosed,
    Message(M),
}

/// The queue that the loop empties. It is made before the program, which hands its [`Post`]s to other threads.
#[derive(Debug)]
pub struct Mailbox<M> {
    sender: UnboundedSender<Arrival<M>>,
    receiver: UnboundedReceiver<Arrival<M>>,
}

/// Sends messages to the program from any thread; never blocks.
#[derive(Debug)]
pub struct Post<M>(UnboundedSender<Arrival<M>>);

impl<M> Clone for Post<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> Post<M> {
    /// Sends `message`; once the loop has ended it goes nowhere.
    pub fn send(&self, message: M) {
        let _ = self.0.send(Arrival::Message(message));
    }
}

impl<M: Send + 'static> Mailbox<M> {
    /// An empty mailbox.
    pub fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { sender, receiver }
    }

    /// A way to put messages into it, for another thread.
    pub fn post(&self) -> Post<M> {
        Post(self.sender.clone())
    }

    /// Reads the terminal on a thread of its own. crossterm's `EventStream` would read it in the loop, and where the
    /// terminal has gone away it then spins without ever returning.
    fn read_terminal(&self) -> io::Result<()> {
        let sender = self.sender.clone();
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                if sender.send(Arrival::Terminal(event)).is_err() {
                    return;
                }
            }
            let _ = sender.send(Arrival::InputClosed);
        })?;
        Ok(())
    }
}

impl<M: Send + 'static> Default for Mailbox<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Enters the terminal, runs `program` until it quits or is ended from outside, and restores the terminal. Once a
/// process: the thread that reads keys stays. Errors are those of the terminal.
pub fn run<P: Program>(program: &mut P, mailbox: Mailbox<P::Message>) -> io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Signals are caught before there is anything to restore.
        let signals = Signals::new()?;
        let session = Session::enter()?;
        mailbox.read_terminal()?;
        let mut event_loop = EventLoop { program, session, signals, mailbox, changed: true, drawn: None, exit: None };
        match event_loop.run().await {
            // EIO: the terminal went away while we wrote to it.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(Exit::Signal(libc::SIGHUP)),
            ended => ended,
        }
    })
}

struct EventLoop<'a, P: Program> {
    program: &'a mut P,
    session: Session,
    signals: Signals,
    mailbox: Mailbox<P::Message>,
    /// Something happened since the last frame.
    changed: bool,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
    exit: Option<Exit>,
}

impl<P: Program> EventLoop<'_, P> {
    async fn run(&mut self) -> io::Result<Exit> {
        loop {
            if let Some(exit) = self.exit {
                return Ok(exit);
            }
            if self.program.deadline().is_some_and(|left| left.is_zero()) {
                let requests = self.program.tick();
                self.serve(requests)?;
            }
            let frame_due = self.drawn.map_or(Duration::ZERO, |drawn| FRAME_INTERVAL.saturating_sub(drawn.elapsed()));
            if self.changed && frame_due.is_zero() {
                self.session.draw(|frame| self.program.draw(frame))?;
                self.drawn = Some(Instant::now());
                self.changed = false;
            }
            let wake = if self.changed { Some(frame_due) } else { self.program.deadline() };
            tokio::select! {
                biased;
                number = self.signals.next() => self.signal(number)?,
                Some(arrival) = self.mailbox.receiver.recv() => self.take(arrival)?,
                () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            }
        }
    }

    fn signal(&mut self, number: i32) -> io::Result<()> {
        match number {
            libc::SIGTSTP => self.session.suspend()?,
            // Also after a SIGSTOP, which cannot be seen coming.
            libc::SIGCONT => self.session.reenter()?,
            number => self.exit = Some(Exit::Signal(number)),
        }
        self.changed = true;
        Ok(())
    }

    /// Takes everything that has come, but no longer than a frame may wait.
    fn take(&mut self, first: Arrival<P::Message>) -> io::Result<()> {
        let start = Instant::now();
        let mut next = Some(first);
        while let Some(arrival) = next {
            self.arrive(arrival)?;
            if self.exit.is_some() || start.elapsed() > FRAME_INTERVAL {
                break;
            }
            next = self.mailbox.receiver.try_recv().ok();
        }
        Ok(())
    }

    fn arrive(&mut self, arrival: Arrival<P::Message>) -> io::Result<()> {
        let message = match arrival {
            Arrival::Message(message) => Some(message),
            Arrival::InputClosed => {
                self.exit = Some(Exit::Signal(libc::SIGHUP));
                None
            }
            Arrival::Terminal(event) => match control_key(&event) {
                Some('c') => {
                    self.exit = Some(Exit::Signal(libc::SIGINT));
                    None
                }
                Some('z') => {
                    terminal::suspend_process_group()?;
                    None
                }
                _ => P::input(event),
            },
        };
        let Some(message) = message else { return Ok(()) };
        let requests = self.program.update(message);
        self.serve(requests)
    }

    /// Carries out the requests of the program.
    fn serve(&mut self, requests: Vec<Request>) -> io::Result<()> {
        self.changed = true;
        for request in requests {
            match request {
                Request::Copy(text) => self.session.copy(&text)?,
                Request::Quit => self.exit = Some(Exit::Quit),
            }
        }
        Ok(())
    }
}

/// The letter that was pressed with Ctrl alone.
fn control_key(event: &Event) -> Option<char> {
    match event {
        Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL, kind: KeyEventKind::Press, .. }) => {
            Some(*c)
        }
        _ => None,
    }
}

/// Everything by which the world outside ends, stops or wakes the process.
struct Signals {
    streams: Vec<(i32, Signal)>,
    /// Tells when the terminal goes away even where SIGHUP does not reach us; none where the system cannot watch it.
    terminal: Option<AsyncFd<OwnedFd>>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let numbers = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP, libc::SIGCONT];
        let streams = numbers.into_iter().map(|number| Ok((number, signal(SignalKind::from_raw(number))?)));
        // SAFETY: an `OwnedFd` stays open, and the same, for as long as the `AsyncFd` owns it.
        let watch = |input| unsafe { AsyncFd::register_with_interest(input, Interest::READABLE) }.ok();
        let terminal = terminal::input().ok().and_then(watch);
        Ok(Self { streams: streams.collect::<io::Result<_>>()?, terminal })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        let signal = std::future::poll_fn(|context| {
            for (number, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*number);
                }
            }
            std::task::Poll::Pending
        });
        tokio::select! {
            biased;
            number = signal => number,
            () = hung_up(self.terminal.as_ref()) => libc::SIGHUP,
        }
    }
}

/// Returns when the other end of the terminal is closed.
async fn hung_up(terminal: Option<&AsyncFd<OwnedFd>>) {
    let Some(terminal) = terminal else { return std::future::pending().await };
    while let Ok(mut ready) = terminal.readable().await {
        if ready.ready().is_read_closed() {
            return;
        }
        // A key, which the other thread reads.
        ready.clear_ready();
    }
}
