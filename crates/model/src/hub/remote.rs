//! What a repository on the hub holds at one commit, and what the hub's refusals mean.

use hf_hub::repository::RepoTypeModel;
use hf_hub::{HFClient, HFError, HFRepository};

use super::listing::ListedFile;
use super::names::{RepositoryId, is_file_name};
use super::settings::HubSettings;
use super::verify::Digest;
use super::{listing, wanted};
use crate::ModelError;

/// One file as the hub describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    pub name: String,
    /// 0 where the server does not say.
    pub bytes: u64,
    /// The hash under which the cache keeps the content.
    pub etag: String,
}

impl RemoteFile {
    /// What the content must hash to; `None` where the server does not say.
    pub fn digest(&self) -> Option<Digest> {
        Digest::named(&self.etag)
    }
}

/// A repository at the commit that a revision named when it was opened.
pub struct Remote<'a> {
    pub repository: &'a RepositoryId,
    pub commit: String,
    pub(super) handle: HFRepository<RepoTypeModel>,
    pub(super) settings: &'a HubSettings,
    revision: &'a str,
    /// Every file at the top; `None` where the server, as plain mirrors do, can only be asked for one file at a time.
    tree: Option<Vec<ListedFile>>,
}

impl<'a> Remote<'a> {
    /// Asks which commit a revision is and what it holds. `config.json` is asked for first: its headers tell the commit, and
    /// a gated repository refuses it where it would still list its files.
    pub async fn open(
        settings: &'a HubSettings,
        repository: &'a RepositoryId,
        revision: &'a str,
    ) -> Result<Remote<'a>, ModelError> {
        let refuse = |error| explain(settings, repository, revision, error);
        let agent = concat!("rewardscope/", env!("CARGO_PKG_VERSION"));
        let builder = reqwest::Client::builder().user_agent(agent);
        let http = builder.connect_timeout(settings.patience).read_timeout(settings.patience).build();
        let http = http.map_err(|error| no_answer(settings, repository, &innermost(&error)))?;
        let mut client = HFClient::builder().endpoint(&settings.endpoint).cache_dir(&settings.cache_dir).retry_max_attempts(2);
        client = client.client(http.clone());
        if let Some(token) = &settings.token {
            client = client.token(token.value());
        }
        let handle = client.build().map_err(refuse)?.model(repository.owner(), repository.name());
        let config = handle.get_file_metadata().filepath(wanted::CONFIG).revision(revision).send().await.map_err(refuse)?;
        let commit = config.commit_hash;
        if !is_file_name(&commit) {
            return Err(odd_answer(repository, format!("the server calls its commit '{commit}'")));
        }
        let mut remote = Remote { repository, commit, handle, settings, revision, tree: None };
        // Without a list, each file is asked for by its name.
        let listed = listing::list(&http, settings, repository, &remote.commit).await;
        remote.tree = listed.inspect_err(|error| tracing::warn!(%error, "the list of files is not used")).ok();
        Ok(remote)
    }

    /// A file of the commit; `None` where it has no file of that name.
    pub async fn find(&self, name: &str) -> Result<Option<RemoteFile>, ModelError> {
        let listed = self.tree.as_ref().map(|tree| tree.iter().find(|file| file.name == name));
        let found = match listed {
            Some(None) => None,
            Some(Some(ListedFile { name, bytes, hash: Some(hash) })) => {
                Some(RemoteFile { name: name.clone(), bytes: *bytes, etag: hash.clone() })
            }
            _ => match self.handle.get_file_metadata().filepath(name).revision(&self.commit).send().await {
                Ok(meta) => Some(RemoteFile { name: name.to_owned(), bytes: meta.file_size, etag: meta.etag }),
                Err(HFError::EntryNotFound { .. }) => None,
                Err(error) => return Err(self.explain(error)),
            },
        };
        match found {
            Some(file) if !is_file_name(&file.etag) => {
                Err(odd_answer(self.repository, format!("the server gives '{}' the content hash '{}'", file.name, file.etag)))
            }
            found => Ok(found),
        }
    }

    /// Files that hold a head beside the weights; of a server that lists nothing, those of the usual names.
    pub async fn head_files(&self) -> Result<Vec<RemoteFile>, ModelError> {
        let names: Vec<String> = match &self.tree {
            Some(tree) => tree.iter().map(|file| file.name.clone()).filter(|name| wanted::is_head_file(name)).collect(),
            None => wanted::HEADS.map(str::to_owned).to_vec(),
        };
        let mut files = Vec::new();
        for name in names {
            files.extend(self.find(&name).await?);
        }
        Ok(files)
    }

    /// The files of its top folder, as far as the server lists them.
    pub fn names(&self) -> Vec<&str> {
        self.tree.iter().flatten().map(|file| file.name.as_str()).collect()
    }

    /// The weight files in formats that are not read, for the message that no others are there.
    pub fn other_weights(&self) -> Vec<&str> {
        let names = self.tree.iter().flatten().map(|file| file.name.as_str());
        names.filter(|name| [".bin", ".safetensors", ".gguf", ".pt", ".h5"].iter().any(|end| name.ends_with(end))).collect()
    }

    pub fn explain(&self, error: HFError) -> ModelError {
        explain(self.settings, self.repository, self.revision, error)
    }
}

fn odd_answer(repository: &RepositoryId, problem: String) -> ModelError {
    ModelError::Hub {
        repository: repository.to_string(),
        problem,
        next: "Such a name is not safe to use as a file name; check that HF_ENDPOINT points to a Hugging Face server".to_owned(),
    }
}

/// An error of the client library in words that say what to do.
pub fn explain(settings: &HubSettings, repository: &RepositoryId, revision: &str, error: HFError) -> ModelError {
    let (problem, next) = match &error {
        HFError::AuthRequired { .. } => unauthorized(settings, repository),
        HFError::Forbidden { .. } => forbidden(settings, repository),
        HFError::EntryNotFound { context, .. }
        | HFError::RevisionNotFound { context, .. }
        | HFError::RepoNotFound { context, .. } => {
            not_found(settings, repository, revision, context.as_ref().and_then(|c| c.error_code.as_deref()))
        }
        HFError::Http { context } => match context.status.as_u16() {
            401 => unauthorized(settings, repository),
            403 => forbidden(settings, repository),
            status => (
                format!("{} answered with status {status}", settings.endpoint),
                "Try again in a while; what came so far is kept".to_owned(),
            ),
        },
        HFError::RateLimited { retry_after, .. } => (
            format!("{} takes no more requests for now (429)", settings.endpoint),
            match (retry_after, &settings.token) {
                (Some(wait), _) => format!("Try again in {} s", wait.as_secs()),
                (None, Some(_)) => "Try again in a few minutes".to_owned(),
                (None, None) => "Try again in a few minutes, or set HF_TOKEN: more requests are allowed with a token".to_owned(),
            },
        ),
        HFError::Request { source, .. } => {
            return no_answer(settings, repository, &innermost(source));
        }
        HFError::Url(_) => (
            format!("HF_ENDPOINT is '{}', which is not an address", settings.endpoint),
            "Write it as https://host or http://host:port, or unset it".to_owned(),
        ),
        other => (other.to_string(), "Try again; what came so far is kept".to_owned()),
    };
    ModelError::Hub { repository: repository.to_string(), problem, next }
}

fn unauthorized(settings: &HubSettings, repository: &RepositoryId) -> (String, String) {
    let page = repository.page();
    match &settings.token {
        None => (
            "the hub asks who you are (401)".to_owned(),
            format!(
                "The model is gated or private, or the name is misspelt. Open {page}, accept the licence on that page, and set \
                 HF_TOKEN to a token of your account (https://huggingface.co/settings/tokens)"
            ),
        ),
        Some(token) => (
            format!("the hub does not accept the token from {} (401)", token.origin),
            format!(
                "Make a new one at https://huggingface.co/settings/tokens and put it into HF_TOKEN; if that is refused too, \
                 open {page}, check the name and accept the licence on that page"
            ),
        ),
    }
}

fn forbidden(settings: &HubSettings, repository: &RepositoryId) -> (String, String) {
    let page = repository.page();
    let token = match &settings.token {
        None => "and set HF_TOKEN to a token of the account that did so".to_owned(),
        Some(token) => format!("with the account whose token is in {} (HF_TOKEN sets another)", token.origin),
    };
    ("access is refused (403)".to_owned(), format!("Open {page}, accept the licence on that page {token}"))
}

fn not_found(settings: &HubSettings, repository: &RepositoryId, revision: &str, code: Option<&str>) -> (String, String) {
    let endpoint = &settings.endpoint;
    match code {
        Some("RevisionNotFound") => (
            format!("the repository has no revision '{revision}' (404)"),
            format!("See its branches and commits at {}/commits/main, or leave out '@{revision}'", repository.page()),
        ),
        Some("EntryNotFound") => (
            format!("revision '{revision}' has no config.json, so it is not a model in the Hugging Face layout"),
            format!("Look at its files at {}/tree/{revision}", repository.page()),
        ),
        _ => (
            format!("{endpoint} knows no such repository, or it has no revision '{revision}' (404)"),
            format!("Check the spelling at {}", repository.page()),
        ),
    }
}

/// The network is down, or the server does not answer.
pub fn no_answer(settings: &HubSettings, repository: &RepositoryId, why: &str) -> ModelError {
    ModelError::Hub {
        repository: repository.to_string(),
        problem: format!("no answer from {} ({why}), and {}", settings.endpoint, not_complete(settings)),
        next: format!(
            "HF_HUB_OFFLINE is not set; HF_ENDPOINT names the server, for example a mirror. On a machine without network, {}",
            how_to_copy(settings, repository)
        ),
    }
}

/// Why nothing is brought, where only the cache may be used.
pub fn is_offline(settings: &HubSettings, repository: &RepositoryId) -> ModelError {
    ModelError::Hub {
        repository: repository.to_string(),
        problem: "HF_HUB_OFFLINE is set".to_owned(),
        next: format!("Unset HF_HUB_OFFLINE to download them, or {}", how_to_copy(settings, repository)),
    }
}

/// Only the cache may be used, and it does not hold the model.
pub fn not_cached(settings: &HubSettings, repository: &RepositoryId, revision: &str, missing: &[String]) -> ModelError {
    let what = if missing.is_empty() {
        format!("revision '{revision}' is not in the cache at {}", settings.cache_dir.display())
    } else {
        format!("{}; missing: {}", not_complete(settings), missing.join(", "))
    };
    ModelError::Hub {
        repository: repository.to_string(),
        problem: format!("HF_HUB_OFFLINE is set, and {what}"),
        next: format!("Unset HF_HUB_OFFLINE to download it, or {}", how_to_copy(settings, repository)),
    }
}

fn not_complete(settings: &HubSettings) -> String {
    format!("the cache at {} does not hold it complete", settings.cache_dir.display())
}

fn how_to_copy(settings: &HubSettings, repository: &RepositoryId) -> String {
    format!(
        "copy the folder {} from another machine's cache (~/.cache/huggingface/hub) into {}",
        repository.folder(),
        settings.cache_dir.display()
    )
}

/// The last cause of an error: `connection refused` says more than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
