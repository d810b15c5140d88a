//! Runs as a page: what stands in it, and that hostile texts stay texts.

use crate::support::made_runs::{about, job, made, with};
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
fn what_can_not_be_read_or_written_is_an_error() {
    let shop = Workshop::new();
    let told = shop.gpujobs(&["report", "nowhere"]).expect(2).stderr;
    assert!(told.contains("nowhere is no run folder"), "{told}");
    let run = made(&shop.path(""), "run", &[job(ID, "chrome", about(1.0, 6))]);
    let told = shop.gpujobs(&["report", run.to_str().unwrap(), "--output", "missing/report.html"]).expect(3).stderr;
    assert!(told.contains("missing/report.html") && told.contains("--output FILE"), "{told}");
}
