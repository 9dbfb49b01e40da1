//! The requirements of the field's fake trainers, each by its name.

use kitchen_sim::story::{Board, Condition, Event, Moment, Phase, SCENARIOS, Story, shard_file};

use crate::{first, night, picked, spec, story, take};

#[test]
fn init_01_model_name_parameters_and_architecture() {
    let all = night();
    // 8.03 billion, as published.
    let (name, params) = first(&all, take!(Model { name, params }));
    assert_eq!(name, "llama3-8b");
    assert!((params as f64 / 8.03e9 - 1.0).abs() < 0.001);
    let shape = first(
        &all,
        take!(Shape {
            layers,
            hidden,
            heads,
            vocab
        }),
    );
    assert_eq!(shape, (32, 4096, 32, 128_256));
}

#[test]
fn init_02_tokenizer_progress() {
    let shares = picked(&night(), take!(Tokenizer { share }));
    assert!(shares.len() > 1 && shares.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(shares.last(), Some(&1.0));
}

#[test]
fn init_03_dataset_and_samples() {
    let all = night();
    let (name, samples) = first(&all, take!(Dataset { name, samples }));
    assert_eq!((name.as_str(), samples), ("web text", 262_144));
    assert_eq!(first(&all, take!(Tokens { train })), 262_144 * 8192);
}

#[test]
fn init_04_distributed_initialisation() {
    let ranks = picked(&night(), take!(Nccl { ranks, of, nodes }));
    assert_eq!(ranks.first(), Some(&(8, 64, 8)));
    assert_eq!(ranks.last(), Some(&(64, 64, 8)));
}

#[test]
fn init_05_detection_of_64_gpus_and_more() {
    for (name, gpus) in [("first-night", 64), ("llama3-405b", 16_384)] {
        let opening: Vec<Moment> = story(name).take(60).collect();
        let found = picked(&opening, take!(Gpus { found, of }));
        assert_eq!(found.last(), Some(&(gpus, gpus)), "{name}");
    }
    assert_eq!(first(&night(), take!(Card { gib })), 80.0);
}

#[test]
fn train_01_epochs_progress() {
    let all = night();
    assert_eq!(picked(&all, take!(Epoch { epoch, of })), [(1, 2), (2, 2)]);
    let progress = picked(&all, take!(Progress { step, of }));
    assert_eq!(progress.last(), Some(&(1024, 1024)));
}

#[test]
fn train_02_step_loss_and_learning_rate() {
    let steps = picked(&night(), take!(Step { step, loss, lr }));
    let warm = steps.iter().find(|(step, ..)| *step == 64).unwrap();
    assert_eq!(warm.2, 3e-4);
    assert!(steps.iter().all(|(_, loss, _)| loss.is_finite()));
    // A tenth of the peak is left in the end.
    assert_eq!(
        steps.last().map(|(step, _, lr)| (*step, *lr)),
        Some((1024, 3e-5))
    );
}

#[test]
fn train_03_perplexity_is_e_to_the_loss() {
    for scenario in SCENARIOS {
        let all: Vec<Moment> = story(scenario.name).collect();
        let losses = picked(&all, take!(Step { loss }));
        let ppls = picked(&all, take!(Ppl { ppl }));
        assert_eq!(losses.len(), ppls.len());
        let held_out = picked(&all, take!(Validated { loss, ppl }));
        let both = losses.into_iter().zip(ppls).chain(held_out);
        for (loss, ppl) in both {
            assert!((f64::exp(loss) / ppl - 1.0).abs() < 1e-3, "{loss} {ppl}");
        }
    }
}

#[test]
fn train_04_tokens_and_samples_a_second() {
    for (step_s, tok_s, seq_s) in picked(
        &night(),
        take!(Rate {
            step_s,
            tok_s,
            seq_s
        }),
    ) {
        assert!((tok_s * step_s / (512.0 * 8192.0) - 1.0).abs() < 1e-3);
        assert!((seq_s * step_s / 512.0 - 1.0).abs() < 2e-3);
    }
}

#[test]
fn train_05_elapsed_and_left() {
    let all: Vec<Moment> = story("calm").collect();
    let end = all
        .iter()
        .find(|moment| matches!(moment.event, Event::Export { .. }));
    let end = end.unwrap().at;
    for moment in &all {
        if let Event::Progress { step, eta_s, .. } = moment.event {
            // Where nothing breaks, what was said is what is left, but for the last checkpoint.
            let left = end - moment.at;
            assert!(
                (eta_s - left).abs() < 60.0,
                "step {step}: {eta_s}, not {left}"
            );
        }
    }
}

#[test]
fn train_06_all_reduce_times() {
    let healthy = first(&night(), take!(Comm { dp, tp, pp, wait }));
    // Data parallelism only.
    assert!(healthy.0 > 100.0 && healthy.1 == 0.0 && healthy.2 == 0.0);
    let all: Vec<Moment> = story("straggler").collect();
    let waits = picked(&all, take!(Comm { wait }));
    let most = waits.iter().copied().fold(0.0, f64::max);
    assert!(most > healthy.3 + 1000.0, "{most}");
    let all: Vec<Moment> = story("llama3-405b").take(100).collect();
    let (dp, tp, pp) = first(&all, take!(Comm { dp, tp, pp }));
    assert!(dp > 0.0 && tp > 0.0 && pp > 0.0);
}

#[test]
fn train_07_the_loss_falls_realistically() {
    let losses = picked(&night(), take!(Step { step, loss }));
    let at = |wanted: u64| losses.iter().find(|(step, _)| *step == wanted).unwrap().1;
    // It begins with guessing, falls fast, then slowly, and is nowhere near its end at step 68.
    assert!((at(1) - f64::ln(128_256.0)).abs() < 0.1);
    assert!(at(68) > at(1024) + 1.0);
    assert!(at(256) > at(512) + 0.1 && at(512) > at(1024) + 0.05);
    let rises = losses
        .windows(2)
        .filter(|pair| pair[1].1 > pair[0].1)
        .count();
    assert!(rises > losses.len() / 5, "a curve without noise");
}

#[test]
fn gpu_01_memory() {
    let all = night();
    let (sum, of) = first(&all, take!(Memory { sum, of }));
    assert!((10.0..=of).contains(&sum));
    // What the cards hold is what was predicted.
    let used = picked(&all, take!(Fleet { gib }));
    assert!(used.iter().all(|gib| (gib - sum).abs() < 0.1), "{sum}");
    // Not every card has 80 GB.
    let mut other = spec("calm");
    other.cluster.accelerator = "H200 SXM 141GB".to_owned();
    let opening: Vec<Moment> = Story::of(other).unwrap().take(60).collect();
    assert_eq!(first(&opening, take!(Memory { of })), 141.0);
}

#[test]
fn gpu_02_utilisation() {
    let used = picked(&night(), take!(Fleet { used }));
    assert!(used.iter().all(|used| (0.5..=1.0).contains(used)));
    let all: Vec<Moment> = story("straggler").collect();
    let least = picked(&all, take!(Fleet { used }))
        .into_iter()
        .fold(1.0, f64::min);
    assert!(least < 0.8, "others wait for a straggler: {least}");
}

#[test]
fn gpu_03_temperature() {
    let temps = picked(&night(), take!(Fleet { temp }));
    // From the air of the room to where 630 W settle at 0.06 K/W.
    assert!(temps[0] < 50.0);
    let hottest = temps.iter().copied().fold(0.0, f64::max);
    assert!((58.0..75.0).contains(&hottest), "{hottest}");
}

#[test]
fn gpu_04_grid_of_all_gpus() {
    let story = story("first-night");
    let cells = story.cells(2000.0, 1);
    assert_eq!(cells.len(), 64);
    assert!(
        cells
            .iter()
            .all(|cell| cell.gpu.condition == Condition::Well)
    );
    assert!(
        cells
            .iter()
            .all(|cell| (500.0..=700.0).contains(&cell.gpu.watts))
    );
    // After its failure, GPU 3 of node 5 is seen to have failed, and nothing computes.
    let cells = story.cells(15.0 + 4800.0 + 60.0, 1);
    assert_eq!(cells[43].gpu.condition, Condition::Failed);
    assert!(cells.iter().all(|cell| cell.gpu.used == 0.0));
    // The worst of a cell is shown, however many GPUs are in it.
    assert_eq!(story.cells(4875.0, 64)[0].gpu.condition, Condition::Failed);
}

#[test]
fn val_01_start() {
    let started = picked(&night(), take!(Validating { step, samples }));
    assert_eq!(started.first(), Some(&(128, 1024)));
}

#[test]
fn val_02_progress() {
    let shares = picked(&night(), take!(Looked { share }));
    assert_eq!(shares[..4], [0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn val_03_loss_and_perplexity() {
    let found = picked(&night(), take!(Validated { step, loss, ppl }));
    assert!(found.len() >= 8);
    assert!(found.windows(2).all(|pair| pair[1].1 < pair[0].1));
}

#[test]
fn ckpt_01_periodic_messages() {
    let saving = picked(&night(), take!(Saving { step }));
    assert_eq!(saving[..3], [128, 256, 384]);
}

#[test]
fn ckpt_02_path_and_size() {
    let all = night();
    // 14 bytes a parameter, at 1 GB/s for each of 8 nodes, after 2 s.
    let params = first(&all, take!(Model { params }));
    let (bytes, took) = first(&all, take!(Saved { bytes, took }));
    assert_eq!(bytes, 14 * params);
    assert!((took - 2.0 - bytes as f64 / 8e9).abs() < 0.01);
    assert_eq!(
        first(&all, take!(Checkpoint { path })),
        "runs/first-night/step-00000128"
    );
}

#[test]
fn export_01_conversion_and_shards() {
    let all = night();
    let params = first(&all, take!(Model { params }));
    // 2 bytes a parameter, in files of at most 5 GB.
    assert_eq!(first(&all, take!(ExportSize { bytes })), 2 * params);
    assert_eq!(
        first(&all, take!(Export { format, shards })),
        ("safetensors".to_owned(), 4)
    );
    let shards = picked(&all, take!(Shard { number, of, bytes }));
    let sum: u64 = shards.iter().map(|(_, _, bytes)| bytes).sum();
    assert_eq!((shards.len(), sum), (4, 2 * params));
    assert!(shards.iter().all(|(_, _, bytes)| *bytes <= 5_000_000_000));
    assert_eq!(shard_file(1, 4), "model-00001-of-00004.safetensors");
}

#[test]
fn export_02_summary() {
    let all = night();
    assert_eq!(
        first(&all, take!(Exported { path })),
        "runs/first-night/export"
    );
    let (steps, of, hours) = first(&all, take!(Ended { steps, of, hours }));
    assert_eq!((steps, of), (1024, 1024));
    let last = all.last().unwrap();
    assert!((hours * 3600.0 - last.at).abs() < 4.0);
    let loss = picked(&all, take!(Step { loss })).last().copied();
    assert_eq!(first(&all, take!(Final { loss })), loss);
    let (tokens, gpu_h, kwh) = first(&all, take!(Spent { tokens, gpu_h, kwh }));
    assert_eq!(tokens, 1024 * 512 * 8192);
    assert!((gpu_h / (64.0 * hours) - 1.0).abs() < 0.01);
    // 8 nodes of 2 to 8 kW.
    assert!((16.0..64.0).contains(&(kwh / hours)), "{kwh}");
}

#[test]
fn enh_01_schedule() {
    let schedule = first(&night(), take!(Schedule { peak, warmup, end }));
    assert_eq!(schedule, (3e-4, 64, 3e-5));
}

#[test]
fn enh_02_gradients() {
    for (norm, clip) in picked(&night(), take!(Gradient { norm, clip })) {
        assert!(norm > 0.0 && norm * clip <= 1.001, "{norm} {clip}");
    }
}

#[test]
fn enh_03_mixed_precision() {
    let precision = first(&night(), take!(Precision { linear, optimizer }));
    assert_eq!(precision, ("bf16".to_owned(), "fp32".to_owned()));
}

#[test]
fn enh_04_sharding() {
    let all = night();
    let (tp, pp, dp) = first(&all, take!(Layout { tp, pp, dp }));
    assert_eq!(tp * pp * dp, 64);
    let (rule, ranks) = first(&all, take!(Sharding { rule, ranks }));
    assert_eq!((rule.as_str(), ranks), ("zero2", dp));
    // Two bytes a parameter, and 2 + 12 over 64 ranks.
    let params = first(&all, take!(Model { params })) as f64 / 1_073_741_824.0;
    let (weights, grads, optim) = first(
        &all,
        take!(States {
            weights,
            grads,
            optim
        }),
    );
    assert!((weights - 2.0 * params).abs() < 0.01);
    assert!((grads - 2.0 * params / 64.0).abs() < 0.01);
    assert!((optim - 12.0 * params / 64.0).abs() < 0.01);
}

#[test]
fn adv_01_several_tasks() {
    // Training, looks at held-out data, checkpoints and an export, each in its time.
    let mut board = Board::default();
    let mut phases = Vec::new();
    for moment in night() {
        board.apply(&moment);
        if phases.last() != Some(&board.phase) {
            phases.push(board.phase);
        }
    }
    for phase in [
        Phase::Starting,
        Phase::Training,
        Phase::Validating,
        Phase::Saving,
        Phase::Down,
        Phase::Exporting,
        Phase::Ended,
    ] {
        assert!(phases.contains(&phase), "{phase:?}");
    }
    assert_eq!((board.step, board.failures), (1024, 1));
}

#[test]
fn adv_02_resume_from_a_checkpoint() {
    for scenario in SCENARIOS {
        let (mut done, mut saved) = (0, 0);
        for moment in story(scenario.name) {
            match moment.event {
                Event::Step { step, .. } => {
                    assert_eq!(step, done + 1, "{}", scenario.name);
                    done = step;
                }
                Event::Saved { step, .. } => saved = step,
                Event::Resumed { step } => {
                    assert_eq!(step, saved, "{}", scenario.name);
                    done = step;
                }
                _ => {}
            }
        }
        let steps = story(scenario.name).setting().steps;
        assert_eq!(done, steps, "{}", scenario.name);
    }
}

#[test]
fn adv_03_recovery_from_failures() {
    let all = night();
    let times = |pick: fn(&Event) -> bool| {
        let found = all.iter().find(|moment| pick(&moment.event));
        found.unwrap().at
    };
    let failed = times(|event| {
        matches!(
            event,
            Event::Failed {
                node: 5,
                gpu: Some(3),
                ..
            }
        )
    });
    let restarting = times(|event| matches!(event, Event::Restarting { .. }));
    let replaced = times(|event| matches!(event, Event::Replaced { node: 5 }));
    let resumed = times(|event| matches!(event, Event::Resumed { .. }));
    assert_eq!((restarting - failed, resumed - failed), (120.0, 420.0));
    assert_eq!(replaced, resumed);
    assert_eq!(
        first(&all, take!(Restarting { path })),
        "runs/first-night/step-00000640"
    );
}
