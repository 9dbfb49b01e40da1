//! Times every named piece of work, beside the same work on bare Burn:
//! `cargo run --release -p kitchen-train --example bench [NAME] [STEPS]`.
//!
//! The two take turns, so that whatever else the machine does meets both.
#![allow(clippy::print_stdout)]

use futures::executor::block_on;
use kitchen_train::{OpenDevice, bench};
use kitchen_types::ports::ClientError;

/// How often each takes its turn.
const ROUNDS: usize = 5;

fn main() -> Result<(), ClientError> {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next();
    let steps = arguments.next().and_then(|steps| steps.parse().ok());
    for name in bench::NAMES {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            compare(name, steps.unwrap_or(50))?;
        }
    }
    Ok(())
}

fn compare(name: &str, steps: u64) -> Result<(), ClientError> {
    let device = OpenDevice::cpu();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut best = [[f64::INFINITY; 2]; 2];
    for _ in 0..ROUNDS {
        let bare = block_on(bench::bare(name, &device, threads, steps))?;
        let own = block_on(bench::run(name, &device, threads, steps))?;
        for (best, report) in best.iter_mut().zip([bare, own]) {
            let [median, least] = *best;
            *best = [median.min(report.median_ms.0), least.min(report.min_ms.0)];
        }
    }
    let [[bare, bare_least], [own, own_least]] = best;
    println!(
        "{name:12} bare {bare:7.2} (least {bare_least:7.2}) ms   \
         kitchen {own:7.2} (least {own_least:7.2}) ms   {:.2} times as fast",
        bare / own
    );
    Ok(())
}
