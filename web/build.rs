//! Leaves out of the page what only debuggers read: names make up a fifth of it.

use std::io::{Write, stdout};

fn main() -> std::io::Result<()> {
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY");
    if family.is_ok_and(|family| family == "wasm") {
        // wasm-bindgen reads there what the browser must be able to do.
        for argument in ["--strip-all", "--keep-section=target_features"] {
            writeln!(stdout(), "cargo::rustc-link-arg-bins={argument}")?;
        }
    }
    writeln!(stdout(), "cargo::rerun-if-changed=build.rs")
}
