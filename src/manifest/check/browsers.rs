//! The names on the `browser` axis, with what `[browser.NAME]` says about them.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use strum::VariantNames;
use url::Url;

use super::capabilities::of_environment;
use super::{Checker, Use};
use crate::manifest::axes::is_name;
use crate::manifest::problem::{Problem, listed, nearest, with_near};
use crate::manifest::schema::BrowserFile;
use crate::manifest::values::{At, Table, Value};
use crate::webdriver::{BrowserKind, BrowserSettings, Endpoint, EndpointFault, HEADER_VARIABLE, PrefValue, is_header};

impl Checker<'_> {
    /// The settings of every browser in use; the tables of others are checked too. `port` is the page server's, 0 where each run
    /// has another.
    pub(super) fn browsers(
        &mut self,
        uses: &[Use],
        tables: &IndexMap<At<String>, Table<BrowserFile>>,
        port: u16,
    ) -> IndexMap<String, BrowserSettings> {
        let described: IndexMap<&str, Option<BrowserSettings>> =
            tables.iter().map(|(name, table)| (name.get().as_str(), self.browser(name, &table.0, port))).collect();
        let mut found = IndexMap::new();
        for (name, span) in uses {
            let settings = match described.get(name.as_str()) {
                Some(settings) => settings.clone(),
                None => name.parse().ok().map(BrowserSettings::of),
            };
            if let Some(settings) = settings {
                found.insert(name.clone(), settings);
            } else if !described.contains_key(name.as_str()) {
                let products = BrowserKind::VARIANTS;
                let known: Vec<&str> = products.iter().copied().chain(described.keys().copied()).collect();
                let help = format!("browsers are {}, and each [browser.NAME] of this file", listed(products));
                self.note(
                    Problem::at(span.clone(), format!("unknown browser `{name}`"), "not a browser of this manifest")
                        .help(with_near(nearest(&name.to_lowercase(), known), &help)),
                );
            }
        }
        found
    }

    fn browser(&mut self, name: &At<String>, table: &BrowserFile, port: u16) -> Option<BrowserSettings> {
        let kind = self.kind(name, table.kind.as_ref())?;
        let mut webdriver = self.endpoint(table);
        let capabilities = self.capabilities(table);
        for secret in table.capabilities.values().flat_map(|value| of_environment(value.get())) {
            if let Some(endpoint) = &mut webdriver {
                endpoint.keep_secret(&secret);
            }
        }
        if let (Some(_), Some(driver)) = (&table.webdriver, &table.driver) {
            self.note(
                Problem::at(driver.span(), "`driver` beside `webdriver`", "a remote endpoint starts its own driver")
                    .help("keep one of the two"),
            );
        }
        let mut prefs = IndexMap::new();
        for (key, value) in &table.prefs {
            match value.get() {
                Value::Bool(on) => drop(prefs.insert(key.clone(), PrefValue::Bool(*on))),
                Value::Int(number) => drop(prefs.insert(key.clone(), PrefValue::Int(*number))),
                Value::Text(text) => drop(prefs.insert(key.clone(), PrefValue::Text(text.clone()))),
                Value::Float(_) | Value::List(_) => self.note(Problem::at(
                    value.span(),
                    format!("{} can't be the value of a preference", value.get()),
                    "expected `true`, `false`, a whole number or a text",
                )),
            }
        }
        Some(BrowserSettings {
            name: name.get().clone(),
            kind,
            binary: table.binary.as_ref().map(|program| self.program(program.get())),
            driver: table.driver.as_ref().map(|program| self.program(program.get())),
            webdriver,
            args: table.args.clone(),
            prefs,
            headless: table.headless.unwrap_or(true),
            capabilities,
            tunnel: table.tunnel.as_ref().map(|tunnel| self.tunnel(tunnel, port)).unwrap_or_default(),
        })
    }

    fn kind(&mut self, name: &At<String>, kind: Option<&At<String>>) -> Option<BrowserKind> {
        let products = BrowserKind::VARIANTS;
        if !is_name(name.get()) {
            self.note(
                Problem::at(name.span(), format!("{:?} can't name a browser", name.get()), "not a name")
                    .help("use letters, digits, `-`, `_` and `.`"),
            );
            return None;
        }
        let own = name.get().parse::<BrowserKind>().ok();
        let Some(kind) = kind else {
            if own.is_none() {
                let help = format!(
                    "a name of your own says which product it is: kind = \"chrome\" (or {})",
                    listed(&products[1..])
                );
                self.note(
                    Problem::at(
                        name.span(),
                        format!("`{}` is not a browser that gpujobs knows", name.get()),
                        "no `kind`",
                    )
                    .help(with_near(nearest(name.get(), products.iter().copied()), &help)),
                );
            }
            return own;
        };
        let Ok(found) = kind.get().parse() else {
            let label = format!("expected one of {}", listed(products));
            let problem = Problem::at(kind.span(), format!("unknown kind `{}`", kind.get()), label);
            self.note(match nearest(&kind.get().to_lowercase(), products.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
            return None;
        };
        if own.is_some_and(|own| own != found) {
            self.note(
                Problem::at(
                    kind.span(),
                    format!("`{}` can't be of the kind `{}`", name.get(), kind.get()),
                    "another product",
                )
                .help(format!("give it a name of its own, for instance [browser.my-{}]", kind.get())),
            );
        }
        Some(found)
    }

    /// Where a remote browser is driven, with the headers that its commands carry.
    fn endpoint(&mut self, table: &BrowserFile) -> Option<Endpoint> {
        let headers = self.headers(table);
        let written = table.webdriver.as_ref()?;
        let mut endpoint: Endpoint = match written.get().parse() {
            Ok(endpoint) => endpoint,
            Err(EndpointFault::OddLogin) => {
                // Without the line: who can't leave the login out can't hide it there either.
                self.note(Problem::whole(format!("`webdriver`: {}", EndpointFault::OddLogin)));
                return None;
            }
            Err(fault) => {
                let label = match &fault {
                    EndpointFault::NotUrl(error) => error.to_string(),
                    _ => "expected http:// or https://".to_owned(),
                };
                let host = Url::parse(&format!("http://{}", written.get())).is_ok_and(|url| url.has_host());
                let example = if host && !written.get().contains("://") { written.get() } else { "127.0.0.1:4444" };
                self.note(
                    Problem::at(written.span(), "`webdriver` is not an http or https address", label)
                        .help(format!("write webdriver = \"http://{example}\"")),
                );
                return None;
            }
        };
        for header in headers {
            // Each was tried.
            let _ = endpoint.add_header(&header);
        }
        if endpoint.lacks_login() {
            match std::env::var(HEADER_VARIABLE) {
                Ok(header) if endpoint.add_header(&header).is_ok() => {}
                _ => self.note(
                    Problem::at(written.span(), "the login was not kept with this run", "it stood here").help(format!(
                        "name it in the environment: {HEADER_VARIABLE}=\"Authorization: Basic …\", or the endpoint with \
                         its login by --set"
                    )),
                ),
            }
        }
        Some(endpoint)
    }

    /// The headers that the environment has, as `Name: value`.
    fn headers(&mut self, table: &BrowserFile) -> Vec<String> {
        let mut headers = Vec::new();
        for (name, variable) in &table.headers_from_env {
            if table.webdriver.is_none() {
                let message = "`headers_from_env` without `webdriver`";
                self.note(Problem::at(name.span(), message, "no remote endpoint gets it").help("name the endpoint"));
                return headers;
            }
            let Some(value) = self.variable(variable) else { continue };
            let header = format!("{}: {value}", name.get());
            if is_header(&header) {
                headers.push(header);
            } else {
                let message = format!("`{}` with the value of {} is no header", name.get(), variable.get());
                self.note(Problem::at(name.span(), message, "not the name, or not the value, of an HTTP header"));
            }
        }
        headers
    }

    /// The value of a variable of the environment.
    fn variable(&mut self, name: &At<String>) -> Option<String> {
        // Who wrote the value instead must not read it on the screen.
        if !name.get().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let help = "write the value into an environment variable, and the name of that variable here";
            self.note(Problem::whole("`headers_from_env` names no environment variable").help(help));
            return None;
        }
        let value = std::env::var(name.get()).ok().filter(|value| !value.is_empty());
        if value.is_none() {
            let message = format!("the environment variable {} is not set", name.get());
            self.note(Problem::at(name.span(), message, "this names a variable, not the value itself"));
        }
        value
    }

    /// The words of a command, none of them in quotes: no shell takes these away.
    fn tunnel(&mut self, written: &At<Value>, port: u16) -> Vec<String> {
        let list =
            "write the words as a list: tunnel = [\"ssh\", \"-N\", \"-R\", \"{port}:127.0.0.1:{port}\", \"user@host\"]";
        let mut words: Vec<String> = match written.get() {
            Value::Text(text) => {
                if text.contains(['"', '\'', '\\', '$', '`', '|', '&', ';']) {
                    let message = "`tunnel` is written for a shell, and there is none";
                    self.note(Problem::at(written.span(), message, "quotes, or another sign of a shell's").help(list));
                    return Vec::new();
                }
                text.split_whitespace().map(str::to_owned).collect()
            }
            Value::List(values) => {
                let text = |value: &At<Value>| match value.get() {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                };
                values.iter().map(text).collect::<Option<_>>().unwrap_or_default()
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => Vec::new(),
        };
        let Some(program) = words.first_mut().filter(|program| !program.is_empty()) else {
            self.note(
                Problem::at(written.span(), "`tunnel` is no command", "expected a program and its arguments")
                    .help(list),
            );
            return Vec::new();
        };
        *program = self.program(program).to_string_lossy().into_owned();
        if port == 0 && !words.iter().any(|word| word.contains("{port}")) {
            self.note(
                Problem::at(written.span(), "`tunnel` does not say which port", "there is no {port}")
                    .help("write {port} where the page server's port is to stand: each run has another one, unless [serve] names it: address = \"127.0.0.1:8080\""),
            );
        }
        words
    }

    /// A program by its name is looked up on `PATH`; one with a folder is relative to the manifest.
    fn program(&self, written: &str) -> PathBuf {
        let path = Path::new(written);
        if path.components().count() > 1 { self.folder.join(path) } else { path.to_owned() }
    }
}
