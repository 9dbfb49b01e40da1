//! How a run ends before its end: Ctrl-C, and a reader who leaves.
#![cfg(unix)]

use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::json_lines;

/// Thousands of steps: it does not end by itself while a test looks at it.
const LONG: &str = "run digits steps=100000 evaluate.every=50000 checkpoint.every=50000";

#[test]
fn ctrl_c_saves_and_the_run_goes_on_later() {
    let kitchen = Kitchen::new().unwrap();
    let line = "run digits steps=1000 evaluate.every=500 --name mine --json";
    let mut run = kitchen.start(line).unwrap();
    run.event("stepped").unwrap();
    run.interrupt().unwrap();
    let (status, out, err) = run.end().unwrap();
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(err.contains("saving and ending"), "{err}");
    let said = json_lines(&out).unwrap();
    let summary = &said.last().unwrap()["summary"];
    assert_eq!(summary["status"], "stopped");
    let stopped_at = summary["steps"].as_u64().unwrap();
    assert!((1..1000).contains(&stopped_at), "{stopped_at}");

    let resumed = kitchen.json_lines("resume mine --json").unwrap();
    let restored = resumed
        .iter()
        .find_map(|line| line.pointer("/event/restored/step"));
    assert_eq!(restored.unwrap(), stopped_at);
    let summary = &resumed.last().unwrap()["summary"];
    assert_eq!(
        (&summary["status"], &summary["steps"]),
        (&"completed".into(), &1000.into())
    );

    let again = kitchen.say("resume mine").unwrap();
    assert_eq!(again.code, Some(0));
    assert!(again.err.contains("mine is complete"), "{}", again.err);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let kitchen = Kitchen::new().unwrap();
    // Each step takes a while, so that the first Ctrl-C has not had its effect yet.
    let line = "run digits model.hidden=[3000,3000] batch=1024 steps=1000 --name mine --json";
    let mut run = kitchen.start(line).unwrap();
    run.event("session_opened").unwrap();
    run.interrupt().unwrap();
    let said = run.error_line().unwrap();
    assert_eq!(said, "saving and ending; press Ctrl-C again to end at once");
    run.interrupt().unwrap();
    let (status, out, _) = run.end().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(!out.contains("summary"), "it ended in its own time: {out}");
    assert!(!kitchen.path("runs/mine/export").exists());
}

#[test]
fn a_reader_who_leaves_ends_the_run_in_good_order() {
    let kitchen = Kitchen::new().unwrap();
    for how in ["json", "plain"] {
        let mut run = kitchen
            .start(&format!("{LONG} --{how} --name {how}"))
            .unwrap();
        run.line().unwrap();
        run.stop_listening();
        let (status, _, err) = run.end().unwrap();
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{how}");
        let shown = kitchen.json(&format!("runs show {how} --json")).unwrap();
        assert_eq!(shown["status"], "stopped", "{how}");
    }
}

#[test]
fn a_reader_who_leaves_an_answer_is_no_failure() {
    let kitchen = Kitchen::new().unwrap();
    for line in ["list", "config schema", "man", "completions bash"] {
        let mut asked = kitchen.start(line).unwrap();
        asked.stop_listening();
        let (status, _, err) = asked.end().unwrap();
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{line}");
    }
}
