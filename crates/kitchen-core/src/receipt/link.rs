//! A receipt as a text that fits a link.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use kitchen_types::receipt::Receipt;

use super::{ReceiptError, from_json};

/// What stands before the first full stop: the version of what follows it.
const LINK_VERSION: &str = "1";

/// The longest text: servers and chats cut longer links.
const MOST_TEXT: usize = 8 << 10;
/// The longest JSON within. A text could be made that inflates to gigabytes.
const MOST_JSON: usize = 64 << 10;

/// A receipt as `1.` and letters, digits, `-` and `_`: JSON, deflated (zlib, whose checksum tells a
/// damaged link), in URL-safe base64.
pub fn to_link_text(receipt: &Receipt) -> Result<String, ReceiptError> {
    let failed = |error: io::Error| ReceiptError::Malformed(error.to_string());
    let json = serde_json::to_vec(receipt).map_err(|error| failed(error.into()))?;
    short_enough("the receipt", json.len(), MOST_JSON)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&json).map_err(failed)?;
    let deflated = encoder.finish().map_err(failed)?;
    let text = format!("{LINK_VERSION}.{}", BASE64_URL_SAFE_NO_PAD.encode(deflated));
    short_enough("the link", text.len(), MOST_TEXT)?;
    Ok(text)
}

/// Reads what [`to_link_text`] has written. The receipt can be run: its configuration is checked.
pub fn from_link_text(text: &str) -> Result<Receipt, ReceiptError> {
    short_enough("the link", text.len(), MOST_TEXT)?;
    let malformed = |reason: String| ReceiptError::Malformed(reason);
    let (version, encoded) = text
        .split_once('.')
        .ok_or_else(|| malformed("a link of a receipt begins with `1.`".into()))?;
    if version != LINK_VERSION {
        return match !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit()) {
            true => Err(ReceiptError::TooNew {
                found: version.to_owned(),
            }),
            false => Err(malformed("a link of a receipt begins with `1.`".into())),
        };
    }
    let deflated = BASE64_URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|error| malformed(format!("its letters are not those of a link: {error}")))?;
    from_json(&inflate(&deflated)?)
}

/// What was deflated, where it is all there and not longer than it may be.
fn inflate(deflated: &[u8]) -> Result<Vec<u8>, ReceiptError> {
    let mut inflated = Vec::with_capacity(MOST_JSON + 1);
    let mut decoder = Decompress::new(true);
    let status = decoder.decompress_vec(deflated, &mut inflated, FlushDecompress::Finish);
    let is_all_read = decoder.total_in() == deflated.len() as u64;
    short_enough("the receipt", inflated.len(), MOST_JSON)?;
    match status {
        Ok(Status::StreamEnd) if is_all_read => Ok(inflated),
        Ok(_) => Err(ReceiptError::Malformed("its end is missing".into())),
        Err(error) => Err(ReceiptError::Malformed(format!(
            "it does not inflate: {error}"
        ))),
    }
}

fn short_enough(what: &'static str, found: usize, most: usize) -> Result<(), ReceiptError> {
    match found <= most {
        true => Ok(()),
        false => Err(ReceiptError::TooLong {
            what,
            found,
            most,
            remedy: "share the receipt as a file",
        }),
    }
}
