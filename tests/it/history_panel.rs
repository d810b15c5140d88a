//! The history in the page of `gpujobs report`: the change that was planted, what was new, what is refused, what is cut.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::made_runs::{about, dated, four_jobs, job, runs, with};
use crate::support::workshop::Workshop;

const ID: &str = "chrome/a/same";
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";

/// A folder of the workshop.
fn folder(shop: &Workshop) -> PathBuf {
    let folder = shop.path("past");
    std::fs::create_dir(&folder).unwrap();
    folder
}

fn page(shop: &Workshop, folders: &[&Path]) -> String {
    let folders: Vec<&str> = folders.iter().map(|folder| folder.to_str().unwrap()).collect();
    shop.gpujobs(&[&["report"], &folders[..], &["-o", "report.html"]].concat()).expect(0);
    std::fs::read_to_string(shop.path("report.html")).unwrap()
}

/// The history's section of a page; `None` where there is none.
fn section(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<h2>History</h2>")?;
    rest.split("</section>").next()
}

/// The rows that its charts are drawn of, each by the names of its columns.
fn rows(page: &str) -> Vec<Value> {
    let section = section(page).expect("a history");
    let (start, data) = section.split_once("class=\"data\"").unwrap().1.split_once('>').unwrap();
    let data = data.split("</script>").next().unwrap();
    let text = if start.contains("data-packed") {
        let packed = STANDARD.decode(data).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        text
    } else {
        data.to_owned()
    };
    let panel: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(panel["charts"], serde_json::json!(["over_runs"]));
    let columns: Vec<&str> =
        panel["columns"].as_array().unwrap().iter().map(|column| column.as_str().unwrap()).collect();
    let named = |row: &Value| {
        let cells = columns.iter().zip(row.as_array().unwrap());
        Value::Object(cells.map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect())
    };
    panel["rows"].as_array().unwrap().iter().map(named).collect()
}

fn with_change(rows: &[Value]) -> Vec<&Value> {
    rows.iter().filter(|row| !row["change"].is_null()).collect()
}

#[test]
fn a_planted_change_stands_at_its_run_with_what_was_new() {
    let shop = Workshop::new();
    let paths = runs(&folder(&shop), 10, |run| four_jobs(run, true));
    // They are named in another order than they began.
    let reversed: Vec<&Path> = paths.iter().rev().map(PathBuf::as_path).collect();
    let page = page(&shop, &reversed);
    let rows = rows(&page);
    assert_eq!(rows.len(), 40);
    let changes = with_change(&rows);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let change = changes[0];
    let seventh = paths[6].file_name().unwrap().to_str().unwrap();
    let said = ["job_id", "run", "change", "verdict"].map(|column| change[column].as_str().unwrap());
    assert_eq!((said, &change["run_number"]), (["firefox/a/same", seventh, "slower", "slower"], &7.into()));
    let [ratio, low, high] = ["ratio", "ratio_low", "ratio_high"].map(|column| change[column].as_f64().unwrap());
    assert!(low > 1.03 && low < 1.05 && high > 1.05 && high < 1.07 && ratio > low && ratio < high, "{change:#}");
    let news = ["new_browser", "new_gpujobs", "change_with"].map(|column| change[column].as_str().unwrap());
    let [browser, gpujobs] = ["browser_version 145.0 -> 146.0", "gpujobs_version 0.1.0 -> 0.2.0"];
    assert_eq!(news, [browser, gpujobs, &format!("{browser}, {gpujobs}")]);
    // The job that changed stands first, in the order of its runs, each with an interval.
    let numbers: Vec<f64> = rows[..10].iter().map(|row| row["run_number"].as_f64().unwrap()).collect();
    assert_eq!(numbers, (1..=10).map(f64::from).collect::<Vec<_>>());
    assert!(rows[..10].iter().all(|row| row["job_id"] == "firefox/a/same"));
    for row in &rows {
        let [low, median, high] = ["low_ms", "median_ms", "high_ms"].map(|column| row[column].as_f64().unwrap());
        assert!(low < median && median < high && row["clock"] == "gpu", "{row:#}");
    }
    // The other job of that browser has the news and no change.
    let other = rows.iter().find(|row| row["job_id"] == "firefox/b/same" && row["run"] == seventh).unwrap();
    assert_eq!((&other["new_browser"], &other["verdict"]), (&browser.into(), &"no-change".into()));
    // Without scripts the table says it too.
    let table = section(&page).unwrap().split_once("<tbody>").unwrap().1;
    assert!(table.contains("<td>slower") && table.contains("browser_version 145.0 -&gt; 146.0"), "{table}");
}

#[test]
fn where_none_was_planted_there_is_none() {
    let shop = Workshop::new();
    let folder = folder(&shop);
    runs(&folder, 10, |run| four_jobs(run, false));
    let rows = rows(&page(&shop, &[&folder]));
    assert_eq!((rows.len(), with_change(&rows).len()), (40, 0));
    assert!(rows.iter().all(|row| row["verdict"] == "no-change"));
}

#[test]
fn few_runs_have_no_change_and_two_no_history() {
    let shop = Workshop::new();
    let paths = runs(&folder(&shop), 5, |run| {
        let mut jobs = vec![job(ID, "chrome", about(if run < 3 { 10.0 } else { 20.0 }, 6))];
        if run == 4 {
            jobs.push(job("chrome/only/here", "chrome", about(1.0, 6)));
        }
        jobs
    });
    let few: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let told = page(&shop, &few);
    assert!(section(&told).unwrap().contains("so no change can be found yet"));
    let rows = rows(&told);
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row["job_id"] == ID && row["verdict"] == "too-few" && row["change"].is_null()));
    assert!(section(&page(&shop, &few[..2])).is_none());
    // The same run counts once, however it is named.
    let again = paths[0].join("..").join(paths[0].file_name().unwrap());
    assert!(section(&page(&shop, &[few[0], few[1], &again, few[1]])).is_none());
}

#[test]
fn what_must_not_count_is_named_and_machines_stand_apart() {
    let shop = Workshop::new();
    let folder = folder(&shop);
    runs(&folder, 6, |run| {
        let good = job(ID, "chrome", about(10.0, 6));
        vec![match run {
            // A time that is there all the same must not count.
            2 => with(good, &[("status", "incorrect"), ("verified", "false"), ("reason", "wrong sum")]),
            4 | 5 => with(good, &[("adapter_kind", "software"), ("adapter_vendor", "mesa")]),
            _ => good,
        }]
    });
    let page = page(&shop, &[&folder]);
    let rows = rows(&page);
    let refused: Vec<&Value> = rows.iter().filter(|row| row["median_ms"].is_null()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0]["status"], &refused[0]["reason"]), (&"incorrect".into(), &"wrong sum".into()));
    let kinds: Vec<&str> = rows.iter().map(|row| row["adapter_kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hardware", "hardware", "hardware", "hardware", "software", "software"]);
    let marked = section(&page).unwrap();
    assert!(marked.contains("1 job was not computed by hardware: software: mesa"), "{marked}");
}

#[test]
fn a_run_that_fell_to_another_machine_once_is_not_left_out() {
    let shop = Workshop::new();
    let folder = folder(&shop);
    runs(&folder, 6, |run| {
        let software: &[_] = if run == 3 { &[("adapter_kind", "software"), ("adapter_vendor", "mesa")] } else { &[] };
        vec![with(job(ID, "chrome", about(10.0, 6)), software)]
    });
    let rows = rows(&page(&shop, &[&folder]));
    let found: Vec<_> = rows.iter().map(|row| (row["run_number"].as_f64().unwrap(), &row["adapter_kind"])).collect();
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(found[5], (4.0, &"software".into()), "{found:?}");
}

#[test]
fn hostile_versions_stay_texts() {
    let shop = Workshop::new();
    let paths = runs(&folder(&shop), 4, |run| {
        // What computed it must be the same, or it is another history.
        let cells = [("adapter_vendor", HOSTILE), ("browser_version", HOSTILE)];
        vec![with(job(ID, "chrome", about(10.0, 6)), if run < 2 { &cells[..1] } else { &cells })]
    });
    dated(&paths[3], "2026-11-04T00:00:00Z", HOSTILE);
    let folders: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let page = page(&shop, &folders);
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "a text became a tag");
    let rows = rows(&page);
    assert_eq!(rows[2]["new_browser"], format!("browser_version same -> {HOSTILE}"));
    assert_eq!(rows[3]["new_gpujobs"], format!("gpujobs_version 0.1.0 -> {HOSTILE}"));
    assert!(section(&page).unwrap().contains("browser_version same -&gt; &lt;&#x2f;script&gt;"));
}

#[test]
fn many_rows_are_cut_and_called_so() {
    let shop = Workshop::new();
    let folder = folder(&shop);
    for path in runs(&folder, 3, |_| vec![job(ID, "chrome", about(1.0, 1))]) {
        let jobs = std::fs::read_to_string(path.join("jobs.csv")).unwrap();
        let (header, row) = jobs.split_once("\r\n").unwrap();
        let rows: String = (0..4000).map(|place| row.replacen("/a/", &format!("/a{place}/"), 1)).collect();
        std::fs::write(path.join("jobs.csv"), format!("{header}\r\n{rows}")).unwrap();
    }
    let page = page(&shop, &[&folder]);
    assert!(page.len() <= 5 << 20, "{}", page.len());
    assert!(page.contains("This page is cut to 5 MB: of up to 12000 rows a table shows"));
    let section = section(&page).unwrap();
    assert!(section.contains("of 12000 rows are shown"), "{}", &section[..1000]);
}
