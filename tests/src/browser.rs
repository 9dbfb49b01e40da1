//! WebDriver (W3C) over HTTP: a browser that does as it is told.
//!
//! The crates for it turn on features of crates below the program (serde_json's `preserve_order`),
//! which it would then be tested with, but not shipped with; and of the protocol little is needed.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use ureq::Agent;

/// WebDriver's name for an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Longer than anything that the browser is asked for takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A browser in a session of its own.
pub struct Driver {
    agent: Agent,
    chromedriver: Child,
    // It writes to this while it runs.
    _said: BufReader<ChildStdout>,
    /// Where the session is asked.
    session: String,
    /// The process of the browser.
    browser: Option<u64>,
}

impl Driver {
    /// Starts a browser that keeps what it keeps below `folder`.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut chromedriver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver could not be started")?;
        let out = chromedriver.stdout.take();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        let mut driver = Self {
            agent: agent.into(),
            chromedriver,
            _said: BufReader::new(out.context("chromedriver says nothing")?),
            session: String::new(),
            browser: None,
        };
        let port = driver.port()?;
        driver.session = format!("http://127.0.0.1:{port}/session");
        let begun = driver.post("", &capabilities(folder))?;
        let id = begun["sessionId"].as_str().context("no session")?;
        driver.session = format!("{}/{id}", driver.session);
        driver.browser = begun["capabilities"]["goog:processID"].as_u64();
        Ok(driver)
    }

    /// The process of the browser.
    pub fn process(&self) -> Option<u64> {
        self.browser
    }

    /// The free port that chromedriver took.
    fn port(&mut self) -> anyhow::Result<u16> {
        for line in (&mut self._said).lines() {
            let line = line?;
            if let Some((_, port)) = line.rsplit_once("started successfully on port ") {
                return Ok(port.trim_end_matches('.').parse()?);
            }
        }
        bail!("chromedriver ended before it listened")
    }

    /// Asks for something by a GET.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.agent.get(format!("{}{path}", self.session)).call();
        value(answer, path)
    }

    /// Asks for something by a POST.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.session));
        let answer = request
            .header("content-type", "application/json")
            .send(body.to_string());
        value(answer, path)
    }

    /// Carries out a command of Chromium's own protocol (CDP), on the page.
    pub fn cdp(&self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let body = json!({ "cmd": method, "params": params });
        self.post("/goog/cdp/execute", &body)
            .context(method.to_owned())
    }

    /// Runs the body of a function in the page, and gives what it returns.
    pub fn run(&self, script: &str, args: &[Value]) -> anyhow::Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": args }))
    }

    /// As [`Self::run`], where the function may wait: it is `async`.
    pub fn run_async(&self, script: &str, args: &[Value]) -> anyhow::Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async (...args) => {{ {script} }})(...arguments) \
             .then(value => done({{ value }}), error => done({{ error: String(error) }}));"
        );
        let body = json!({ "script": script, "args": args });
        let ended = self.post("/execute/async", &body)?;
        match ended["error"].as_str() {
            Some(error) => bail!("the script failed: {error}"),
            None => Ok(ended["value"].clone()),
        }
    }

    /// The path of the element that a CSS selector finds first.
    pub fn element(&self, css: &str) -> anyhow::Result<String> {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.post("/element", &body)?;
        let id = found[ELEMENT].as_str().context("no element")?;
        Ok(format!("/element/{id}"))
    }

    /// The element that a CSS selector finds first, for a pointer to be moved to.
    pub fn origin(&self, css: &str) -> anyhow::Result<Value> {
        let element = self.element(css)?;
        Ok(json!({ ELEMENT: element.trim_start_matches("/element/") }))
    }

    /// Ends the session, and the browser with it.
    pub fn quit(&mut self) -> anyhow::Result<()> {
        if self.browser.take().is_some() {
            let answer = self.agent.delete(&self.session).call();
            value(answer, "")?;
        }
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let browser = self.browser;
        // A session that cannot be ended any more has a browser that must be.
        if self.quit().is_err()
            && let Some(browser) = browser
        {
            let kill = Command::new("kill")
                .arg("-KILL")
                .arg(browser.to_string())
                .status();
            let _ = kill;
        }
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
    }
}

/// What an answer holds, or the error that it tells of.
fn value(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    path: &str,
) -> anyhow::Result<Value> {
    let mut answer = answer.with_context(|| format!("chromedriver does not answer {path}"))?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()?;
    let mut said: Value =
        serde_json::from_str(&text).with_context(|| format!("{path} gave no JSON: {text}"))?;
    let value = said["value"].take();
    match value["error"].as_str() {
        Some(error) if !answer.status().is_success() => {
            let mut told = format!("{path}: {error}");
            if let Some(message) = value["message"].as_str() {
                write!(told, ": {message}")?;
            }
            bail!(told)
        }
        _ => Ok(value),
    }
}

/// A browser that speaks to nobody but the page's server, with WebGPU in software.
fn capabilities(folder: &Path) -> Value {
    let folder = folder.display();
    let options = json!({ "args": [
        "--headless=new",
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--no-first-run",
        "--force-device-scale-factor=1",
        "--window-size=1280,900",
        format!("--user-data-dir={folder}/profile"),
        format!("--log-net-log={folder}/network.json"),
    ] });
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": TIMEOUT.as_millis() as u64 },
    } } })
}
