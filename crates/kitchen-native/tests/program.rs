//! The program starts. Cargo builds a program for the tests of its package, which this is one of;
//! the tests of the whole, in `tests/`, find it where it was built.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn it_says_its_version() {
    let program = env!("CARGO_BIN_EXE_kitchen-native");
    let output = Command::new(program).arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        concat!("kitchen-native ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
