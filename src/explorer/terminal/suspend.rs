//! Stopping the process as job control does. The only system calls for which no safe wrapper is at hand.

use std::{io, mem, ptr};

/// What a terminal does at Ctrl-Z outside raw mode: SIGTSTP to the whole process group, so that a program that started
/// this one and waits for it stops too.
pub fn suspend_process_group() -> io::Result<()> {
    // SAFETY: `kill` takes numbers alone.
    match unsafe { libc::kill(0, libc::SIGTSTP) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Stops this process by SIGTSTP's default action and returns when it goes on. SIGSTOP would be simpler, but it also stops
/// a process that no shell can wake (`ssh -t host rewardscope`); SIGTSTP the kernel then ignores.
pub(super) fn stop_process() -> io::Result<()> {
    // SAFETY: an all-zero `sigaction` is valid: no flags, an empty mask; its handler is set to the default action. Both
    // structures outlive the calls, and the handler that stood before is put back unchanged.
    unsafe {
        let mut default: libc::sigaction = mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut previous: libc::sigaction = mem::zeroed();
        if libc::sigaction(libc::SIGTSTP, &default, &mut previous) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::raise(libc::SIGTSTP);
        libc::sigaction(libc::SIGTSTP, &previous, ptr::null_mut());
    }
    Ok(())
}
