//! What every reader of files says in the same words.

use kitchen_types::ports::DataError;

use crate::limits;

/// The text of a file. Errors with the line of the first byte that is not UTF-8.
pub(crate) fn utf8<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(text).map_err(|error| {
        let offset = bytes.len() - text.len() + error.valid_up_to();
        let valid = bytes.get(..offset).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        DataError::new(
            format!("{path}:{line}"),
            format!("byte {offset} is not UTF-8"),
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
