//! One file from the hub into the cache: resumed where an earlier try stopped, tried again when the connection breaks, and
//! named only when it is what the hub says that it is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt;
use hf_hub::HFError;

use super::cache::Folder;
use super::remote::{Remote, RemoteFile, no_answer};
use super::verify::{self, Hashing, OTHER_CONTENT, fault_of_shape};
use super::{Look, Progress};
use crate::ModelError;

/// Tries that may fail in a row without one more byte.
const TRIES: usize = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// Why one try ended early.
enum Break {
    Hub(HFError),
    Disk(io::Error),
    Silent,
    /// The file ended, or went on, elsewhere than the hub had said.
    Length(u64),
}

/// Brings `file` and links it into the commit's snapshot; returns its path there. Dropping the future stops at once and keeps
/// what came: as a whole blob, or as `<hash>.incomplete`, from whose end the next try asks the server to go on.
pub async fn bring(
    remote: &Remote<'_>,
    folder: &Folder,
    file: &RemoteFile,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<PathBuf, ModelError> {
    let blob = folder.blob(&file.etag);
    if blob.is_file() {
        let fault = verify::fault(&blob, &file.name, file.digest().as_ref(), Look::Brief, &|| true);
        if fault.map_err(|e| disk(&blob, &e))?.is_some() {
            fs::remove_file(&blob).map_err(|e| disk(&blob, &e))?;
        }
    }
    if !blob.is_file() && !folder.snapshot(&remote.commit).join(&file.name).is_file() {
        let _lock = lock(&folder.lock(&file.etag)).await.map_err(|e| disk(&blob, &e))?;
        // Another program may have brought it while this one waited.
        if !blob.is_file() {
            let partial = folder.partial(&file.etag);
            receive_sound(remote, file, &partial, progress).await?;
            fs::rename(&partial, &blob).map_err(|e| disk(&blob, &e))?;
        }
    }
    folder.link(&remote.commit, &file.name, &file.etag).map_err(|e| disk(&folder.path(), &e))
}

/// Receives the file, once more where it is not what it should be; that is not kept.
async fn receive_sound(
    remote: &Remote<'_>,
    file: &RemoteFile,
    partial: &Path,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), ModelError> {
    for is_last in [false, true] {
        receive(remote, file, partial, progress).await?;
        let Some(fault) = fault(file, partial).await.map_err(|e| disk(partial, &e))? else { return Ok(()) };
        fs::remove_file(partial).map_err(|e| disk(partial, &e))?;
        if is_last {
            return Err(ModelError::Hub {
                repository: remote.repository.to_string(),
                problem: format!("{} came twice, and {fault}. Nothing of it was kept", file.name),
                next: "Try again later; if it stays so, look whether a proxy or a login page of the network stands between here \
                       and HF_ENDPOINT"
                    .to_owned(),
            });
        }
        tracing::warn!(file = file.name, fault, "fetched once more");
    }
    Ok(())
}

/// Why what came is not the file: another content than the hub names, or, where it names none, another shape.
async fn fault(file: &RemoteFile, path: &Path) -> io::Result<Option<String>> {
    if let Some(digest) = file.digest() {
        let mut hashing = Hashing::begin(path)?;
        while hashing.step(&digest)? {
            // A cancel is seen in between.
            tokio::task::yield_now().await;
        }
        if hashing.is(&digest) {
            return Ok(None);
        }
    }
    let shape = fault_of_shape(path, &file.name)?;
    Ok(shape.or_else(|| file.digest().map(|_| OTHER_CONTENT.to_owned())))
}

async fn receive(
    remote: &Remote<'_>,
    file: &RemoteFile,
    partial: &Path,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), ModelError> {
    if let Some(parent) = partial.parent() {
        fs::create_dir_all(parent).map_err(|e| disk(parent, &e))?;
    }
    let mut meter = Meter::new(Instant::now());
    let mut failures = 0;
    loop {
        let before = length(partial);
        let error = match attempt(remote, file, partial, &mut meter, progress).await {
            Ok(()) => return Ok(()),
            Err(Break::Disk(error)) => return Err(disk(partial, &error)),
            Err(Break::Hub(error)) if !is_passing(&error) => return Err(remote.explain(error)),
            Err(error) => error,
        };
        let has_grown = length(partial) > before;
        failures = if has_grown { 1 } else { failures + 1 };
        // Silence has taken its time already.
        if error.is_silence() && !has_grown {
            let seconds = remote.settings.patience.as_secs_f64();
            let why = format!("it said nothing for {seconds} s when it was asked for {}", file.name);
            return Err(no_answer(remote.settings, remote.repository, &why));
        }
        if failures >= TRIES {
            return Err(match error {
                Break::Hub(error) => remote.explain(error),
                Break::Length(got) => ModelError::Hub {
                    repository: remote.repository.to_string(),
                    problem: format!("{} should have {} bytes, but the server sent {got}", file.name, file.bytes),
                    next: "Try again; if it stays so, the server's copy is broken".to_owned(),
                },
                Break::Silent | Break::Disk(_) => no_answer(remote.settings, remote.repository, "the transfer stands still"),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One request, from where the partial file ends.
async fn attempt(
    remote: &Remote<'_>,
    file: &RemoteFile,
    partial: &Path,
    meter: &mut Meter,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), Break> {
    let mut done = length(partial);
    if file.bytes == 0 || done > file.bytes {
        done = 0;
    } else if done == file.bytes {
        return Ok(());
    }
    let report = |done_bytes, rate| {
        progress(Progress { file: file.name.clone(), done_bytes, total_bytes: file.bytes.max(done_bytes), rate });
    };
    report(done, meter.rate);
    let request = remote.handle.download_file_stream().filename(&file.name).revision(&remote.commit);
    let request = request.maybe_range((done > 0).then_some(done..file.bytes));
    let patience = remote.settings.patience;
    let answer = tokio::time::timeout(patience, request.send()).await.map_err(|_| Break::Silent)?;
    let (coming, mut stream) = answer.map_err(Break::Hub)?;
    if done > 0 && coming == Some(file.bytes) {
        // The server does not know ranges and starts from the beginning.
        done = 0;
    }
    let mut out =
        OpenOptions::new().create(true).append(done > 0).write(true).truncate(done == 0).open(partial).map_err(Break::Disk)?;
    meter.restart(Instant::now(), done);
    while let Some(chunk) = tokio::time::timeout(patience, stream.next()).await.map_err(|_| Break::Silent)? {
        let chunk = chunk.map_err(Break::Hub)?;
        done += chunk.len() as u64;
        if file.bytes > 0 && done > file.bytes {
            break;
        }
        out.write_all(&chunk).map_err(Break::Disk)?;
        if let Some(rate) = meter.advance(Instant::now(), done) {
            report(done, rate);
        }
    }
    if file.bytes > 0 && done != file.bytes {
        if done > file.bytes {
            let _ = fs::remove_file(partial);
        }
        return Err(Break::Length(done));
    }
    report(done, meter.rate);
    Ok(())
}

impl Break {
    fn is_silence(&self) -> bool {
        match self {
            Break::Silent => true,
            Break::Hub(HFError::Request { source, .. }) => source.is_timeout(),
            Break::Hub(_) | Break::Disk(_) | Break::Length(_) => false,
        }
    }
}

/// Errors after which the same request may succeed.
fn is_passing(error: &HFError) -> bool {
    match error {
        HFError::Request { .. } | HFError::Xet { .. } | HFError::RateLimited { .. } => true,
        HFError::Http { context } => context.status.is_server_error(),
        _ => false,
    }
}

/// Waits for the lock without holding up the runtime, so that a cancel is seen.
async fn lock(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::create(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn disk(path: &Path, error: &io::Error) -> ModelError {
    ModelError::file(
        path,
        format!("can't be written ({error})"),
        "Make room or check the folder's rights; HF_HOME moves the cache",
    )
}

/// The rate of a transfer, smoothed over a few seconds so that it can be read.
struct Meter {
    last: Instant,
    last_bytes: u64,
    /// Bytes a second; 0 until enough came to say.
    rate: f64,
}

impl Meter {
    const INTERVAL: Duration = Duration::from_millis(100);
    const SMOOTHING_SECONDS: f64 = 3.0;

    fn new(now: Instant) -> Self {
        Meter { last: now, last_bytes: 0, rate: 0.0 }
    }

    /// Bytes that were there before are not counted into the rate.
    fn restart(&mut self, now: Instant, bytes: u64) {
        (self.last, self.last_bytes) = (now, bytes);
    }

    /// The rate, when it is time to report again: callbacks run on the path of the data and must stay rare.
    fn advance(&mut self, now: Instant, bytes: u64) -> Option<f64> {
        let elapsed = now.duration_since(self.last);
        if elapsed < Self::INTERVAL {
            return None;
        }
        let seconds = elapsed.as_secs_f64();
        let current = (bytes - self.last_bytes) as f64 / seconds;
        let weight = if self.rate == 0.0 { 1.0 } else { 1.0 - (-seconds / Self::SMOOTHING_SECONDS).exp() };
        self.rate += weight * (current - self.rate);
        self.restart(now, bytes);
        Some(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_the_transfer_smoothly_and_reports_are_rare() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = Meter::new(start);
        meter.restart(start, 500);
        assert_eq!(meter.advance(at(50), 550), None);
        assert_eq!(meter.advance(at(100), 600), Some(1000.0));
        let after_a_gap = meter.advance(at(1100), 600).expect("a second has passed");
        assert!((600.0..1000.0).contains(&after_a_gap), "{after_a_gap}");
        for step in 0..100 {
            meter.advance(at(1200 + step * 100), 600 + (step + 1) * 200);
        }
        assert!((meter.rate - 2000.0).abs() < 60.0, "{}", meter.rate);
    }
}
