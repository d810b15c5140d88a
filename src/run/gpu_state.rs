//! The state of the GPU while jobs are measured: its clock, power and temperature, by NVIDIA's management library where it
//! is installed.
//!
//! A thread reads it now and then while a group runs; each job has the readings of its own turns. What reads as nothing is
//! left empty: a wrong clock is worse than none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};

use super::event::GpuState;
use crate::manifest::Manifest;
use crate::measure::Measurement;
use crate::measure::stats::median;
use crate::protocol::adapter::{AdapterFacts, AdapterKind};

/// Between two readings, each of which takes well under a millisecond.
const EVERY: Duration = Duration::from_millis(20);
/// `NVML_FI_DEV_POWER_INSTANT`: power at this moment, where `power_usage` is an average over a second.
const POWER_INSTANT: FieldId = FieldId(186);

/// Opened for the first job on hardware, and kept.
static LIBRARY: LazyLock<Option<Nvml>> = LazyLock::new(|| {
    let versioned = || Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init();
    Nvml::init().or_else(|_| versioned()).ok()
});

/// What was read at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    clock_mhz: Option<f64>,
    power_w: Option<f64>,
    temperature_c: Option<f64>,
    /// Whether anything ran on it lately.
    busy: bool,
}

/// Reads the GPU of this machine until it is dropped.
pub(super) struct GpuWatch {
    device: Device<'static>,
    readings: Arc<Mutex<Vec<(Instant, Reading)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl GpuWatch {
    /// Begins, if the jobs run on the only GPU of this machine that the library knows.
    pub(super) fn begin<'job>(manifest: &Manifest, jobs: impl IntoIterator<Item = &'job Measurement>) -> Option<Self> {
        let remote = manifest.browsers.values().any(|browser| browser.webdriver.is_some());
        let on_hardware = |adapter: &AdapterFacts| adapter.kind == AdapterKind::Hardware && may_be_nvidia(adapter);
        let mut adapters = jobs.into_iter().filter_map(|job| job.adapter.as_ref());
        if remote || !adapters.any(on_hardware) {
            return None;
        }
        let library = LIBRARY.as_ref()?;
        if library.device_count().ok()? != 1 {
            return None;
        }
        let device = library.device_by_index(0).ok()?;
        let (readings, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (readings, stop) = (readings.clone(), stop.clone());
            std::thread::spawn(move || {
                let Ok(device) = library.device_by_index(0) else { return };
                while !stop.load(Ordering::Relaxed) {
                    let reading = (Instant::now(), read(&device));
                    readings.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
                    std::thread::park_timeout(EVERY);
                }
            })
        };
        Some(Self { device, readings, stop, thread: Some(thread) })
    }

    /// What was read since a moment, or now where that is nothing; earlier readings are let go of.
    pub(super) fn since(&self, began: Instant) -> Vec<Reading> {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<Reading> =
            readings.drain(..).filter(|(at, _)| *at >= began).map(|(_, reading)| reading).collect();
        if taken.is_empty() {
            taken.push(read(&self.device));
        }
        taken
    }
}

impl Drop for GpuWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// The medians of what was read in a job's turns. Where the browser hides whose the adapter is, a GPU that did little
/// meanwhile was not the job's.
pub(super) fn state(adapter: Option<&AdapterFacts>, readings: &[Reading]) -> Option<GpuState> {
    let adapter = adapter.filter(|adapter| adapter.kind == AdapterKind::Hardware && may_be_nvidia(adapter))?;
    let busy = readings.iter().filter(|reading| reading.busy).count();
    if readings.is_empty() || (adapter.vendor.is_empty() && 2 * busy < readings.len()) {
        return None;
    }
    let middle = |of: fn(&Reading) -> Option<f64>| median(&readings.iter().filter_map(of).collect::<Vec<_>>());
    Some(GpuState {
        clock_mhz: middle(|reading| reading.clock_mhz),
        power_w: middle(|reading| reading.power_w),
        temperature_c: middle(|reading| reading.temperature_c),
    })
}

/// Whether an adapter is NVIDIA's, or its vendor is hidden.
fn may_be_nvidia(adapter: &AdapterFacts) -> bool {
    adapter.vendor.is_empty() || adapter.vendor.eq_ignore_ascii_case("nvidia")
}

fn read(device: &Device<'_>) -> Reading {
    Reading {
        clock_mhz: device.clock_info(Clock::SM).ok().map(f64::from),
        power_w: power(device),
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        busy: device.utilization_rates().is_ok_and(|rates| rates.gpu > 0),
    }
}

/// In watts: at this moment, or on cards that don't say that, averaged over the last second.
fn power(device: &Device<'_>) -> Option<f64> {
    let instant = || match device.field_values_for(&[POWER_INSTANT]).ok()?.pop()?.ok()?.value.ok()? {
        SampleValue::U32(milliwatts) => Some(f64::from(milliwatts)),
        _ => None,
    };
    let milliwatts = instant().or_else(|| device.power_usage().ok().map(f64::from))?;
    Some(milliwatts / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(vendor: &str, kind: AdapterKind) -> AdapterFacts {
        let [vendor, empty] = [vendor, ""].map(str::to_owned);
        AdapterFacts {
            vendor,
            architecture: empty.clone(),
            device: empty.clone(),
            description: empty.clone(),
            backend: empty,
            driver: String::new(),
            kind,
        }
    }

    #[test]
    fn a_job_has_the_medians_of_its_own_gpu() {
        let reading = |clock: f64, busy| Reading { clock_mhz: Some(clock), busy, ..Reading::default() };
        let readings = [reading(345.0, false), reading(1980.0, true), reading(1965.0, true)];
        let clock = |vendor, kind, readings: &[Reading]| state(Some(&adapter(vendor, kind)), readings)?.clock_mhz;
        assert_eq!(clock("nvidia", AdapterKind::Hardware, &readings), Some(1965.0));
        assert_eq!(clock("", AdapterKind::Hardware, &readings), Some(1965.0));
        assert_eq!(clock("", AdapterKind::Hardware, &readings[..1]), None);
        assert_eq!(clock("intel", AdapterKind::Hardware, &readings), None);
        assert_eq!(clock("nvidia", AdapterKind::Software, &readings), None);
        assert_eq!(clock("nvidia", AdapterKind::Hardware, &[]), None);
    }
}
