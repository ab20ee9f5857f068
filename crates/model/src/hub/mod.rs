//! Models from the Hugging Face hub: from the cache where it holds them, else over the network into the cache.
//!
//! A commit hash that lies complete in the cache is used without asking anyone. For a branch or tag the hub is asked which
//! commit it is now, briefly when the cache holds an older one: if no answer comes, or a refusal, the cached commit is used.
//! So a full cache works with the network down, and `HF_HUB_OFFLINE` only saves the asking.
//!
//! Nothing that comes is believed: a file gets its name in the cache when its content has the hash that the hub lists for it.
//! What lies in the cache is looked at when it is opened, as far as that takes no time (see [`Look`]); what is damaged there
//! is brought anew.
//!
//! Small files come first and the weights last. Each file grows as `<hash>.incomplete` beside its blob and a stopped
//! transfer goes on from its end by an HTTP range request; a server without ranges starts that file again. (hf-hub's own
//! `download_file` begins every file anew and takes an error page for the file, so only its requests are used here.)
//! Knows nothing of what the files mean beyond their names and the index of shards.

mod cache;
mod damaged;
mod listing;
mod names;
mod remote;
mod settings;
mod transfer;
mod verify;
mod wanted;

use std::path::PathBuf;
use std::time::Duration;

pub use cache::{CachedModel, cached_models_in, free_space, size_on_disk};
pub use damaged::damaged_in;
pub use names::{RepositoryId, is_revision};
pub use settings::{DEFAULT_ENDPOINT, HubSettings, Token, TokenOrigin};
pub use verify::{WEB_PAGE, is_web_page};

use super::{Cancel, ModelError};
use crate::format::instead::{Instead, names_in};
use cache::Folder;
use damaged::Damaged;
use remote::{Remote, RemoteFile};

/// How long the hub may take to say which commit a branch is, when the cache could serve instead.
const BRIEF: Duration = Duration::from_secs(3);
/// How often the cancel flag is looked at.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// One file on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The file that is brought.
    pub file: String,
    /// Includes what an earlier, stopped transfer had brought.
    pub done_bytes: u64,
    /// The size of all files together.
    pub total_bytes: u64,
    /// Bytes a second over the last few seconds; 0 until known.
    pub rate: f64,
}

/// A commit's files in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the files are.
    pub directory: PathBuf,
    /// The commit.
    pub revision: String,
    /// What a reader should know of the files: which were damaged, and which nobody can verify.
    pub notes: Vec<String>,
}

/// How closely files that lie in the cache are looked at before they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Small files by their hash, weights by their header and length: no more than a moment's work.
    Brief,
    /// Every byte.
    Whole,
}

/// Brings config, tokenizer, chat template and weights of `repository` at `revision` (`main` where none is given) into the
/// cache and returns the folder that holds them. Blocks; runs its own small tokio runtime, so it must be called from a plain
/// thread, never from inside another runtime. `progress` is called at most every 100 ms per file and must not block. Ends
/// within 200 ms after `cancel` is set and keeps what came.
///
/// # Errors
/// [`ModelError::Hub`] for a bad name, a refusal, no answer, an incomplete cache when offline, no room on the disk, or a
/// repository without safetensors weights; [`ModelError::File`] for a cache that can't be written;
/// [`ModelError::Cancelled`].
pub fn fetch_with(
    settings: &HubSettings,
    repository: &str,
    revision: Option<&str>,
    progress: &(dyn Fn(Progress) + Send + Sync),
    cancel: &Cancel,
) -> Result<Snapshot, ModelError> {
    fetch_looking(settings, repository, revision, Look::Brief, progress, cancel)
}

/// The same with a closer look at what lies in the cache. What is damaged there is brought anew, which the notes say.
///
/// # Errors
/// As of [`fetch_with`]; and where what is damaged cannot be brought anew.
pub fn fetch_looking(
    settings: &HubSettings,
    repository: &str,
    revision: Option<&str>,
    look: Look,
    progress: &(dyn Fn(Progress) + Send + Sync),
    cancel: &Cancel,
) -> Result<Snapshot, ModelError> {
    let repository = RepositoryId::parse(repository)?;
    let revision = revision.unwrap_or("main");
    if !names::is_revision(revision) {
        return Err(ModelError::Hub {
            repository: repository.to_string(),
            problem: format!("'{revision}' is not a revision"),
            next: "Give a branch, a tag or a commit after the '@', or leave it out".to_owned(),
        });
    }
    let folder = Folder::new(&settings.cache_dir, &repository);
    let known = folder.commit(revision).map(|commit| folder.snapshot(&commit)).filter(|snapshot| snapshot.is_dir());
    let damaged = match known {
        Some(directory) => Damaged::look(&directory, look, cancel)?,
        None => Damaged::default(),
    };
    let cached = folder.complete(revision).filter(|_| damaged.files.is_empty());
    match cached {
        Some(snapshot) if settings.offline || names::is_commit(revision) => return Ok(snapshot.with_notes(&damaged)),
        None if settings.offline && !damaged.files.is_empty() => {
            return Err(damaged.not_replaced(&repository, remote::is_offline(settings, &repository)));
        }
        None if settings.offline => {
            let commit = folder.commit(revision).map(|commit| folder.snapshot(&commit)).filter(|snapshot| snapshot.is_dir());
            if let Some(Instead { problem, next }) = commit.as_deref().and_then(Instead::of) {
                return Err(ModelError::Hub { repository: repository.to_string(), problem, next });
            }
            let missing = commit.as_deref().map_or_else(Vec::new, wanted::missing);
            let is_all_but = missing == [wanted::TOKENIZER];
            let found = commit.filter(|_| is_all_but).and_then(|snapshot| Instead::of_a_tokenizer(&names_in(&snapshot)));
            if let Some(Instead { problem, next }) = found {
                return Err(ModelError::Hub { repository: repository.to_string(), problem, next });
            }
            return Err(remote::not_cached(settings, &repository, revision, &missing));
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| remote::no_answer(settings, &repository, &format!("no network runtime: {e}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            () = raised(cancel) => Err(ModelError::Cancelled),
            outcome = download(settings, &repository, revision, &folder, cached, &damaged, progress) => outcome,
        }
    });
    // A name look-up may hang in a thread of its own: it must not hold up a cancel.
    runtime.shutdown_background();
    match outcome {
        Err(error @ ModelError::Hub { .. }) if !damaged.files.is_empty() => Err(damaged.not_replaced(&repository, error)),
        outcome => outcome.map(|snapshot| snapshot.with_notes(&damaged)),
    }
}

/// A model's files where they lie complete in the cache of the environment; the network is not asked.
pub fn cached(repository: &str, revision: Option<&str>) -> Option<Snapshot> {
    let repository = RepositoryId::parse(repository).ok()?;
    let revision = revision.unwrap_or("main");
    names::is_revision(revision).then(|| Folder::new(&HubSettings::from_env().cache_dir, &repository).complete(revision))?
}

/// The models that lie complete in the cache of the environment.
pub fn cached_models() -> Vec<CachedModel> {
    cached_models_in(&HubSettings::from_env().cache_dir)
}

async fn raised(cancel: &Cancel) {
    while !cancel.is_set() {
        tokio::time::sleep(CANCEL_POLL).await;
    }
}

async fn download(
    settings: &HubSettings,
    repository: &RepositoryId,
    revision: &str,
    folder: &Folder,
    cached: Option<Snapshot>,
    damaged: &Damaged,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Snapshot, ModelError> {
    let patience = if cached.is_some() { BRIEF.min(settings.patience) } else { settings.patience };
    let opened = tokio::time::timeout(patience, Remote::open(settings, repository, revision))
        .await
        .unwrap_or_else(|_| Err(remote::no_answer(settings, repository, &format!("waited {} s", patience.as_secs_f64()))));
    let remote = match (opened, cached) {
        (Ok(remote), _) => remote,
        (Err(error), Some(snapshot)) => {
            tracing::warn!(%error, commit = snapshot.revision, "the hub can't be asked; using the cached commit");
            return Ok(snapshot);
        }
        (Err(error), None) => return Err(error),
    };
    // Only now that the hub answers.
    damaged.discard(folder)?;
    let snapshot = Snapshot::at(folder.snapshot(&remote.commit), remote.commit.clone());
    let is_complete = wanted::missing(&snapshot.directory).is_empty();
    // Before the weights, so that no folder looks complete without it; to one that is, it may have come since.
    match heads(&remote, folder, progress).await {
        Err(error) if is_complete => tracing::warn!(%error, "whether there is a head of its own can't be asked"),
        brought => brought?,
    }
    if !is_complete {
        for name in wanted::SMALL {
            if let Some(file) = remote.find(name).await? {
                transfer::bring(&remote, folder, &file, progress).await?;
            }
        }
        let weights = weights(&remote, folder, progress).await?;
        if let Some(Instead { problem, next }) = Instead::of_a_tokenizer(&remote.names()) {
            return Err(ModelError::Hub { repository: repository.to_string(), problem, next });
        }
        check_space(settings, repository, folder, &weights)?;
        for file in &weights {
            transfer::bring(&remote, folder, file, progress).await?;
        }
    }
    let refs = folder.path();
    folder.remember(revision, &remote.commit).map_err(|e| {
        ModelError::file(refs, format!("can't be written ({e})"), "Check the folder's rights; HF_HOME moves the cache")
    })?;
    Ok(snapshot)
}

/// Brings the files that hold a head beside the weights.
async fn heads(remote: &Remote<'_>, folder: &Folder, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<(), ModelError> {
    for file in remote.head_files().await? {
        transfer::bring(remote, folder, &file, progress).await?;
    }
    Ok(())
}

/// The weight files of the commit; brings the index if there is one.
async fn weights(
    remote: &Remote<'_>,
    folder: &Folder,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Vec<RemoteFile>, ModelError> {
    let fault = |problem: String, next: &str| ModelError::Hub {
        repository: remote.repository.to_string(),
        problem,
        next: next.to_owned(),
    };
    if let Some(single) = remote.find(wanted::WEIGHTS).await? {
        return Ok(vec![single]);
    }
    let Some(index) = remote.find(wanted::INDEX).await? else {
        if let Some(Instead { problem, next }) = Instead::among(&remote.names(), || None, None) {
            return Err(fault(problem, &next));
        }
        let found = match remote.other_weights() {
            names if names.is_empty() => String::new(),
            names => format!(" (found: {})", names.join(", ")),
        };
        let problem = format!("it has neither {} nor {}{found}", wanted::WEIGHTS, wanted::INDEX);
        return Err(fault(problem, "Only safetensors weights are read; look for a revision that has them, or convert the model"));
    };
    let path = transfer::bring(remote, folder, &index, progress).await?;
    let text = std::fs::read(&path).map_err(|e| ModelError::file(&path, format!("can't be read ({e})"), "Check the cache"))?;
    let shards = wanted::shards(&text).map_err(|problem| {
        ModelError::file(&path, problem, "The repository is broken or hostile; nothing was taken from outside its folder")
    })?;
    let mut files = Vec::with_capacity(shards.len());
    for name in shards {
        match remote.find(&name).await? {
            Some(file) => files.push(file),
            None => {
                let problem = format!("{} names {name}, which the repository does not have", wanted::INDEX);
                return Err(fault(problem, "Ask its authors to upload it, or try another revision"));
            }
        }
    }
    Ok(files)
}

/// Refuses to begin what can't end: compares what is still to come with the room on the disk, where both are known.
fn check_space(
    settings: &HubSettings,
    repository: &RepositoryId,
    folder: &Folder,
    files: &[RemoteFile],
) -> Result<(), ModelError> {
    let there = |file: &RemoteFile| {
        let whole = std::fs::metadata(folder.blob(&file.etag));
        whole.or_else(|_| std::fs::metadata(folder.partial(&file.etag))).map_or(0, |meta| meta.len())
    };
    let needed: u64 = files.iter().map(|file| file.bytes.saturating_sub(there(file))).sum();
    match free_space(&settings.cache_dir) {
        Some(free) if free < needed => Err(no_room(settings, repository, needed, free)),
        _ => Ok(()),
    }
}

fn no_room(settings: &HubSettings, repository: &RepositoryId, needed: u64, free: u64) -> ModelError {
    use rewardscope_base::text::bytes;
    ModelError::Hub {
        repository: repository.to_string(),
        problem: format!(
            "its weights need {} more, and the disk of {} has {} free",
            bytes(needed),
            settings.cache_dir.display(),
            bytes(free)
        ),
        next: "Make room, or set HF_HOME to a folder on a larger disk".to_owned(),
    }
}
