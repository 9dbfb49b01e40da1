//! `serve-page`: serves the built page on this machine, with the headers that it likes to have.

use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{self, Next};
use axum::response::Response;
use futures::poll;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

use crate::cli::ServePageArgs;
use crate::exit::Exit;
use crate::out;

/// A page that has both may use threads: browsers share memory only where nobody else looks on.
const ISOLATION: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
];

/// Serves until Ctrl-C.
pub(crate) fn serve_page(args: &ServePageArgs) -> anyhow::Result<Exit> {
    ensure!(
        args.folder.join("index.html").is_file(),
        "{} holds no built page; `cargo xtask page` builds one into dist",
        args.folder.display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no server can be started")?;
    runtime.block_on(serve(args))
}

async fn serve(args: &ServePageArgs) -> anyhow::Result<Exit> {
    // Listened for from its first poll on, which comes before anybody is told that they may.
    let mut ctrl_c = pin!(tokio::signal::ctrl_c());
    if let Poll::Ready(ended) = poll!(&mut ctrl_c) {
        ended.context("Ctrl-C cannot be caught")?;
        return Ok(Exit::Ok);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .with_context(|| {
            format!(
                "port {} cannot be used; `--port 0` takes a free one",
                args.port
            )
        })?;
    let path = format!("/{}", args.under.trim_matches('/'));
    let end = if path.ends_with('/') { "" } else { "/" };
    let address = listener.local_addr()?;
    out::line(&format!("http://{address}{path}{end}"))?;
    out::remark("Ctrl-C ends it.");

    let server = axum::serve(listener, router(&args.folder, &path, !args.no_isolation));
    // What is still on its way when the person has had enough needs no farewell.
    tokio::select! {
        served = async { server.await } => served.context("the server broke off")?,
        ended = ctrl_c => ended.context("Ctrl-C cannot be caught")?,
    }
    Ok(Exit::Ok)
}

/// The files of `folder` below `path`, which begins with a slash.
fn router(folder: &Path, path: &str, isolated: bool) -> Router {
    let files = ServeDir::new(folder)
        .precompressed_br()
        .precompressed_gzip();
    let router = Router::new();
    let router = if path == "/" {
        router.fallback_service(files)
    } else {
        router.nest_service(path, files.redirect_path_prefix(path))
    };
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let is_forever = is_named_by_content(request.uri().path());
        async move { with_headers(next.run(request).await, is_forever, isolated) }
    }))
}

fn with_headers(mut response: Response, is_forever: bool, isolated: bool) -> Response {
    let is_found = !response.status().is_client_error();
    let headers = response.headers_mut();
    let is_html = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    // Asked anew each time, what has not changed still costs only a question.
    let cache = if is_forever && is_found && !is_html {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if isolated {
        headers.extend(ISOLATION);
    }
    response
}

/// Whether the last part of `path` holds a hash of the content, as Trunk names files:
/// `app-1a2b3c4d5e6f7a8b.js`, `app-1a2b3c4d5e6f7a8b_bg.wasm`.
fn is_named_by_content(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, rest)) = name.rsplit_once('-') else {
        return false;
    };
    let hash = rest.find(|c: char| !c.is_ascii_hexdigit());
    hash.is_some_and(|end| (15..=16).contains(&end) && rest[end..].starts_with(['.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_named_by_their_content_are_known() {
        for (path, expected) in [
            ("/app-1a2b3c4d5e6f7a8b.js", true),
            ("/kitchen/app-1a2b3c4d5e6f7a8b_bg.wasm", true),
            ("/worker_bg.wasm", false),
            ("/app-1a2b.js", false),
            ("/app-1a2b3c4d5e6f7a8b", false),
            ("/app-1a2b3c4d5e6f7a8b/index.html", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(is_named_by_content(path), expected, "{path}");
        }
    }
}
