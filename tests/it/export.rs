//! A run as a workbook: numbers are numbers, words stay words, whatever the spreadsheet's language.

use std::io::Read;

use crate::support::made_runs::{about, job, made};
use crate::support::workshop::Workshop;

/// A part of the workbook.
fn part(file: &std::path::Path, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn numbers_are_numbers_and_words_are_words() {
    let shop = Workshop::new();
    let run = made(&shop.path(""), "run", &[job("chrome/1/webgpu/64x1x1/precompiled", "chrome", about(0.365, 2))]);
    let jobs = "run_id,job_id,model,driver_version,verified,reason,samples,wall_median_ms\r\n\
                run,a,1,156,true,'=1+1,10,0.365\r\nrun,b,2,156,,\"a, b\",,\r\n";
    std::fs::write(run.join("jobs.csv"), jobs).unwrap();
    let told = shop.gpujobs(&["export", run.to_str().unwrap(), "--format", "xlsx"]).expect(0);
    let file = std::path::PathBuf::from(told.stdout.trim());
    assert_eq!(file, run.join("run.xlsx"), "{}", told.stdout);

    let strings = part(&file, "xl/sharedStrings.xml");
    let table = part(&file, "xl/worksheets/sheet1.xml");
    assert!(part(&file, "xl/workbook.xml").contains("name=\"jobs\""));
    assert!(table.contains("<v>0.365</v>") && table.contains("t=\"b\"><v>1</v>"), "{table}");
    // A formula in a text stays the text that it was, and names that look like numbers stay names.
    for text in ["=1+1", "156", "1"] {
        assert!(strings.contains(&format!("<t>{text}</t>")), "{text}: {strings}");
    }
    assert!(!table.contains("<f>"), "{table}");
    // Ten samples, each a number.
    let samples = part(&file, "xl/worksheets/sheet2.xml");
    assert_eq!(samples.matches("<row ").count(), 11, "{samples}");

    let own = shop.path("own.xlsx");
    shop.gpujobs(&["export", run.to_str().unwrap(), "--format", "xlsx", "-o", own.to_str().unwrap()]).expect(0);
    assert!(own.is_file());
    let told = shop.gpujobs(&["export", "nowhere", "--format", "xlsx"]).expect(2).stderr;
    assert!(told.contains("nowhere"), "{told}");
}
