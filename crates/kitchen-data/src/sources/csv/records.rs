//! Records of a CSV file (RFC 4180), each within its limits.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use kitchen_types::ports::DataError;

use super::infer::number;
use crate::limits;
use crate::words::counted;

/// The first line of a table, and how to read the others.
pub(super) struct Header<'a> {
    pub(super) path: &'a str,
    pub(super) names: Vec<String>,
    bytes: &'a [u8],
    delimiter: u8,
}

/// One line of a table.
pub(super) struct Record {
    /// As many values as there are columns.
    pub(super) values: StringRecord,
}

impl<'a> Header<'a> {
    /// Reads the names of the columns. Errors unless each has one of its own.
    pub(super) fn read(path: &'a str, bytes: &'a [u8]) -> Result<Self, DataError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut header = Self {
            path,
            names: Vec::new(),
            bytes,
            delimiter: delimiter(bytes),
        };
        let mut lines = Lines::new(&header);
        let Some(first) = lines.next()? else {
            return Err(DataError::new(
                path,
                "is empty",
                "name a CSV file with a header line",
            ));
        };
        header.names = first.iter().map(|name| name.trim().to_owned()).collect();
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), DataError> {
        let wrong = |what: String, remedy: &str| {
            Err(DataError::new(format!("{}:1", self.path), what, remedy))
        };
        if self.names.len() > limits::COLUMNS {
            let what = format!(
                "has {} columns, more than {}",
                self.names.len(),
                limits::COLUMNS
            );
            return wrong(what, "leave some out");
        }
        if self.names.len() < 2 {
            return wrong(
                "has one column".into(),
                "a table needs one to predict and one to predict it from",
            );
        }
        if self.names.iter().all(|name| number(name).is_some()) {
            return wrong(
                "is all numbers".into(),
                "add a first line with the names of the columns",
            );
        }
        let mut sorted: Vec<&String> = self.names.iter().collect();
        sorted.sort_unstable();
        if sorted.first().is_some_and(|name| name.is_empty()) {
            return wrong("has a column without a name".into(), "name every column");
        }
        match sorted.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(a),
            _ => None,
        }) {
            Some(twice) => wrong(
                format!("has two columns called `{twice}`"),
                "give each column its own name",
            ),
            None => Ok(()),
        }
    }

    /// Which column to predict: the one of this name, or the last if it is empty.
    pub(super) fn target(&self, name: &str) -> Result<usize, DataError> {
        if name.is_empty() {
            return Ok(self.names.len() - 1);
        }
        self.names
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| {
                let known: Vec<&str> = self.names.iter().take(12).map(String::as_str).collect();
                DataError::new(
                    self.path,
                    format!("has no column `{name}`"),
                    format!(
                        "name one of its columns with data.target: {}",
                        known.join(", ")
                    ),
                )
            })
    }
}

/// The lines after the header, checked one by one.
pub(super) struct Records<'a> {
    lines: Lines<'a>,
    columns: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(header: &Header<'a>) -> Result<Self, DataError> {
        let mut lines = Lines::new(header);
        lines.next()?;
        Ok(Self {
            lines,
            columns: header.names.len(),
        })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let values = match self.lines.next() {
            Ok(values) => values?,
            Err(error) => return Some(Err(error)),
        };
        if values.len() != self.columns {
            return Some(Err(self.lines.error(
                format!("has {} for {} columns", counted(values.len(), "value"), self.columns),
                "give each row as many values as the header has names; put values with a comma in quotes",
            )));
        }
        Some(Ok(Record { values }))
    }
}

/// The parser with what it needs to name a line.
struct Lines<'a> {
    path: &'a str,
    bytes: &'a [u8],
    reader: Reader<Rationed<'a>>,
    ration: Rc<Cell<usize>>,
    line: u64,
}

/// What the parser reads ahead.
const BUFFER_BYTES: usize = 1 << 16;

impl<'a> Lines<'a> {
    fn new(header: &Header<'a>) -> Self {
        let ration = Rc::new(Cell::new(0));
        let rationed = Rationed {
            bytes: header.bytes,
            ration: Rc::clone(&ration),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(header.delimiter)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(rationed);
        Self {
            path: header.path,
            bytes: header.bytes,
            reader,
            ration,
            line: 0,
        }
    }

    /// The next line that is not blank.
    fn next(&mut self) -> Result<Option<StringRecord>, DataError> {
        self.ration.set(limits::RECORD_BYTES + BUFFER_BYTES);
        self.line = self.next_line();
        let mut record = StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(found) => Ok(found.then_some(record)),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// The number of the line that the next record begins on. The parser counts the ends of lines
    /// that it has passed, and it has not passed blank lines yet.
    fn next_line(&self) -> u64 {
        let position = self.reader.position();
        let rest = self
            .bytes
            .get(position.byte() as usize..)
            .unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
    }

    fn explain(&self, error: &csv::Error) -> DataError {
        match error.kind() {
            ErrorKind::Utf8 { err, .. } => self.error(
                format!("value {} is not UTF-8", err.field() + 1),
                "save the file as UTF-8",
            ),
            ErrorKind::Io(_) => self.error(
                format!("is longer than {} bytes", limits::RECORD_BYTES),
                "look for a quote that is not closed",
            ),
            _ => self.error(error.to_string(), "check the file"),
        }
    }

    fn error(&self, what: String, remedy: &str) -> DataError {
        DataError::new(format!("{}:{}", self.path, self.line), what, remedy)
    }
}

/// Bytes that are handed out up to a ration, so that a record whose quote is never closed cannot
/// take as much memory as the file is long.
struct Rationed<'a> {
    bytes: &'a [u8],
    ration: Rc<Cell<usize>>,
}

impl Read for Rationed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ration = self.ration.get();
        if ration == 0 && !self.bytes.is_empty() {
            return Err(io::Error::other("the record is too long"));
        }
        let most = into.len().min(ration);
        let read = self.bytes.read(into.get_mut(..most).unwrap_or_default())?;
        self.ration.set(ration - read);
        Ok(read)
    }
}

/// What stands between values: the likeliest of comma, semicolon and tab in the first line.
fn delimiter(bytes: &[u8]) -> u8 {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    let best = [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|delimiter| count(*delimiter));
    best.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_found() {
        let table: &[(&str, u8)] = &[
            ("a,b,c\n1;2;3;4", b','),
            ("a;b;c\n", b';'),
            ("a\tb", b'\t'),
            ("a", b','),
            ("", b','),
        ];
        for (text, expected) in table {
            assert_eq!(delimiter(text.as_bytes()), *expected, "{text:?}");
        }
    }
}
