//! What every reader of files says in the same words.

use kitchen_types::ports::DataError;

use crate::limits;

/// The text of a file. Errors with the line of the first byte that is not UTF-8.
pub(crate) fn utf8<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        DataError::new(
            format!("{path}:{line}"),
            format!("byte {} is not UTF-8", error.valid_up_to()),
            "save the file as UTF-8",
        )
    })
}

/// Why a file with so many records is refused.
pub(crate) fn too_many(path: &str, records: &str) -> DataError {
    DataError::new(
        path,
        format!("has more than {} {records}", limits::EXAMPLES),
        "take a part of it",
    )
}

/// Errors where a source needs a file and none was named.
pub(crate) fn need_path(path: &str, what: &str) -> Result<(), DataError> {
    if path.is_empty() {
        return Err(DataError::new(
            "data.path",
            format!("no {what} was named"),
            format!("name one, such as data.path={}", example_path(what)),
        ));
    }
    Ok(())
}

fn example_path(what: &str) -> &'static str {
    match what {
        "folder" => "folder/with/files",
        _ => "some/file",
    }
}
