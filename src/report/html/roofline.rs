//! The roofline: what jobs computed and moved in a second, against what the hardware can do at most (S. Williams,
//! A. Waterman & D. Patterson, "Roofline", 2009).

use crate::record::read::JobRecord;

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, software, words};
use super::source::{RunSource, deciding, id, number, text};

/// `None` where no job computes and moves something that is counted.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let rows: Vec<Vec<PanelCell>> = source.run.jobs.iter().filter_map(cells).collect();
    let columns = vec![
        words("job_id"),
        words("browser"),
        explained(numbers("flop_per_byte"), "Floating-point operations for each byte to or from memory."),
        numbers("gflops"),
        explained(numbers("gflops_low"), "From the 95 % interval of the time, its lower end."),
        explained(numbers("gflops_high"), "Its upper end."),
        numbers("gbytes_per_s"),
        numbers("of_peak_gflops_percent"),
        numbers("of_peak_gbytes_percent"),
    ];
    (!rows.is_empty()).then(|| Panel {
        run: source.name.clone(),
        title: "Roofline".to_owned(),
        note: "Each dot is a job, its bar the 95 % interval. Lines are what the manifest's [hardware] can do at most: on the \
               slope memory is the limit, under the flat roof arithmetic is. Without [hardware] there are no lines."
            .to_owned(),
        charts: vec!["roofline"],
        software: software(&source.run.jobs),
        table: PanelTable::new(columns, rows),
        ..Panel::default()
    })
}

fn cells(job: &JobRecord) -> Option<Vec<PanelCell>> {
    let positive = |column: &str| number(job, column).filter(|number| *number > 0.0);
    let (gflops, gbytes) = (positive("gflops")?, positive("gbytes_per_s")?);
    let (time, _) = deciding(job).filter(|_| text(job, "status") == "ok")?;
    let at = |ms: f64| gflops * time.median / ms;
    Some(vec![
        id(job).into(),
        text(job, "browser").into(),
        (gflops / gbytes).into(),
        gflops.into(),
        time.interval.map(|(_, high)| at(high)).into(),
        time.interval.map(|(low, _)| at(low)).into(),
        gbytes.into(),
        positive("of_peak_gflops_percent").into(),
        positive("of_peak_gbytes_percent").into(),
    ])
}
