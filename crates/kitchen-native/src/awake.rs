//! Keeps the machine awake while something goes on, by the means that the system has for it.

use std::io;
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::out;

/// How long a helper has to say that it cannot do it.
const TRIAL: Duration = Duration::from_millis(200);

/// The machine does not fall asleep as long as this is held.
#[derive(Debug)]
pub(crate) struct Awake(Child);

impl Awake {
    fn hold() -> Result<Self, String> {
        let (program, args) = helper(process::id())
            .ok_or("nothing is known here that keeps a machine awake; set it so by hand")?;
        let spawned = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = spawned.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("`{program}`, which would see to it, is not here"),
            _ => format!("`{program}`, which would see to it, could not be started: {error}"),
        })?;
        thread::sleep(TRIAL);
        match child.try_wait() {
            Ok(None) => Ok(Self(child)),
            Ok(Some(status)) => Err(format!(
                "`{program}`, which would see to it, ended: {status}"
            )),
            Err(error) => Err(format!("`{program}` cannot be watched: {error}")),
        }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        // It may have ended by itself; nothing else is left to do about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps the machine awake if somebody asked for it. Where that cannot be, it is said, and whatever
/// was to go on goes on.
pub(crate) fn hold(is_asked: bool) -> Option<Awake> {
    if !is_asked {
        return None;
    }
    Awake::hold()
        .inspect_err(|reason| out::remark(&format!("the machine may fall asleep: {reason}")))
        .ok()
}

/// What keeps this system awake until the process `us` ends, however it ends.
fn helper(us: u32) -> Option<(&'static str, Vec<String>)> {
    let us = us.to_string();
    let (program, args): (_, Vec<&str>) = if cfg!(target_os = "linux") {
        let args = vec![
            "--what=idle:sleep",
            "--who=Kitchen",
            "--why=A run is going on",
            "tail",
            "--follow",
            "--pid",
            &us,
            "/dev/null",
        ];
        ("systemd-inhibit", args)
    } else if cfg!(target_os = "macos") {
        ("caffeinate", vec!["-i", "-w", &us])
    } else {
        return None;
    };
    Some((program, args.into_iter().map(str::to_owned).collect()))
}
