//! What a person does with the page, and sees of it.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kitchen_tests::{Driver, Kitchen};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::evidence::{self, ConsoleLine};
use super::site::Site;

/// How long the page has for what takes no training.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// The page in a browser.
pub(crate) struct Page {
    // In this order they end.
    driver: Driver,
    pub(crate) site: Site,
    kept: TempDir,
    console: RefCell<Vec<ConsoleLine>>,
}

/// What `<main>` says of the run, for tests and for assistive tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// Steps that were taken.
    pub(crate) step: u64,
    /// The newest loss.
    pub(crate) loss: Option<f64>,
    /// The newest accuracy on held-out examples.
    pub(crate) validation_accuracy: Option<f64>,
    /// `webgpu` or `cpu`.
    pub(crate) device: String,
    /// `running`, `paused`, `done` or `failed`.
    pub(crate) status: String,
}

impl State {
    fn of(data: &Value) -> Self {
        let text = |name: &str| data[name].as_str().unwrap_or_default();
        Self {
            step: text("step").parse().unwrap_or_default(),
            loss: text("loss").parse().ok(),
            validation_accuracy: text("validationAccuracy").parse().ok(),
            device: text("device").to_owned(),
            status: text("status").to_owned(),
        }
    }
}

impl Page {
    pub(crate) fn new(driver: Driver, site: Site, kept: TempDir) -> Self {
        Self {
            driver,
            site,
            kept,
            console: RefCell::default(),
        }
    }

    /// Opens the page with the settings of `query`.
    pub(crate) fn go(&self, query: &str) -> anyhow::Result<()> {
        let url = format!("{}?{query}", self.site.url);
        self.driver.post("/url", &json!({ "url": url }))?;
        Ok(())
    }

    /// Opens another page of the site.
    pub(crate) fn visit(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.site.url);
        self.driver.post("/url", &json!({ "url": url }))?;
        Ok(())
    }

    /// Loads the page again, as it is.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        self.driver.post("/refresh", &json!({}))?;
        Ok(())
    }

    /// The address of the page as it stands now.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        let url = self.driver.get("/url")?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    /// What the page says of its run.
    pub(crate) fn state(&self) -> anyhow::Result<State> {
        let script =
            "const main = document.querySelector('main'); return main && {...main.dataset}";
        Ok(State::of(&self.run(script, &[])?))
    }

    /// Waits until the run stands so. Errors with all that is known when the time is up.
    pub(crate) fn wait(
        &self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&State) -> bool,
    ) -> anyhow::Result<State> {
        let mut last = State::default();
        self.poll(what, limit, || {
            last = self.state()?;
            Ok(holds(&last).then(|| last.clone()))
        })
    }

    /// Waits until an expression of JavaScript gives something, and gives that.
    pub(crate) fn wait_for(&self, what: &str, expression: &str) -> anyhow::Result<Value> {
        let script = format!("return {expression}");
        self.poll(what, SOON, || {
            let value = self.run(&script, &[])?;
            let is_something = !matches!(value, Value::Null | Value::Bool(false));
            Ok(is_something.then_some(value))
        })
    }

    /// Waits until a text stands on the page.
    pub(crate) fn wait_for_text(&self, text: &str) -> anyhow::Result<()> {
        let expression = format!("document.body.innerText.includes({})", json!(text));
        self.wait_for(&format!("`{text}` on the page"), &expression)?;
        Ok(())
    }

    fn poll<T>(
        &self,
        what: &str,
        limit: Duration,
        mut probe: impl FnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = probe()? {
                return Ok(found);
            }
            if begun.elapsed() > limit {
                bail!(self.tell(&format!("{what}: not within {limit:?}")));
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Runs the body of a function in the page, and gives what it returns.
    pub(crate) fn run(&self, script: &str, args: &[Value]) -> anyhow::Result<Value> {
        self.driver.run(script, args)
    }

    /// As [`Self::run`], where the function may wait: it is `async`, and its arguments are `args`.
    pub(crate) fn run_async(&self, script: &str, args: &[Value]) -> anyhow::Result<Value> {
        self.driver.run_async(script, args)
    }

    /// Clicks on what a CSS selector finds.
    pub(crate) fn click(&self, css: &str) -> anyhow::Result<()> {
        let element = self.driver.element(css)?;
        self.driver.post(&format!("{element}/click"), &json!({}))?;
        Ok(())
    }

    /// Types into the field that a CSS selector finds, in place of what stands in it.
    pub(crate) fn write(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let element = self.driver.element(css)?;
        // As a person does: what is cleared first would be a change of its own.
        let select =
            "const field = document.querySelector(arguments[0]); field.focus(); field.select()";
        self.run(select, &[json!(css)])?;
        let text = json!({ "text": text });
        self.driver.post(&format!("{element}/value"), &text)?;
        Ok(())
    }

    /// What stands in the field that a CSS selector finds.
    pub(crate) fn value(&self, css: &str) -> anyhow::Result<String> {
        let value = self.run(
            "return document.querySelector(arguments[0]).value",
            &[json!(css)],
        )?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Gives files to the file input that a CSS selector finds, as one drop or one choice.
    pub(crate) fn give(&self, css: &str, files: &[PathBuf]) -> anyhow::Result<()> {
        let element = self.driver.element(css)?;
        let paths: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let text = json!({ "text": paths.join("\n") });
        self.driver.post(&format!("{element}/value"), &text)?;
        Ok(())
    }

    /// Presses and releases a key; WebDriver has characters for those without one (section 17.4.2).
    pub(crate) fn press(&self, key: char) -> anyhow::Result<()> {
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": [
            { "type": "keyDown", "value": key.to_string() },
            { "type": "keyUp", "value": key.to_string() },
        ] }] });
        self.driver.post("/actions", &actions)?;
        Ok(())
    }

    /// Presses the mouse in the middle of what a CSS selector finds, moves it so far to the right,
    /// and lets go.
    pub(crate) fn drag(&self, css: &str, right: i64) -> anyhow::Result<()> {
        self.run(
            "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })",
            &[json!(css)],
        )?;
        let origin = self.driver.origin(css)?;
        let to = |x: i64| json!({ "type": "pointerMove", "duration": 50, "origin": origin, "x": x, "y": 0 });
        let actions = json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [
            to(0),
            { "type": "pointerDown", "button": 0 },
            to(right),
            { "type": "pointerUp", "button": 0 },
        ] }] });
        self.driver.post("/actions", &actions)?;
        Ok(())
    }

    /// What a command of Chromium's own protocol (CDP) gives.
    pub(crate) fn cdp(&self, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.driver.cdp(method, params)
    }

    /// A system that prefers `dark` or `light` colours.
    pub(crate) fn prefer(&self, scheme: &str) -> anyhow::Result<()> {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.cdp(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        )?;
        Ok(())
    }

    /// A phone of 360 by 740, touched with a finger.
    pub(crate) fn be_a_phone(&self) -> anyhow::Result<()> {
        let metrics =
            json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
        self.cdp("Emulation.setDeviceMetricsOverride", &metrics)?;
        self.cdp(
            "Emulation.setTouchEmulationEnabled",
            &json!({ "enabled": true }),
        )?;
        Ok(())
    }

    /// Runs a script in each document before its own.
    pub(crate) fn run_first(&self, script: &str) -> anyhow::Result<()> {
        let source = json!({ "source": script });
        self.cdp("Page.addScriptToEvaluateOnNewDocument", &source)?;
        Ok(())
    }

    /// Runs an expression in the worker that trains. What it gives reaches nobody.
    pub(crate) fn run_in_worker(&self, expression: &str) -> anyhow::Result<()> {
        let filter = json!({ "filter": [{ "type": "worker" }] });
        let found = self.cdp("Target.getTargets", &filter)?;
        let worker = &found["targetInfos"][0]["targetId"];
        ensure!(worker.is_string(), self.tell("there is no worker"));
        let attach = json!({ "targetId": worker, "flatten": false });
        let attached = self.cdp("Target.attachToTarget", &attach)?;
        let message = json!({
            "id": 1,
            "method": "Runtime.evaluate",
            "params": { "expression": expression },
        });
        let send = json!({
            "sessionId": attached["sessionId"],
            "message": message.to_string(),
        });
        self.cdp("Target.sendMessageToTarget", &send)?;
        Ok(())
    }

    /// Ends the process that computes on the GPU; the browser starts another. Every device is lost.
    pub(crate) fn lose_the_gpu(&self) -> anyhow::Result<()> {
        self.cdp("Browser.crashGpuProcess", &json!({}))?;
        Ok(())
    }

    /// Ends the process that draws the page and trains, as running out of memory does. Another tab
    /// of the same browser is there afterwards, with nothing in it.
    pub(crate) fn crash(&self) -> anyhow::Result<()> {
        let opened = self.driver.post("/window/new", &json!({ "type": "tab" }))?;
        let crashed = self.cdp("Page.crash", &json!({}));
        ensure!(crashed.is_err(), "the tab outlived its crash");
        self.driver
            .post("/window", &json!({ "handle": opened["handle"] }))?;
        Ok(())
    }

    /// Allows the page so many bytes of storage.
    pub(crate) fn limit_storage(&self, bytes: u64) -> anyhow::Result<()> {
        let quota = json!({ "origin": self.site.origin(), "quotaSize": bytes });
        self.cdp("Storage.overrideQuotaForOrigin", &quota)?;
        Ok(())
    }

    /// The program for the command line, in a folder of its own.
    pub(crate) fn kitchen(&self) -> &Kitchen {
        self.site.kitchen()
    }

    /// Keeps a picture of what is seen, for people to look at.
    pub(crate) fn picture(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = evidence::screenshots()?.join(format!("{name}.png"));
        let picture = self.driver.get("/screenshot")?;
        let png = STANDARD.decode(picture.as_str().context("no picture")?)?;
        fs::write(&path, png)?;
        Ok(path)
    }

    /// The errors that stood in the console since the page was opened first.
    pub(crate) fn console_errors(&self) -> anyhow::Result<Vec<String>> {
        self.read_console()?;
        let console = self.console.borrow();
        let errors = console.iter().filter(|line| line.is_error);
        Ok(errors.map(ToString::to_string).collect())
    }

    /// Ends it, having made sure that nothing went wrong unseen: no error in the console, and no
    /// request to anybody but the page's own server.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let errors = self.console_errors()?;
        ensure!(errors.is_empty(), self.tell("errors in the console"));
        self.end_with_errors()
    }

    /// As [`Self::end`], where errors in the console are what the test was about.
    pub(crate) fn end_with_errors(&mut self) -> anyhow::Result<()> {
        self.driver.quit()?;
        let origin = self.site.origin();
        let asked = evidence::asked_for(&self.kept.path().join("network.json"), origin)?;
        ensure!(!asked.is_empty(), "the record of the network is empty");
        let home = format!("{origin}/");
        let left: Vec<&String> = asked
            .iter()
            .filter(|url| !url.starts_with(&home) && !url.starts_with("blob:"))
            .collect();
        ensure!(left.is_empty(), "requests left the page's server: {left:?}");
        Ok(())
    }

    fn read_console(&self) -> anyhow::Result<()> {
        let log = self.driver.post("/se/log", &json!({ "type": "browser" }))?;
        self.console.borrow_mut().extend(ConsoleLine::all(&log));
        Ok(())
    }

    /// What went wrong, and all that is known about it.
    pub(crate) fn tell(&self, problem: &str) -> String {
        let mut told = vec![problem.to_owned()];
        match self.state() {
            Ok(state) => told.push(format!("{state:?}")),
            Err(error) => told.push(format!("no state: {error:#}")),
        }
        if let Ok(text) = self.run("return document.body.innerText.slice(0, 1500)", &[]) {
            told.push(format!("the page: {text}"));
        }
        let _ = self.read_console();
        told.push("the console:".to_owned());
        told.extend(self.console.borrow().iter().map(ToString::to_string));
        let test = thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        match self.picture(&format!("failed-{test}")) {
            Ok(path) => told.push(format!("a picture: {}", path.display())),
            Err(error) => told.push(format!("no picture: {error:#}")),
        }
        told.join("\n")
    }
}
