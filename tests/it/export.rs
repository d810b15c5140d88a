//! A run in the formats of other programs: each is read back, by what its own program asks of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gpujobs::record::read;
use gpujobs::record::run_toml::RunToml;
use gpujobs::record::typed;
use gpujobs::report::export::json::{RunDocument, json_schema};
use gpujobs::report::export::parquet::file as parquet_file;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

use crate::support::made_runs::{Made, about, dated, job, made, made_ready, with};
use crate::support::workshop::Workshop;

/// A part of the workbook.
fn part(file: &Path, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Exports a run and reads the JSON that it brings, with what was said on stderr.
fn exported(shop: &Workshop, run: &Path, format: &str, more: &[&str]) -> (Value, String) {
    let told = shop.gpujobs(&[&["export", run.to_str().unwrap(), "--format", format], more].concat()).expect(0);
    let text = std::fs::read_to_string(told.stdout.trim()).unwrap();
    assert!(text.ends_with('\n'));
    (serde_json::from_str(&text).unwrap(), told.stderr)
}

/// What was said, without what wraps it to the terminal's width.
fn unwrapped(stderr: &str) -> String {
    stderr.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The runs that were measured on large GPUs, by older versions.
fn real_runs() -> Vec<PathBuf> {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let folders = ["h100", "h200"].into_iter().flat_map(|gpu| std::fs::read_dir(results.join(gpu)).unwrap());
    let mut runs: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    runs.retain(|path| path.join("jobs.csv").is_file());
    runs.sort();
    assert!(runs.len() > 10, "{runs:?}");
    runs
}

#[test]
fn numbers_are_numbers_and_words_are_words() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job("chrome/1/webgpu/64x1x1/precompiled", "chrome", about(0.365, 2))]);
    let jobs = "run_id,job_id,model,driver_version,verified,reason,samples,wall_median_ms\r\n\
                run,a,1,156,true,'=1+1,10,0.365\r\nrun,b,2,156,,\"a, b\0\",,\r\n";
    std::fs::write(run.join("jobs.csv"), jobs).unwrap();
    let told = shop.gpujobs(&["export", run.to_str().unwrap(), "--format", "xlsx"]).expect(0);
    let file = PathBuf::from(told.stdout.trim());
    assert_eq!(file, run.join("run.xlsx"), "{}", told.stdout);

    let strings = part(&file, "xl/sharedStrings.xml");
    let table = part(&file, "xl/worksheets/sheet1.xml");
    assert!(part(&file, "xl/workbook.xml").contains("name=\"jobs\""));
    assert!(table.contains("<v>0.365</v>") && table.contains("t=\"b\"><v>1</v>"), "{table}");
    // A formula in a text stays the text that it was, and names that look like numbers stay names.
    for text in ["=1+1", "156", "1"] {
        assert!(strings.contains(&format!("<t>{text}</t>")), "{text}: {strings}");
    }
    assert!(!table.contains("<f>") && !strings.contains('\0'), "{table}");
    // Ten samples, each a number.
    let samples = part(&file, "xl/worksheets/sheet2.xml");
    assert_eq!(samples.matches("<row ").count(), 11, "{samples}");

    let own = shop.path("own.xlsx");
    shop.gpujobs(&["export", run.to_str().unwrap(), "--format", "xlsx", "-o", own.to_str().unwrap()]).expect(0);
    assert!(own.is_file());
    let told = shop.gpujobs(&["export", "nowhere", "--format", "xlsx"]).expect(2).stderr;
    assert!(told.contains("nowhere"), "{told}");
}

/// Two that count, by either clock, and four that do not, each for a reason of its own.
fn mixed() -> Vec<Made> {
    let ready = made_ready(job("chrome/a/same", "chrome", about(10.0, 4)), 900.0, 4);
    vec![
        ready,
        with(job("firefox/a/same", "firefox", about(20.0, 4)), &[("gpu_median_ms", "")]),
        with(
            job("chrome/b/same", "chrome", about(9.0, 4)),
            &[("status", "incorrect"), ("reason", "'=wrong \u{1b}[2J")],
        ),
        with(job("chrome/c/same", "chrome", about(9.0, 4)), &[("verified", "")]),
        with(job("chrome/d/same", "chrome", about(9.0, 4)), &[("backend_used", "wasm")]),
        with(job("chrome/e/same", "chrome", Vec::new()), &[("status", "failed"), ("reason", "")]),
    ]
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// <https://bencher.dev/bmf.json>, which allows any more keys, and what Bencher asks of names (`BenchmarkName`, `Slug`).
fn bencher_schema() -> Value {
    let number = json!({ "type": "number" });
    let metric = json!({
        "type": "object", "required": ["value"], "additionalProperties": false,
        "properties": { "value": number, "lower_value": number, "upper_value": number },
    });
    let measures = json!({
        "type": "object", "required": ["latency"], "additionalProperties": false,
        "patternProperties": { "^[a-z0-9]+(-[a-z0-9]+)*$": metric },
    });
    json!({ "type": "object", "propertyNames": { "minLength": 1, "maxLength": 1024 }, "additionalProperties": measures })
}

#[test]
fn bencher_gets_the_times_that_count_in_nanoseconds() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &mixed());
    let (told, stderr) = exported(&shop, &run, "bencher", &[]);
    assert!(run.join("run.bencher.json").is_file());
    jsonschema::validate(&bencher_schema(), &told).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["chrome/a/same", "firefox/a/same"]);
    let latency = |name: &str| ["lower_value", "value", "upper_value"].map(|key| number(&told[name]["latency"][key]));
    let [low, middle, high] = latency("chrome/a/same");
    assert!(low < middle && middle < high && (9.5e6..10.5e6).contains(&middle), "{told:#}");
    assert_eq!(told["chrome/a/same"]["latency"], told["chrome/a/same"]["gpu-time"]);
    assert!((10.5e6..11.5e6).contains(&number(&told["chrome/a/same"]["wall-time"]["value"])));
    assert!((8.5e8..9.5e8).contains(&number(&told["chrome/a/same"]["time-to-first-result"]["value"])));
    // Without a GPU time that is believed it is the wall's, as the row says.
    assert_eq!(told["firefox/a/same"]["latency"], told["firefox/a/same"]["wall-time"]);
    assert!(told["firefox/a/same"].get("gpu-time").is_none() && latency("firefox/a/same")[1] > 20e6);

    let reasons =
        ["4 of 6 rows are left out", "incorrect: '=wrong", "was not verified", "`wasm`", "1: failed (chrome/e/same)"];
    assert!(reasons.iter().all(|reason| stderr.contains(reason)) && !stderr.contains("\u{1b}[2J"), "{stderr}");
    let (told, _) = exported(&shop, &run, "bencher", &["--unverified"]);
    assert!(told.get("chrome/c/same").is_some() && told.as_object().unwrap().len() == 3, "{told:#}");
}

#[test]
fn one_id_on_several_adapters_has_several_names_or_none() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job("chrome/a/same", "chrome", about(10.0, 4))]);
    // As merged runs are: the same job of two runs, on two adapters.
    let merged = |file: &str, edit: &dyn Fn(&str, &str) -> String| {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        let (header, rows) = text.split_once("\r\n").unwrap();
        std::fs::write(run.join(file), format!("run_id,{header}\r\n{}{}", edit(rows, "one"), edit(rows, "two")))
            .unwrap();
    };
    let marked = |rows: &str, name: &str| {
        let rows: Vec<String> = rows.lines().map(|row| format!("{name},{row}")).collect();
        rows.join("\r\n") + "\r\n"
    };
    merged("jobs.csv", &|rows, name| marked(&rows.replace("hardware,same", &format!("hardware,{name}")), name));
    merged("samples.csv", &|rows, name| {
        let slower = |row: &str| {
            let (id, time) = row.rsplit_once(',').unwrap();
            format!("{id},{}", if name == "two" { 2.0 } else { 1.0 } * time.parse::<f64>().unwrap())
        };
        marked(&rows.lines().map(slower).collect::<Vec<_>>().join("\n"), name)
    });
    let (told, stderr) = exported(&shop, &run, "bencher", &[]);
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["chrome/a/same [one · same]", "chrome/a/same [two · same]"], "{stderr}");
    let [one, two] = [0, 1].map(|place| number(&told[names[place]]["latency"]["value"]));
    assert!((two / one - 2.0).abs() < 1e-9, "{told:#}");

    let text = std::fs::read_to_string(run.join("jobs.csv")).unwrap();
    std::fs::write(run.join("jobs.csv"), text.replace("hardware,two", "hardware,one")).unwrap();
    let arguments = ["export", run.to_str().unwrap(), "--format", "bencher"];
    let told = unwrapped(&shop.gpujobs(&arguments).expect(2).stderr);
    assert!(told.contains("several rows have its job_id, adapter and processor"), "{told}");
    std::fs::write(run.join("jobs.csv"), text.replace("two,chrome", "one,chrome")).unwrap();
    let told = unwrapped(&shop.gpujobs(&arguments).expect(2).stderr);
    assert!(told.contains("several rows have its run_id and job_id"), "{told}");
}

#[test]
fn github_action_benchmark_gets_what_its_custom_tools_parse() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &mixed());
    dated(&run, "2026-11-22T00:00:00Z", "0.9.1");
    let (told, stderr) = exported(&shop, &run, "github-action-benchmark", &[]);
    assert!(stderr.contains("4 of 6 rows are left out"), "{stderr}");
    // `BenchmarkResult` of src/extract.ts, and the form of a range that src/extractRangeInfo.ts reads.
    let text = json!({ "type": "string", "minLength": 1 });
    let schema = json!({ "type": "array", "minItems": 1, "items": {
        "type": "object", "required": ["name", "unit", "value"], "additionalProperties": false,
        "properties": {
            "name": text, "unit": { "enum": ["ms"] }, "value": { "type": "number" }, "extra": text,
            "range": { "type": "string", "pattern": "^(\\+-|±)\\s*\\d+(\\.\\d+)?$" },
        },
    }});
    jsonschema::validate(&schema, &told).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&Value> = told.as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["chrome/a/same", "firefox/a/same"]);
    assert!((9.5..10.5).contains(&number(&told[0]["value"])), "{told:#}");
    let arm: f64 = told[0]["range"].as_str().unwrap().trim_start_matches("± ").parse().unwrap();
    assert!(arm > 0.01 && arm < 1.0, "{told:#}");
    let extra = told[0]["extra"].as_str().unwrap();
    for fact in [
        "browser: chrome same\n",
        "adapter: hardware same\n",
        "clock: GPU, 20 samples, 95 % interval",
        "gpujobs: 0.9.1",
    ] {
        assert!(extra.contains(fact), "{fact:?} in {extra:?}");
    }
    assert!(told[1]["extra"].as_str().unwrap().contains("clock: wall, 20 samples"));
}

#[test]
fn a_run_without_a_time_that_counts_is_an_error_with_a_remedy() {
    let shop = Workshop::new();
    let bad = with(job("chrome/a/same", "chrome", Vec::new()), &[("status", "unsupported"), ("reason", "no WebGPU")]);
    let run = made(&shop.path(""), "run", &[bad]);
    let empty = made(&shop.path(""), "empty", &[]);
    for format in ["bencher", "github-action-benchmark"] {
        let told = shop.gpujobs(&["export", run.to_str().unwrap(), "--format", format]).expect(2).stderr;
        assert!(told.contains("1 of 1 rows: unsupported: no WebGPU") && told.contains("--unverified"), "{told}");
        let told = shop.gpujobs(&["export", empty.to_str().unwrap(), "--format", format]).expect(2).stderr;
        assert!(told.contains("it has no rows") && told.contains("--resume"), "{told}");
        assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 3);
    }
    // A row that was being written when the run was killed.
    let torn = std::fs::read_to_string(run.join("jobs.csv")).unwrap() + "chrome/b/same,o";
    std::fs::write(run.join("jobs.csv"), torn).unwrap();
    for format in ["bencher", "json", "parquet"] {
        let told = shop.gpujobs(&["export", run.to_str().unwrap(), "--format", format]).expect(2).stderr;
        assert!(told.contains("is cleaned by --resume"), "{told}");
    }
    let nowhere = ["export", empty.to_str().unwrap(), "--format", "json", "-o", "no-such-folder/run.json"];
    assert!(shop.gpujobs(&nowhere).expect(3).stderr.contains("--output"));
    // What holds the run as it is holds these too.
    for format in ["xlsx", "json", "parquet"] {
        shop.gpujobs(&["export", empty.to_str().unwrap(), "--format", format]).expect(0);
    }
    assert!(fields(std::fs::read(empty.join("jobs.parquet")).unwrap()).is_empty());
    let told = shop.gpujobs(&["export", empty.to_str().unwrap(), "--format", "json", "--unverified"]).expect(2).stderr;
    assert!(told.contains("--unverified has no meaning for --format json"), "{told}");
    let tuning = concat!(env!("CARGO_MANIFEST_DIR"), "/results/h100/tune-rows");
    let told = shop.gpujobs(&["export", tuning, "--format", "json", "-o", "x.json"]).expect(2).stderr;
    assert!(told.contains("tuning") && !shop.path("x.json").exists(), "{told}");
}

/// The rows of a Parquet file, each with its columns.
fn fields(bytes: Vec<u8>) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

#[test]
fn what_people_and_pages_write_survives_as_text_and_what_is_no_number_is_told() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job("chrome/a/same", "chrome", about(1.0, 2))]);
    let jobs = "run_id,job_id,status,model,started_at,batch,verified,max_abs_error,axis_unroll,axis_form,from_a_later_version\r\n\
                r,\"chrome/\"\"a\"\"\",ok,'=1+1,2026-11-25T16:12:41.739Z,1,true,inf,1,a,7\r\n\
                r,\"line\nNUL\0 é\",failed,156,,,,,2.5,1,\r\n";
    std::fs::write(run.join("jobs.csv"), jobs).unwrap();
    let (told, _) = exported(&shop, &run, "json", &[]);
    let expected = json!([
        { "run_id": "r", "job_id": "chrome/\"a\"", "status": "ok", "model": "=1+1", "started_at": "2026-11-25T16:12:41.739Z",
          "batch": 1, "verified": true, "max_abs_error": null, "axis_unroll": 1.0, "axis_form": "a", "from_a_later_version": "7" },
        { "run_id": "r", "job_id": "line\nNUL\0 é", "status": "failed", "model": "156", "started_at": null, "batch": null,
          "verified": null, "max_abs_error": null, "axis_unroll": 2.5, "axis_form": "1", "from_a_later_version": null },
    ]);
    assert_eq!(told["jobs"], expected);
    let folder = shop.path("tables");
    let arguments = ["export", run.to_str().unwrap(), "--format", "parquet", "-o", folder.to_str().unwrap()];
    let listed = shop.gpujobs(&arguments).expect(0).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let rows = fields(std::fs::read(folder.join("jobs.parquet")).unwrap());
    let field = |row: usize, name: &str| rows[row].iter().find(|(column, _)| column == name).unwrap().1.clone();
    assert_eq!((field(0, "model"), field(1, "model")), (Field::Str("=1+1".to_owned()), Field::Str("156".to_owned())));
    assert_eq!(field(1, "job_id"), Field::Str("line\nNUL\0 é".to_owned()));
    assert_eq!(
        field(0, "started_at"),
        Field::TimestampMicros("2026-11-25T16:12:41.739Z".parse::<jiff::Timestamp>().unwrap().as_microsecond())
    );
    assert_eq!((field(0, "batch"), field(1, "batch")), (Field::Long(1), Field::Null));
    assert_eq!((field(0, "max_abs_error"), field(0, "verified")), (Field::Double(f64::INFINITY), Field::Bool(true)));
    assert_eq!((field(0, "axis_unroll"), field(1, "axis_form")), (Field::Double(1.0), Field::Str("1".to_owned())));

    // Again over what is there; a file is no folder.
    shop.gpujobs(&arguments).expect(0);
    let one = ["export", run.to_str().unwrap(), "--format", "parquet", "-o", "jobs.parquet"];
    assert!(shop.gpujobs(&one).expect(2).stderr.contains("expected a folder"));
    std::fs::write(run.join("jobs.csv"), "job_id,status,wall_median_ms\r\na,ok,1\r\nb,ok,\"0,365\"\r\n").unwrap();
    for format in ["json", "parquet", "xlsx"] {
        let told = shop.gpujobs(&["export", run.to_str().unwrap(), "--format", format]).expect(2).stderr;
        let told = unwrapped(&told);
        assert!(told.contains("`0,365` in the column wall_median_ms of row 3, expected a number"), "{told}");
    }
}

#[test]
fn parquet_of_runs_of_every_version_is_read_back_cell_by_cell() {
    let mut kinds = std::collections::BTreeSet::new();
    for run in real_runs() {
        for (table, csv) in typed::tables(&run).unwrap().iter().zip(read::tables(&run).unwrap()) {
            let rows = fields(parquet_file(table).unwrap());
            assert_eq!(rows.len(), csv.rows.len(), "{}", run.display());
            for (row, texts) in rows.iter().zip(&csv.rows) {
                assert_eq!(row.iter().map(|(name, _)| name).collect::<Vec<_>>(), csv.header.iter().collect::<Vec<_>>());
                for ((name, field), text) in row.iter().zip(texts) {
                    let (kind, same) = match field {
                        Field::Null => ("null", text.is_empty()),
                        Field::Str(found) => ("text", found == text),
                        Field::Long(found) => ("whole", text.parse() == Ok(*found)),
                        Field::Double(found) => ("float", text.parse() == Ok(*found)),
                        Field::Bool(found) => ("flag", text.parse() == Ok(*found)),
                        Field::TimestampMicros(found) => {
                            ("time", text.parse::<jiff::Timestamp>().unwrap().as_microsecond() == *found)
                        }
                        field => panic!("{name} is {field:?}"),
                    };
                    assert!(same, "{name} is {text:?} and {field:?}");
                    kinds.insert(kind);
                }
            }
        }
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn the_schema_accepts_runs_of_every_version_and_refuses_others() {
    let shop = Workshop::new();
    let schema: Value = serde_json::from_str(&shop.gpujobs(&["schema", "--run"]).expect(0).stdout).unwrap();
    assert_eq!(&schema, json_schema().as_value());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut last = Value::Null;
    for run in real_runs() {
        let tables = typed::tables(&run).unwrap();
        let text = RunDocument::of(RunToml::read(&run).unwrap(), &tables).text().unwrap();
        last = serde_json::from_slice(&text).unwrap();
        validator.validate(&last).unwrap_or_else(|error| panic!("{}: {error}", run.display()));
        assert_eq!(last["samples"].as_array().unwrap().len(), tables[1].rows.len());
    }
    assert_eq!((&last["version"], &last["jobs"][0]["headless"]), (&json!(1), &json!(true)));
    assert!(
        last["run"]["manifest"].as_str().unwrap().contains("[matrix]") && last["jobs"][0]["wall_median_ms"].is_number()
    );
    for (pointer, wrong) in [
        ("/version", json!(2)),
        ("/jobs/0/wall_median_ms", json!("0.365")),
        ("/jobs/0/batch", json!(1.5)),
        ("/jobs/0/verified", json!("true")),
        ("/samples/0/wall_ms", json!({})),
        ("/run/started_at", json!(null)),
    ] {
        let mut changed = last.clone();
        *changed.pointer_mut(pointer).unwrap() = wrong;
        assert!(validator.validate(&changed).is_err(), "{pointer}");
    }
    // What bencher gets of a real run.
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/h100/minilm-1x128");
    let (told, _) = exported(&shop, &run, "bencher", &["-o", shop.path("bmf.json").to_str().unwrap()]);
    jsonschema::validate(&bencher_schema(), &told).unwrap_or_else(|error| panic!("{error}"));
    let measures = &told["chrome/minilm/webgpu/tuned/precompiled"];
    assert_eq!(
        (&measures["load"]["value"], &measures["gpu-memory"]["value"]),
        (&json!(326_080_000.0), &json!(93_019_168.0))
    );
    assert_eq!(measures["latency"]["value"], json!(438_268.0));
}
