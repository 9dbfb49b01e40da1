//! Downloads of public data sets into a cache, each checked before it is kept.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use kitchen_platform::files;
use kitchen_types::ports::{HubClient, HubError, HubFile};
use sha2::{Digest, Sha256};

/// The folder with downloads: that of the environment, or the one that the system has for such.
pub(crate) fn cache_folder() -> PathBuf {
    match std::env::var_os("KITCHEN_CACHE").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()
            .unwrap_or_else(std::env::temp_dir)
            .join("kitchen"),
    }
}

/// Downloads over HTTP.
pub(crate) struct Http {
    agent: ureq::Agent,
    remedy: String,
}

impl Http {
    /// A client. `remedy` is what to tell people who have no network.
    pub(crate) fn new(remedy: impl Into<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .max_redirects(5)
            .build();
        Self {
            agent: config.into(),
            remedy: remedy.into(),
        }
    }

    fn unreachable(&self, file: &HubFile, reason: impl ToString) -> HubError {
        HubError::Unreachable {
            name: file.name.clone(),
            reason: reason.to_string(),
            remedy: self.remedy.clone(),
        }
    }
}

#[async_trait(?Send)]
impl HubClient for Http {
    async fn download(&self, file: &HubFile) -> Result<Vec<u8>, HubError> {
        let response = self.agent.get(&file.url).call();
        let mut response = response.map_err(|error| self.unreachable(file, error))?;
        let mut body = response.body_mut().as_reader();
        let mut bytes = Vec::new();
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = body
                .read(&mut buffer)
                .map_err(|error| self.unreachable(file, error))?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            if bytes.len() as u64 + read as u64 > file.max_bytes {
                return Err(HubError::TooLong {
                    name: file.name.clone(),
                    max_bytes: file.max_bytes,
                });
            }
            hash.update(piece);
            bytes.extend_from_slice(piece);
        }
        let found: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if found != file.sha256 {
            return Err(HubError::WrongHash {
                name: file.name.clone(),
                expected: file.sha256.clone(),
                found,
            });
        }
        Ok(bytes)
    }
}

/// Keeps bytes in a file, which is there whole or not at all.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    files::create_dir_all(folder)?;
    // Beside its place, so that moving it there is one step; two processes do not share a draft.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".draft-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let kept = files::write_synced(&draft, bytes).and_then(|()| files::rename(&draft, path));
    if kept.is_err() {
        let _ = files::remove(&draft);
    }
    kept.and_then(|()| files::sync_dir(folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;
    use std::net::TcpListener;

    use futures::executor::block_on;

    use super::*;

    // SHA-256 of `abc`: FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// Serves one answer at an address of its own.
    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        format!("http://{address}/file")
    }

    fn download(url: String, max_bytes: u64) -> Result<Vec<u8>, String> {
        let file = HubFile {
            name: "abc".into(),
            url,
            sha256: ABC.into(),
            max_bytes,
        };
        let client = Http::new("take it from a friend");
        block_on(client.download(&file)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_checked_as_it_arrives() {
        let good = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(download(serve(good), 3), Ok(b"abc".to_vec()));
        assert_eq!(
            download(serve(good), 2).unwrap_err(),
            "abc is longer than 2 bytes; nothing was kept"
        );
        let other = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabd";
        let error = download(serve(other), 3).unwrap_err();
        assert!(
            error.starts_with("abc is not the file it should be: its SHA-256 is a52d159f"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_had_names_the_alternative() {
        let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        let error = download(serve(gone), 3).unwrap_err();
        assert_eq!(
            error,
            "abc could not be downloaded: http status: 404; take it from a friend"
        );
        let torn = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab";
        let error = download(serve(torn), 3).unwrap_err();
        assert!(
            error.starts_with("abc could not be downloaded: "),
            "{error}"
        );
        // A port that was free a moment ago: nobody answers.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = download(format!("http://{port}/"), 3).unwrap_err();
        assert!(error.ends_with("; take it from a friend"), "{error}");
    }

    #[test]
    fn a_file_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set/file");
        keep(&path, b"old").unwrap();
        keep(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(files::list(path.parent().unwrap()).unwrap(), ["file"]);
    }
}
