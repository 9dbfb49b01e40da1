//! The steps: one cargo command each, in the order in which they fail fastest.

use clap::builder::PossibleValuesParser;

use crate::setup::Tool;

/// One check.
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it makes sure of.
    pub(crate) about: &'static str,
    /// What must be installed, or else it is skipped.
    pub(crate) needs: &'static [Tool],
    /// What it can do without, but checks less then.
    pub(crate) uses: &'static [Tool],
    /// The arguments of cargo.
    pub(crate) cargo: &'static str,
    /// The arguments where cargo-nextest is not installed, if they differ.
    pub(crate) without_nextest: Option<&'static str>,
    /// Environment variables for cargo.
    pub(crate) env: &'static [(&'static str, &'static str)],
}

/// A step of one cargo command, and nothing else.
const fn step(name: &'static str, about: &'static str, cargo: &'static str) -> Step {
    Step {
        name,
        about,
        needs: &[],
        uses: &[],
        cargo,
        without_nextest: None,
        env: &[],
    }
}

/// What building the page needs.
pub(crate) const PAGE: &[Tool] = &[Tool::WasmTarget, Tool::WasmBindgen, Tool::Trunk];

/// All steps.
///
/// wasm32 has calls of its own, for the crates that a page loads: features of native crates (such
/// as a GPU kernel's autotuning, which breaks in a browser) must not leak into its build.
pub(crate) const STEPS: &[Step] = &[
    Step {
        needs: &[Tool::Rustfmt],
        ..step("format", "sources are formatted", "fmt --all --check")
    },
    Step {
        uses: &[Tool::Nextest],
        without_nextest: Some("test --package kitchen-tests --test tidy"),
        ..step(
            "tidy",
            "the rules of the house hold",
            "nextest run --package kitchen-tests --test tidy --no-fail-fast",
        )
    },
    Step {
        needs: &[Tool::Clippy],
        ..step(
            "lint",
            "clippy finds nothing, natively",
            "clippy --workspace --all-targets -- -D warnings",
        )
    },
    Step {
        needs: &[Tool::Clippy, Tool::WasmTarget],
        ..step(
            "lint-wasm",
            "clippy finds nothing, for the browser",
            "clippy --package kitchen-core --package kitchen-web --target wasm32-unknown-unknown \
             -- -D warnings",
        )
    },
    Step {
        needs: PAGE,
        ..step(
            "page",
            "the page can be built, and is light",
            "xtask page --no-install",
        )
    },
    Step {
        // `tidy` has run already; cargo test has no filter for whole binaries, so there it runs
        // twice. Doctests do too: only where no kind of target is named are examples built along,
        // which tests run. Without `KITCHEN_PAGE`, tests in a browser do nothing.
        uses: &[Tool::Nextest, Tool::Vulkan, Tool::Readers],
        without_nextest: Some("test --workspace"),
        ..step(
            "test",
            "all tests pass, but those in a browser",
            "nextest run --workspace --no-fail-fast \
             -E not(binary_id(kitchen-tests::tidy)|binary_id(kitchen-tests::browser))",
        )
    },
    Step {
        needs: &[
            Tool::WasmTarget,
            Tool::WasmBindgen,
            Tool::Trunk,
            Tool::Chromium,
        ],
        uses: &[Tool::Nextest, Tool::AxeCore],
        // A browser and what trains in it fill two cores: side by side, tests would measure each
        // other. The whole workspace is named, or else its programs would be built anew.
        without_nextest: Some("test --workspace --test browser -- --test-threads=1"),
        env: &[("KITCHEN_PAGE", "dist")],
        ..step(
            "browser",
            "the page works in a browser",
            "nextest run --workspace --no-fail-fast --test-threads=1 \
             -E binary_id(kitchen-tests::browser)",
        )
    },
    step(
        "doctest",
        "examples in the documentation run",
        "test --workspace --doc",
    ),
    Step {
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        ..step(
            "doc",
            "the documentation builds without warnings",
            "doc --workspace --no-deps",
        )
    },
];

/// The names that `--only` knows.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(STEPS.iter().map(|step| step.name))
}

/// The steps called `only`, in the order of [`STEPS`]; all of them if nothing is.
pub(crate) fn choose(only: &[String]) -> Vec<&'static Step> {
    STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        choose(&only).iter().map(|step| step.name).collect()
    }

    #[test]
    fn all_steps_unless_some_are_named() {
        let all: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(chosen(&[]), all);
        assert_eq!(chosen(&["browser"]), ["browser"]);
    }

    #[test]
    fn named_steps_keep_their_order() {
        assert_eq!(chosen(&["doc", "lint"]), ["lint", "doc"]);
    }

    #[test]
    fn names_differ() {
        for (place, step) in STEPS.iter().enumerate() {
            assert!(
                STEPS[..place].iter().all(|other| other.name != step.name),
                "two steps are called {}",
                step.name
            );
        }
    }
}
