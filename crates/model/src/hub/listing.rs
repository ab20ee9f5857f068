//! The names, sizes and hashes of a commit's files, as the hub's API lists them.
//!
//! A list comes in pages, each of which names the next. Nothing of that is believed: a page elsewhere is not asked for, so that
//! the token goes to no other host, and pages and bytes are counted, so that a list without end ends.

use reqwest::{Client, Response, Url, header};
use serde::Deserialize;

use super::names::RepositoryId;
use super::settings::HubSettings;

/// No model has a list of so many bytes.
const MOST_BYTES: usize = 64 << 20;
const MOST_PAGES: usize = 1_000;

/// One file as the hub lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    pub name: String,
    pub bytes: u64,
    /// SHA-256 of what lies in the large storage, git blob hash of the others; none where the list does not say.
    pub hash: Option<String>,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("{0}")]
    Request(#[from] reqwest::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("the address of the list is none")]
    Address,
    #[error("it goes on at another host, {0}")]
    Elsewhere(String),
    #[error("it has more than {MOST_PAGES} pages or {MOST_BYTES} bytes")]
    Endless,
    #[error("it is not understood: {0}")]
    Odd(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    oid: Option<String>,
    lfs: Option<Lfs>,
}

/// Of a file in the large storage.
#[derive(Deserialize)]
struct Lfs {
    #[serde(alias = "sha256")]
    oid: Option<String>,
}

/// Every file at the top of a commit.
///
/// # Errors
/// A refusal, silence, and a list that leads elsewhere or does not end.
pub async fn list(
    client: &Client,
    settings: &HubSettings,
    repository: &RepositoryId,
    commit: &str,
) -> Result<Vec<ListedFile>, ListError> {
    let first = format!("{}/api/models/{repository}/tree/{commit}", settings.endpoint);
    let first = Url::parse(&first).map_err(|_| ListError::Address)?;
    let (mut files, mut left, mut page) = (Vec::new(), MOST_BYTES, first.clone());
    for _ in 0..MOST_PAGES {
        let mut request = client.get(page.clone());
        if let Some(token) = &settings.token {
            request = request.bearer_auth(token.value());
        }
        let response = request.send().await?;
        if !response.status().is_success() {
            return Err(ListError::Status(response.status().as_u16()));
        }
        let next = next(&response);
        let body = bounded(response, left).await?;
        left -= body.len();
        let entries: Vec<Entry> = serde_json::from_slice(&body)?;
        files.extend(entries.into_iter().filter(|entry| entry.kind == "file").map(file));
        page = match next {
            None => return Ok(files),
            Some(next) => page.join(&next).map_err(|_| ListError::Address)?,
        };
        if page.origin() != first.origin() {
            return Err(ListError::Elsewhere(page.host_str().unwrap_or_default().to_owned()));
        }
    }
    Err(ListError::Endless)
}

fn file(entry: Entry) -> ListedFile {
    // Of a file in the large storage, the entry's own id is that of the pointer to it.
    let hash = match entry.lfs {
        Some(lfs) => lfs.oid,
        None => entry.oid,
    };
    let hash = hash.map(|hash| hash.trim_start_matches("sha256:").to_owned());
    ListedFile { name: entry.path, bytes: entry.size, hash }
}

async fn bounded(mut response: Response, most: usize) -> Result<Vec<u8>, ListError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(ListError::Endless);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The address that the header `Link: <…>; rel="next"` names.
fn next(response: &Response) -> Option<String> {
    let links = response.headers().get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|links| links.split(',')).find(|link| link.contains("rel=\"next\""))?;
    Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
}
