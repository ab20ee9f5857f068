//! The terminal as the explorer holds it: alternate screen, raw mode, bracketed paste, hidden cursor, one write a frame.
//!
//! [`restore`] is the one way back, for a normal end, an error, a signal and a panic alike; `fault` goes it where the process
//! is broken. The mouse is never captured,
//! so that selecting text works as in any other program. Nothing here knows the contents of a frame.

mod fault;
mod suspend;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal};

pub use suspend::suspend_process_group;

/// True while the terminal is not as we found it.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// The thread that draws: its panic ends the program, that of another does not.
static DRAWING_THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);

/// True where there is a terminal to draw on and one to read keys from.
pub fn is_interactive() -> bool {
    io::stdout().is_terminal() && input().is_ok()
}

/// The terminal that keys come from: stdin, or the controlling terminal where stdin is a pipe or a file.
pub fn input() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() { stdin.as_fd().try_clone_to_owned() } else { Ok(File::open("/dev/tty")?.into()) }
}

/// Gives the terminal back as it was found. Does nothing where it was not entered or is already restored.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Where the terminal is gone, nobody can be told.
        let mut stdout = io::stdout().lock();
        let _ = leaving().and_then(|bytes| stdout.write_all(&bytes)).and_then(|()| stdout.flush());
        let _ = disable_raw_mode();
    }
}

/// What leaves the screen as we found it.
fn leaving() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, EndSynchronizedUpdate, SetAttribute(Attribute::Reset), DisableBracketedPaste, LeaveAlternateScreen, Show)?;
    Ok(bytes)
}

/// Lets a panic restore the terminal before it is reported, and puts every panic into the log. A panic of another thread
/// than the one that draws is for that thread's owner to handle: it must not write over the screen.
pub fn install_panic_hook() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(thread = thread::current().name(), "{panic}");
        let drawing = DRAWING_THREAD.try_lock().ok().and_then(|thread| *thread);
        if ENTERED.load(Ordering::SeqCst) && drawing != Some(thread::current().id()) {
            return;
        }
        restore();
        report(panic);
    }));
}

/// What a frame writes, kept until the frame is whole, so that a panic in the middle of drawing leaves nothing behind.
#[derive(Clone, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The entered terminal. Dropping it restores.
pub struct Session {
    terminal: Terminal<CrosstermBackend<FrameBytes>>,
    frame: FrameBytes,
}

impl Session {
    /// Enters the terminal. Fails where [`is_interactive`] is false, or where the terminal's settings cannot be changed.
    pub fn enter() -> io::Result<Self> {
        if !is_interactive() {
            return Err(io::Error::other("there is no terminal to draw on or to read keys from"));
        }
        if let Ok(mut thread) = DRAWING_THREAD.lock() {
            *thread = Some(thread::current().id());
        }
        let frame = FrameBytes::default();
        let terminal = Terminal::new(CrosstermBackend::new(frame.clone()))?;
        let mut session = Self { terminal, frame };
        session.reenter()?;
        Ok(session)
    }

    /// Takes the terminal (again) and makes the next frame draw every cell: another program may have written over it.
    pub fn reenter(&mut self) -> io::Result<()> {
        // Raw mode is set anew even where we believe in it: a shell may have changed it while we were stopped.
        disable_raw_mode()?;
        fault::guard(input()?, leaving()?)?;
        ENTERED.store(true, Ordering::SeqCst);
        let entered = enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide));
        if entered.is_err() {
            restore();
        }
        entered?;
        // Not `Terminal::clear`, which asks the terminal where the cursor is and waits for an answer.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Draws a frame and writes what changed, in one piece that terminals show at once.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(render)?;
        let changes = self.frame.0.take();
        let mut bytes = Vec::with_capacity(changes.len() + 32);
        queue!(bytes, BeginSynchronizedUpdate)?;
        bytes.extend_from_slice(&changes);
        queue!(bytes, EndSynchronizedUpdate)?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    }

    /// Puts `text` on the clipboard of the terminal's user by OSC 52, which also works over SSH. Whether the terminal
    /// allows it cannot be known.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Restores the terminal, stops the process as Ctrl-Z does elsewhere, and takes the terminal again once it goes on.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        suspend::stop_process()?;
        self.reenter()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        restore();
    }
}
