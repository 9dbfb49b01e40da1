//! `serve-page`, over a real socket: what a browser is sent, and what nobody is sent.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::Running;

/// A page that is served until this is dropped.
struct Served {
    _server: Running,
    kitchen: Kitchen,
    /// As it was said: `http://127.0.0.1:PORT/`, and a path.
    url: String,
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Served {
    fn new(arguments: &str) -> Self {
        let kitchen = Kitchen::new().unwrap();
        let wasm = b"\0asm\x01\0\0\0".as_slice();
        for (name, bytes) in [
            ("page/index.html", b"<main></main>".as_slice()),
            ("page/app-1a2b3c4d5e6f7a8b_bg.wasm", wasm),
            ("page/worker.js", b"plain"),
            ("page/worker.js.br", b"brotli"),
            ("page/worker.js.gz", b"gzip"),
            ("page/numbers.txt", b"0123456789"),
            ("secret.txt", b"not for everybody"),
        ] {
            kitchen.write(name, bytes).unwrap();
        }
        let line = format!("serve-page page --port 0 {arguments}");
        let mut server = kitchen.start(&line).unwrap();
        Self {
            url: server.line().unwrap(),
            _server: server,
            kitchen,
        }
    }

    /// Sends a request as it is: clients would tidy up paths first.
    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let address = self.url.trim_start_matches("http://");
        let address = address.split('/').next().unwrap();
        let mut lines = vec![
            format!("{method} {path} HTTP/1.1"),
            format!("host: {address}"),
        ];
        lines.extend(headers.iter().map(|line| (*line).to_owned()));
        lines.push("connection: close\r\n\r\n".into());
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(lines.join("\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::parse(&answer)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

const FOREVER: &str = "public, max-age=31536000, immutable";

#[test]
fn each_file_has_its_headers() {
    let served = Served::new("");
    for (path, kind, cache) in [
        ("/", "text/html", "no-cache"),
        ("/?recipe=digits", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/app-1a2b3c4d5e6f7a8b_bg.wasm", "application/wasm", FOREVER),
        ("/worker.js", "text/javascript", "no-cache"),
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{path}");
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(
            answer.header("cross-origin-embedder-policy"),
            "require-corp"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(served.get("/worker.js").body, b"plain");
}

#[test]
fn it_can_do_without_isolation_below_a_path() {
    let served = Served::new("--no-isolation --under some/where");
    assert!(served.url.ends_with("/some/where/"), "{}", served.url);
    let answer = served.get("/some/where/");
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"<main></main>".as_slice())
    );
    assert_eq!(answer.header("cross-origin-opener-policy"), "");
    assert_eq!(answer.header("cross-origin-embedder-policy"), "");
    assert_eq!(served.get("/some/where/numbers.txt").status, 200);
    for path in ["/", "/numbers.txt", "/some/"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn what_is_not_of_the_page_is_not_there() {
    let served = Served::new("");
    assert!(served.kitchen.path("secret.txt").is_file());
    for path in [
        "/nothing.js",
        "/nothing-1a2b3c4d5e6f7a8b.js",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/x/../../secret.txt",
        "//secret.txt",
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
    }
    assert_eq!(served.ask("POST", "/", &["content-length: 0"]).status, 405);
}

#[test]
fn what_is_compressed_already_is_sent_so() {
    let served = Served::new("");
    for (accepted, encoding, body) in [
        ("gzip, br", "br", b"brotli".as_slice()),
        ("gzip", "gzip", b"gzip"),
        ("zstd", "", b"plain"),
    ] {
        let answer = served.ask(
            "GET",
            "/worker.js",
            &[&format!("accept-encoding: {accepted}")],
        );
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(
            answer.header("content-type"),
            "text/javascript",
            "{accepted}"
        );
        assert_eq!(answer.body, body, "{accepted}");
    }
}

#[test]
fn heads_and_parts() {
    let served = Served::new("");
    let head = served.ask("HEAD", "/numbers.txt", &[]);
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert!(head.body.is_empty());

    let part = served.ask("GET", "/numbers.txt", &["range: bytes=2-4"]);
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"234".as_slice())
    );
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let beyond = served.ask("GET", "/numbers.txt", &["range: bytes=20-"]);
    assert_eq!(beyond.status, 416);
}

#[test]
fn a_folder_without_a_page_is_refused() {
    let kitchen = Kitchen::new().unwrap();
    let said = kitchen.say("serve-page --port 0").unwrap();
    assert_eq!(said.code, Some(1));
    assert_eq!(
        said.err,
        "error: dist holds no built page; `cargo xtask page` builds one into dist\n"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let served = Served::new("");
    let port = served.url.trim_end_matches('/').rsplit(':').next().unwrap();
    let line = format!("serve-page page --port {port}");
    let said = served.kitchen.say(&line).unwrap();
    assert_eq!(said.code, Some(1));
    let remedy = format!("error: port {port} cannot be used; `--port 0` takes a free one");
    assert!(said.err.starts_with(&remedy), "{}", said.err);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.write("page/index.html", "").unwrap();
    let mut server = kitchen.start("serve-page page --port 0").unwrap();
    server.line().unwrap();
    server.interrupt().unwrap();
    let (status, _, _) = server.end().unwrap();
    assert_eq!(status.code(), Some(0));
}
