//! A Hugging Face hub of one repository on 127.0.0.1: the few answers that a client asks for, over plain HTTP/1.1.
//!
//! It serves `HEAD` and `GET /OWNER/NAME/resolve/REVISION/FILE` (with byte ranges) and `GET /api/models/OWNER/NAME/tree/COMMIT`,
//! one request a connection, and remembers what it was asked. Dropping it closes the port.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub const REPOSITORY: &str = "lab/tiny-reward";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server does; the default is an open hub that knows ranges and listings.
#[derive(Clone)]
pub struct Behaviour {
    /// Sent to every request instead of an answer: status and `X-Error-Code`.
    pub refusal: Option<(u16, &'static str)>,
    /// Without this bearer token the answer is 401.
    pub token: Option<&'static str>,
    /// Off: `/api` is unknown, as on a plain mirror of files.
    pub listing: bool,
    pub ranges: bool,
    /// Time between pieces of 1 kB of files whose name ends so.
    pub slow: Option<(&'static str, Duration)>,
    /// The connection breaks after so many bytes, once.
    pub breaks_after: Option<usize>,
    /// Added to every size that is stated.
    pub claimed_extra_bytes: u64,
    /// Other bytes are sent of a file, so many times; what is said of it stays true.
    pub instead: Option<(&'static str, &'static [u8], usize)>,
    /// Off: neither the listing nor an ETag tells a hash.
    pub hashes: bool,
    /// Off: no length is told of what is sent, which ends with the connection.
    pub lengths: bool,
    /// No more bytes of a file are sent than that, as though this were all.
    pub cut: Option<(&'static str, usize)>,
    /// To a request of this method whose path ends so nothing is answered.
    pub silent: Option<(&'static str, &'static str)>,
    /// The listing's next page.
    pub next_page: Option<String>,
    /// A listing goes on without end.
    pub endless_listing: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            refusal: None,
            token: None,
            listing: true,
            ranges: true,
            slow: None,
            breaks_after: None,
            claimed_extra_bytes: 0,
            instead: None,
            hashes: true,
            lengths: true,
            cut: None,
            silent: None,
            next_page: None,
            endless_listing: false,
        }
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
}

pub struct HubServer {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Hub {
    files: BTreeMap<String, Vec<u8>>,
    behaviour: Behaviour,
    broken_once: AtomicBool,
    sent_instead: AtomicUsize,
    stop: Arc<AtomicBool>,
}

impl HubServer {
    pub fn start(files: &[(&str, &[u8])], behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (broken_once, sent_instead) = (AtomicBool::new(false), AtomicUsize::new(0));
        let hub = Arc::new(Hub { files, behaviour, broken_once, sent_instead, stop: stop.clone() });
        let thread = std::thread::spawn({
            let (requests, stop) = (requests.clone(), stop.clone());
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let (hub, requests) = (hub.clone(), requests.clone());
                    std::thread::spawn(move || hub.serve(stream, &requests));
                }
            }
        });
        HubServer { endpoint, requests, stop, thread: Some(thread) }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic holds it").clone()
    }

    /// Requests for a file's bytes.
    pub fn downloads_of(&self, file: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|r| r.method == "GET" && r.path.ends_with(&format!("/{file}"))).collect()
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Hub {
    /// Errors are the client's leaving, which is no concern of the server.
    fn serve(&self, stream: TcpStream, requests: &Mutex<Vec<Request>>) {
        let Some(request) = read_request(&stream) else { return };
        requests.lock().expect("no panic holds it").push(request.clone());
        let _ = self.answer(&request, &stream);
    }

    fn answer(&self, request: &Request, stream: &TcpStream) -> std::io::Result<()> {
        if self.behaviour.silent.is_some_and(|(method, end)| request.method == method && request.path.ends_with(end)) {
            while !self.stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            return Ok(());
        }
        if let Some((status, code)) = self.behaviour.refusal {
            return head(stream, status, &[("X-Error-Code", code), ("Content-Length", "0")]);
        }
        let authorization = self.behaviour.token.map(|token| format!("Bearer {token}"));
        if authorization.is_some() && request.headers.get("authorization") != authorization.as_ref() {
            return head(stream, 401, &[("X-Error-Code", "GatedRepo"), ("Content-Length", "0")]);
        }
        if let Some(commit) = request.path.strip_prefix(&format!("/api/models/{REPOSITORY}/tree/"))
            && self.behaviour.listing
        {
            return if commit == COMMIT { self.list(stream) } else { not_found(stream, "RevisionNotFound") };
        }
        let file = request.path.strip_prefix(&format!("/{REPOSITORY}/resolve/")).and_then(|rest| rest.split_once('/'));
        match file {
            None => not_found(stream, "RepoNotFound"),
            Some((revision, _)) if revision != "main" && revision != COMMIT => not_found(stream, "RevisionNotFound"),
            Some((_, name)) => match self.files.get(name) {
                None => not_found(stream, "EntryNotFound"),
                Some(bytes) => self.send(request, stream, name, bytes),
            },
        }
    }

    fn list(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let entry = |(name, bytes): (&String, &Vec<u8>)| {
            let size = bytes.len() as u64 + self.behaviour.claimed_extra_bytes;
            let mut entry = serde_json::json!({"type": "file", "path": name, "size": size});
            if self.behaviour.hashes {
                entry["oid"] = hash(name, bytes).into();
            }
            if self.behaviour.hashes && is_large(name) {
                // The entry's own id is then that of a pointer in the repository.
                entry["oid"] = "f".repeat(40).into();
                entry["lfs"] = serde_json::json!({"oid": hash(name, bytes), "size": size, "pointerSize": 134});
            }
            entry
        };
        let body = serde_json::Value::Array(self.files.iter().map(entry).collect()).to_string();
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        headers.extend(self.behaviour.next_page.iter().map(|next| ("Link", format!("<{next}>; rel=\"next\""))));
        if !self.behaviour.endless_listing {
            headers.push(("Content-Length", body.len().to_string()));
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        head(stream, 200, &headers)?;
        let blank = [b' '; 1 << 16];
        while self.behaviour.endless_listing && !self.stop.load(Ordering::SeqCst) {
            stream.write_all(&blank)?;
        }
        stream.write_all(body.as_bytes())
    }

    fn send(&self, request: &Request, mut stream: &TcpStream, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let from = request.headers.get("range").filter(|_| self.behaviour.ranges);
        let from = from.and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok());
        let tag = if self.behaviour.hashes { hash(name, bytes) } else { format!("version-of-{name}") };
        let is_head = request.method == "HEAD";
        let bytes =
            match self.behaviour.instead {
                Some((of, other, times)) if of == name && !is_head => {
                    if self.sent_instead.fetch_add(1, Ordering::SeqCst) < times { other } else { bytes }
                }
                _ => bytes,
            };
        let bytes = match self.behaviour.cut {
            Some((of, most)) if of == name => &bytes[..most.min(bytes.len())],
            _ => bytes,
        };
        let part = bytes.get(from.unwrap_or(0)..).unwrap_or_default();
        let stated = (part.len() as u64 + self.behaviour.claimed_extra_bytes).to_string();
        let tag = format!("\"{tag}\"");
        let mut headers = vec![("ETag", tag.as_str()), ("X-Repo-Commit", COMMIT)];
        headers.extend(self.behaviour.lengths.then_some(("Content-Length", stated.as_str())));
        head(stream, if from.is_some() { 206 } else { 200 }, &headers)?;
        if is_head {
            return Ok(());
        }
        let pause = self.behaviour.slow.filter(|(end, _)| name.ends_with(end)).map(|(_, pause)| pause);
        let mut sent = 0;
        for piece in part.chunks(1000) {
            stream.write_all(piece)?;
            sent += piece.len();
            std::thread::sleep(pause.unwrap_or_default());
            if self.behaviour.breaks_after.is_some_and(|n| sent >= n) && !self.broken_once.swap(true, Ordering::SeqCst) {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.split('?').next()?.to_owned());
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    Some(Request { method, path, headers })
}

fn head(mut stream: &TcpStream, status: u16, headers: &[(&str, &str)]) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {status} \r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes())
}

fn not_found(stream: &TcpStream, code: &str) -> std::io::Result<()> {
    head(stream, 404, &[("X-Error-Code", code), ("Content-Length", "0")])
}

/// Weights lie in the large storage.
fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors")
}

/// The hash that the hub has for a content: SHA-256 in the large storage, else that of a git blob.
pub fn hash(name: &str, bytes: &[u8]) -> String {
    use sha1::Digest as _;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if is_large(name) {
        return hex(&sha2::Sha256::digest(bytes));
    }
    hex(&sha1::Sha1::digest([format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat()))
}
