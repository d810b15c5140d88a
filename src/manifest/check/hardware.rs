//! Checking what the manifest says of the hardware.

use std::ops::Range;

use super::Checker;
use crate::manifest::axes::DTYPES;
use crate::manifest::hardware::{Hardware, HardwareFile, Peak, PeakFile};
use crate::manifest::problem::{Problem, listed, nearest, with_near};
use crate::manifest::values::At;

impl Checker<'_> {
    pub(super) fn hardware(&mut self, file: &HardwareFile) -> Hardware {
        Hardware {
            name: file.name.clone().unwrap_or_default(),
            peak_gflops: self.peak("peak_gflops", file.peak_gflops.as_ref()),
            peak_gbytes_per_s: self.peak("peak_gbytes_per_s", file.peak_gbytes_per_s.as_ref()),
        }
    }

    fn peak(&mut self, key: &str, written: Option<&At<PeakFile>>) -> Peak {
        let mut peak = Peak::default();
        match written.map(|written| (written.get(), written.span())) {
            None => {}
            Some((PeakFile::All(value), span)) => peak.any = self.limit(key, *value, span),
            Some((PeakFile::ByDtype(values), _)) => {
                for (dtype, value) in values {
                    if !DTYPES.contains(&dtype.get().as_str()) {
                        let near = nearest(dtype.get(), DTYPES);
                        let label = format!("expected one of {}", listed(&DTYPES));
                        let problem = Problem::at(dtype.span(), format!("unknown dtype `{}`", dtype.get()), label);
                        self.note(problem.help(with_near(near, &format!("or one number for all: {key} = 51400"))));
                    }
                    let limit = self.limit(key, *value.get(), value.span());
                    peak.by_dtype.extend(limit.map(|limit| (dtype.get().clone(), limit)));
                }
            }
        }
        peak
    }

    fn limit(&mut self, key: &str, value: f64, span: Range<usize>) -> Option<f64> {
        if value.is_finite() && value > 0.0 {
            return Some(value);
        }
        let problem = Problem::at(span, format!("impossible `{key}`: {value}"), "expected a number above 0");
        self.note(problem.help("the unit is billions a second; leave the key out where it is not known"));
        None
    }
}
