//! Rendering turns templates into the text that runs: WGSL here, pages later; no JS or WGSL text stands in Rust.
//!
//! [`Templates`] is one strict minijinja environment over two folders, `templates/` and `shaders/`, embedded at
//! compile time and preceded by the user's own folders. `wgsl` renders a graph's stages with it. Used by `run`.

pub mod interface;
pub mod kernels;
pub mod page;
pub mod settings;
pub mod source_map;
pub mod space;
pub mod target;
pub mod wgsl;
mod wgsl_text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::manifest::ManifestErrors;
use crate::user_file;
use include_dir::{Dir, include_dir};
use kernels::Kernels;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static SHADERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/shaders");

/// The most workgroups a dispatch may have along one dimension (WebGPU's default `maxComputeWorkgroupsPerDimension`).
pub const MAX_GROUPS: u64 = 65535;

/// Steps of one rendering, of which 64 bytes of text are one: seconds, and about 1.3 GB.
const FUEL: u64 = 20_000_000;

/// A template that could not be read or rendered.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RenderError {
    /// The template said by `unsupported(reason)` that it can't do this job.
    #[error("{template} does not support this: {reason}")]
    Unsupported {
        /// The template.
        template: String,
        /// Its words.
        reason: String,
    },
    /// Wrong syntax, a missing variable, a template that does not exist.
    #[error("{template}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Template {
        /// The template, for instance `shaders/linear.wgsl`.
        template: String,
        /// Line of the template, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
        /// The remedy.
        #[help]
        help: Option<String>,
    },
    /// A stage template without a usable `grid` or `workgroup_bytes`.
    #[error("{template}: {message}")]
    Dispatch {
        /// The template.
        template: String,
        /// What is wrong.
        message: String,
        /// The remedy.
        #[help]
        help: Option<String>,
    },
    /// A value for a parameter of a kernel that can't be used.
    #[error("{place}: {message}")]
    Parameter {
        /// For instance `[compiler.naga.product]`.
        place: String,
        /// What is wrong.
        message: String,
        /// The remedy.
        #[help]
        help: Option<String>,
    },
    /// A file that declares kernels or winners, with all that is wrong with it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Table(ManifestErrors),
    /// A folder of the user's own that can't be read.
    #[error("can't read {}", path.display())]
    Folder {
        /// The folder or the file in it.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// All templates, parsed once; `Sync`, so that jobs are rendered in parallel.
///
/// Names are paths: `templates/page.html`, `shaders/linear.wgsl`. An `include` or `import` names a file beside the
/// template's own root (`lib/tile.wgsl` in a shader is `shaders/lib/tile.wgsl`). An undefined variable is an error,
/// nothing is escaped, and a line that holds only a tag leaves nothing behind.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    kernels: Kernels,
    /// Where those of the user's folders lie, by their names.
    own: BTreeMap<String, PathBuf>,
}

impl Templates {
    /// The built-in templates with the user's folders looked in first.
    pub fn new(templates_dir: Option<&Path>, shaders_dir: Option<&Path>) -> Result<Self, RenderError> {
        let mut sources = Sources::default();
        embedded("templates", &TEMPLATES, &mut sources);
        embedded("shaders", &SHADERS, &mut sources);
        for (root, folder) in [("templates", templates_dir), ("shaders", shaders_dir)] {
            if let Some(folder) = folder {
                read_folder(root, folder, &mut sources)?;
            }
        }
        let own = sources.own.clone();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(syntax());
        environment.set_path_join_callback(|name, parent| match parent.split_once('/') {
            Some((root, _)) if !name.starts_with("shaders/") && !name.starts_with("templates/") => {
                format!("{root}/{name}").into()
            }
            _ => name.into(),
        });
        environment.add_function("unsupported", unsupported);
        environment.add_function("ceil_div", ceil_div);
        environment.add_filter("ceil_div", ceil_div);
        environment.add_function("fold", fold);
        environment.add_filter("f32", f32_literal);
        let kernels = kernels::read(&sources)?;
        for (name, source) in sources.texts {
            environment.add_template_owned(name, source).map_err(|error| from_minijinja(&error, ""))?;
        }
        Ok(Self { environment, kernels, own })
    }

    /// Whether a template is the user's own.
    fn is_own(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }

    /// The texts of the user's folders, each by its path below them: `shaders/linear.wgsl`.
    #[must_use]
    pub fn own_files(&self) -> &BTreeMap<String, PathBuf> {
        &self.own
    }

    /// The parameters that kernels declare.
    #[must_use]
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Renders one template.
    pub fn render(&self, name: &str, context: Value) -> Result<String, RenderError> {
        self.get(name)?.render(context).map_err(|error| from_minijinja(&error, name))
    }

    /// Every module of the page's side, rendered, by file name.
    pub fn harness(&self) -> Result<Vec<(String, String)>, RenderError> {
        const FOLDER: &str = "templates/harness/";
        // Types are for those who check the modules; a page loads none.
        let names: Vec<String> = self.names(FOLDER).into_iter().filter(|name| !name.ends_with(".d.ts")).collect();
        let module = |name: &String| {
            Ok((name.trim_start_matches(FOLDER).to_owned(), self.render(name, minijinja::context! {})?))
        };
        names.iter().map(module).collect()
    }

    /// The names of all templates that begin with `prefix`, for instance `templates/harness/`, sorted.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .environment
            .templates()
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort_unstable();
        names
    }

    /// A line of a template as it was written, from 1.
    fn line(&self, name: &str, line: usize) -> Option<String> {
        let template = self.environment.get_template(name).ok()?;
        template.source().lines().nth(line.checked_sub(1)?).map(str::to_owned)
    }

    fn get(&self, name: &str) -> Result<minijinja::Template<'_, '_>, RenderError> {
        self.environment.get_template(name).map_err(|error| {
            let names = self.names("");
            let near = crate::manifest::problem::nearest(name, names.iter().map(String::as_str));
            RenderError::Template {
                template: name.to_owned(),
                line: None,
                message: error.detail().unwrap_or("there is no such template").to_owned(),
                help: near.map(|near| format!("did you mean `{near}`?")),
            }
        })
    }
}

/// The texts of all template files by their names, and where those that are not built in lie.
#[derive(Default)]
struct Sources {
    texts: BTreeMap<String, String>,
    own: BTreeMap<String, PathBuf>,
}

impl Sources {
    /// A file's text, and the path to name it by.
    fn file(&self, name: &str) -> Option<(PathBuf, &str)> {
        let text = self.texts.get(name)?;
        Some((self.own.get(name).cloned().unwrap_or_else(|| name.into()), text))
    }
}

/// minijinja's delimiters; a line that holds only a tag leaves nothing behind.
fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    // Only custom delimiters can be refused.
    builder.build().unwrap_or_default()
}

/// The text of a file under `templates/`, as it is in the binary; for what is no template of a page.
#[must_use]
pub fn built_in(path: &str) -> Option<&'static str> {
    TEMPLATES.get_file(path)?.contents_utf8()
}

fn embedded(root: &str, folder: &Dir<'_>, sources: &mut Sources) {
    for file in folder.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        let name = file.path().file_name().unwrap_or_default().to_string_lossy();
        if let (Some(text), false) = (file.contents_utf8(), is_beside(&name)) {
            sources.texts.insert(format!("{root}/{path}"), text.to_owned());
        }
    }
    for inner in folder.dirs() {
        embedded(root, inner, sources);
    }
}

/// Whether a file lies beside templates without being one: a hidden file, or a text about them, which may show their syntax.
fn is_beside(name: &str) -> bool {
    name.starts_with('.') || Path::new(name).extension().is_some_and(|ending| ending == "md")
}

/// Reads the text files under `folder`; other files and those beside templates are none of ours.
fn read_folder(name: &str, folder: &Path, sources: &mut Sources) -> Result<(), RenderError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| RenderError::Folder { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(fail(folder))? {
        let path = entry.map_err(fail(folder))?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_beside(&file) {
            continue;
        }
        if path.is_dir() {
            read_folder(&format!("{name}/{file}"), &path, sources)?;
        } else if let Ok(text) = String::from_utf8(user_file::read(&path).map_err(fail(&path))?) {
            let name = format!("{name}/{file}");
            sources.own.insert(name.clone(), path);
            sources.texts.insert(name, as_saved_elsewhere(text));
        }
    }
    Ok(())
}

/// A text without what editors on Windows put into it: a byte order mark, and carriage returns.
fn as_saved_elsewhere(text: String) -> String {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if plain.len() == text.len() && !plain.contains('\r') { text } else { plain.replace("\r\n", "\n") }
}

/// What `unsupported()` puts beneath the error that ends the rendering.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unsupported(String);

fn unsupported(reason: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, reason.clone()).with_source(Unsupported(reason)))
}

/// `ceil_div(a, b)` or `a | ceil_div(b)`: how many of size b cover a.
fn ceil_div(a: u64, b: u64) -> Result<u64, Error> {
    if b == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "ceil_div by 0"));
    }
    Ok(a.div_ceil(b))
}

/// `fold(n)`: two group counts [a, b], each within [`MAX_GROUPS`], that cover n with a·b >= n.
fn fold(n: u64) -> Vec<u64> {
    let n = n.max(1);
    let rows = n.div_ceil(MAX_GROUPS);
    vec![n.div_ceil(rows), rows]
}

/// `x | f32`: a number as a WGSL f32 literal that reads back as the same f32.
fn f32_literal(value: f64) -> Result<String, Error> {
    #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what is asked for")]
    let value = value as f32;
    if !value.is_finite() {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("{value} is not a finite f32")));
    }
    Ok(format!("{value:?}f"))
}

/// minijinja's error in our words; `rendering` is the template that was asked for.
fn from_minijinja(error: &Error, rendering: &str) -> RenderError {
    let template = error.name().unwrap_or(rendering).to_owned();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut innermost = error;
    while let Some(current) = cause {
        if let Some(Unsupported(reason)) = current.downcast_ref() {
            return RenderError::Unsupported { template, reason: reason.clone() };
        }
        if let Some(inner) = current.downcast_ref::<Error>() {
            innermost = inner;
        }
        cause = current.source();
    }
    let help = match innermost.kind() {
        ErrorKind::UndefinedError => Some(
            "every variable must be defined: check its spelling, or test it with `is defined` (a custom axis is there only in \
             jobs of a manifest that has it)"
                .to_owned(),
        ),
        ErrorKind::OutOfFuel => Some("does it loop without an end, or extend or include itself?".to_owned()),
        ErrorKind::TemplateNotFound => {
            Some("includes and imports are named from the root of `shaders/` or `templates/`".to_owned())
        }
        _ => None,
    };
    let message = innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
    let message = match innermost.kind() {
        ErrorKind::OutOfFuel => format!("the rendering takes more than {FUEL} steps"),
        _ => message,
    };
    let message = match undefined_name(innermost) {
        Some(name) => format!("`{name}` is not defined"),
        None => message,
    };
    RenderError::Template {
        template: innermost.name().map_or(template, str::to_owned),
        line: innermost.line().or(error.line()),
        message,
        help,
    }
}

/// The text of the expression that was undefined, if minijinja kept it.
fn undefined_name(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UndefinedError {
        return None;
    }
    let (source, range) = (error.template_source()?, error.range()?);
    source.get(range).map(str::to_owned)
}
/// An axis's value as templates see it.
fn axis(value: &crate::manifest::AxisValue) -> Value {
    match value {
        crate::manifest::AxisValue::Bool(value) => Value::from(*value),
        crate::manifest::AxisValue::Int(value) => Value::from(*value),
        crate::manifest::AxisValue::Float(value) => Value::from(*value),
        crate::manifest::AxisValue::Text(value) => Value::from(value.as_str()),
        crate::manifest::AxisValue::Shape(shape) => Value::from(shape.to_vec()),
    }
}
