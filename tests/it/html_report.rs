//! Runs as a page: what stands in it, and that hostile texts stay texts.

use std::path::Path;

use crate::support::made_runs::{about, job, made, runs, with};
use crate::support::workshop::Workshop;

const ID: &str = "chrome/product/webgpu/64x1x1/precompiled";
const OTHER: &str = "firefox/product/webgpu/64x1x1/precompiled";

#[test]
fn a_page_has_the_run_its_refusals_and_no_address() {
    let shop = Workshop::new();
    let bad = [("status", "unsupported"), ("verified", ""), ("gpu_median_ms", "")];
    let run =
        made(&shop.path(""), "run", &[job(ID, "chrome", about(1.0, 6)), with(job(OTHER, "firefox", Vec::new()), &bad)]);
    let told = shop.gpujobs(&["report", run.to_str().unwrap()]).expect(0);
    let file = run.join("report.html");
    assert_eq!(told.stdout.trim(), file.to_str().unwrap());
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.len() < 5 << 20, "{}", page.len());
    assert!(page.contains("2 jobs: 1 ok, 1 unsupported") && page.contains("What did not end well"));
    let escaped = ID.replace('/', "&#x2f;");
    assert!(page.contains(&format!("data-job=\"{escaped}\"")), "the grid has no cell of {ID}");
    // Only the library, which is packed, may hold addresses.
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn hostile_texts_stay_texts() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job(ID, "chrome", about(1.0, 6))]);
    let jobs = std::fs::read_to_string(run.join("jobs.csv")).unwrap();
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
    std::fs::write(run.join("jobs.csv"), jobs.replace("product", hostile)).unwrap();
    let toml = std::fs::read_to_string(run.join("run.toml")).unwrap();
    std::fs::write(run.join("run.toml"), toml.replace("os = 'o'", &format!("os = '{hostile}'"))).unwrap();
    shop.gpujobs(&["report", run.to_str().unwrap()]).expect(0);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "a text became a tag");
    assert!(page.contains("alert(1)"));
}

#[test]
fn ten_thousand_rows_are_cut_and_called_so() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[with(job(ID, "chrome", about(1.0, 1)), &[("gpu_median_ms", "1")])]);
    let jobs = std::fs::read_to_string(run.join("jobs.csv")).unwrap();
    let (header, row) = jobs.split_once("\r\n").unwrap();
    let rows = (0..10_000).map(|place| row.replace("64x1x1", &format!("64x1x{place}")));
    std::fs::write(run.join("jobs.csv"), format!("{header}\r\n{}", rows.collect::<String>())).unwrap();
    shop.gpujobs(&["report", run.to_str().unwrap()]).expect(0);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.len() <= 5 << 20, "{}", page.len());
    assert!(page.contains("10000 jobs: 10000 ok") && page.contains("This page is cut to 5 MB: of up to 10000 rows"));
    // At each of its tables too: the grid's and the panel's.
    assert_eq!(page.matches(" of 10000 rows are shown").count(), 2);
}

#[test]
fn software_other_backends_and_clocks_are_named() {
    let shop = Workshop::new();
    let third = "webkit/product/webgpu/64x1x1/precompiled";
    let soft = [("adapter_kind", "software"), ("gpu_median_ms", ""), ("backend_used", "webgpu")];
    let jobs = [
        with(job(ID, "chrome", about(1.0, 6)), &[("gpu_median_ms", "1"), ("backend_used", "webgpu")]),
        with(job(OTHER, "firefox", about(1.0, 6)), &soft),
        with(job(third, "webkit", about(1.0, 6)), &[("gpu_median_ms", "1"), ("backend_used", "wasm")]),
    ];
    let run = made(&shop.path(""), "run", &jobs);
    // A job was planned that has no row.
    let toml = std::fs::read_to_string(run.join("run.toml")).unwrap();
    std::fs::write(run.join("run.toml"), toml.replace("[host]", "planned_jobs = 4\n[host]")).unwrap();
    let table = std::fs::read_to_string(run.join("jobs.csv")).unwrap();
    let wall = table.replacen("\r\n", ",wall_median_ms\r\n", 1).replace("\r\n", ",2\r\n").replacen(",2\r\n", "\r\n", 1);
    std::fs::write(run.join("jobs.csv"), wall).unwrap();
    shop.gpujobs(&["report", run.to_str().unwrap()]).expect(0);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("unfinished: 3 of 4 jobs have ended"));
    // One of those that compete has no GPU time: both are shown by the wall's. The third does not compete.
    assert_eq!((page.matches("2.00 ms wall").count(), page.matches("1.00 ms GPU").count()), (2, 1));
    assert!(page.contains("↪ ran on wasm instead of webgpu"));
    // The sweep, the samples and the comparison.
    let marked = page.matches("1 job was not computed by hardware: software").count();
    assert_eq!(marked, page.matches("<section class=\"panel\"").count());
}

#[cfg(unix)]
#[test]
fn a_link_at_its_place_is_not_followed() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job(ID, "chrome", about(1.0, 6))]);
    let other = shop.write("other", "untouched");
    std::os::unix::fs::symlink(&other, run.join("report.html")).unwrap();
    shop.gpujobs(&["report", run.to_str().unwrap()]).expect(0);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "untouched");
    assert!(std::fs::read_to_string(run.join("report.html")).unwrap().starts_with("<!doctype html>"));
    let pipe = shop.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let told = shop.gpujobs(&["report", run.to_str().unwrap(), "-o", "pipe"]).expect(3).stderr;
    assert!(told.contains("it is a named pipe, expected a regular file"), "{told}");
}

#[test]
fn what_can_not_be_read_or_written_is_an_error() {
    let shop = Workshop::new();
    let told = shop.gpujobs(&["report", "nowhere"]).expect(2).stderr;
    assert!(told.contains("nowhere is no run folder"), "{told}");
    let run = made(&shop.path(""), "run", &[job(ID, "chrome", about(1.0, 6))]);
    let told = shop.gpujobs(&["report", run.to_str().unwrap(), "--output", "missing/report.html"]).expect(3).stderr;
    assert!(told.contains("missing/report.html") && told.contains("--output FILE"), "{told}");
}

#[test]
fn a_folder_of_runs_is_named_as_for_the_command_history() {
    let shop = Workshop::new();
    let folder = shop.path("past");
    std::fs::create_dir(&folder).unwrap();
    let paths = runs(&folder, 4, |_| vec![job(ID, "chrome", about(10.0, 6))]);
    let oldest_first: Vec<&str> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert!(!oldest_first.is_sorted(), "their names are in the order of their times: {oldest_first:?}");
    let told = shop.gpujobs(&["report", "past"]).expect(0);
    assert_eq!(told.stdout.trim(), "past/report.html");
    let heading = |path: &Path| {
        let page = std::fs::read_to_string(path).unwrap();
        page.split_once("<h1>").unwrap().1.split("</h1>").next().unwrap().to_owned()
    };
    assert_eq!(heading(&folder.join("report.html")), oldest_first.join(", "));
    // A run that is named before it stays the first, with which others are compared, and counts once.
    let newest = paths[3].to_str().unwrap();
    shop.gpujobs(&["report", newest, "past/run-*", newest, "-o", "report.html"]).expect(0);
    let told = heading(&shop.path("report.html"));
    assert_eq!(told, format!("{}, {}", oldest_first[3], oldest_first[..3].join(", ")));
    // A run is called by its folder's name, however that is reached.
    std::fs::create_dir(paths[3].join("inside")).unwrap();
    shop.gpujobs(&["report", paths[3].join("inside/..").to_str().unwrap(), "-o", "report.html"]).expect(0);
    assert_eq!(heading(&shop.path("report.html")), oldest_first[3]);
    shop.write("empty/file", "");
    let told = shop.gpujobs(&["report", "empty"]).expect(2).stderr;
    assert!(told.contains("names no run"), "{told}");
}
