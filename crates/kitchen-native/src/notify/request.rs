//! Where notifications go, and how they are written and signed for it.

use std::fmt;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use kitchen_types::notification::Notification;
use serde_json::json;
use sha2::Sha256;

use crate::runs::iso_time;

/// The variable that holds what webhooks are signed with: `whsec_` and base64.
pub(super) const SECRET: &str = "KITCHEN_WEBHOOK_SECRET";

/// Where notifications go. It is never shown: the address of a channel is a secret.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Webhook(Vec<u8>),
    Slack,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

/// A message as it is sent.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Endpoint {
    /// A webhook at `url`, signed with `secret`; or a Slack channel, if it begins with `slack:`.
    pub(super) fn new(url: &str, secret: Option<String>) -> anyhow::Result<Self> {
        let (is_slack, url) = match url.strip_prefix("slack:") {
            Some(url) => (true, url),
            None => (url.starts_with("https://hooks.slack.com/"), url),
        };
        ensure!(
            url.starts_with("https://") || is_on_this_machine(url),
            "notifications go to an https:// address, or to one of this machine; write \
             `--notify https://...`, or `--notify slack:https://...`"
        );
        let kind = match (is_slack, secret) {
            (true, _) => Kind::Slack,
            (false, Some(secret)) => Kind::Webhook(key(&secret)?),
            (false, None) => bail!("{SECRET} must hold the secret that webhooks are signed with"),
        };
        Ok(Self {
            url: url.to_owned(),
            kind,
        })
    }

    /// A notification, as it is sent at a time in seconds since 1970.
    pub(super) fn message(&self, notification: &Notification, at: u64) -> Message {
        match &self.kind {
            Kind::Slack => slack(notification),
            Kind::Webhook(key) => {
                let body = json!({
                    "type": notification.news.kind(),
                    "timestamp": iso_time(notification.at_ms),
                    "data": notification,
                });
                let body = body.to_string();
                let id = notification.id.clone();
                let signature = sign(key, &id, at, &body);
                let headers = vec![
                    ("webhook-id", id),
                    ("webhook-timestamp", at.to_string()),
                    ("webhook-signature", signature),
                ];
                Message { headers, body }
            }
        }
    }
}

/// Plain HTTP is for tests and for relays on the same machine.
fn is_on_this_machine(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default();
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn key(secret: &str) -> anyhow::Result<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD
        .decode(encoded)
        .ok()
        .with_context(|| format!("{SECRET} is not `whsec_` and base64"))?;
    ensure!(
        (24..=64).contains(&key.len()),
        "{SECRET} must hold 24 to 64 bytes in base64"
    );
    Ok(key)
}

/// `v1,` and the HMAC-SHA256 of id, time and body.
fn sign(key: &[u8], id: &str, at: u64, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What Slack shows: `&`, `<` and `>` have a meaning there.
fn slack(notification: &Notification) -> Message {
    let text = notification
        .to_string()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    Message {
        headers: Vec::new(),
        body: json!({ "text": text, "blocks": [section] }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            sign(
                &key,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_cannot_be_an_address_or_a_secret_is_refused() {
        let secret = || Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        assert!(Endpoint::new("https://example.org/hook", secret()).is_ok());
        assert!(Endpoint::new("http://127.0.0.1:8080/", secret()).is_ok());
        assert!(Endpoint::new("slack:https://example.org/hook", None).is_ok());
        for (url, secret) in [
            ("http://example.org/hook", secret()),
            ("http://127.0.0.1.example.org/", secret()),
            ("ftp://localhost/", secret()),
            ("https://example.org/hook", None),
            ("https://example.org/hook", Some("short".to_owned())),
            ("https://example.org/hook", Some("whsec_!".to_owned())),
        ] {
            assert!(Endpoint::new(url, secret).is_err(), "{url}");
        }
    }
}
