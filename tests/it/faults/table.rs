//! The table of faults: what goes wrong, when, and what must be seen of it. Each is played here by a stand-in, or names the
//! test that plays it where the browser, the watchdog or the hub is the point.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use super::played::{DRIVERS, MACHINE, PAGES};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display)]
pub(super) enum Part {
    Process,
    Disk,
    Network,
    Page,
    Driver,
    Files,
    Memory,
}

/// A fault that another test plays.
struct Named {
    part: Part,
    /// What happens, and when.
    name: &'static str,
    /// What is seen of it: the row's status or where it is said, and the exit code.
    seen: &'static str,
    /// Where: `FILE::TEST`, of `tests/it` or of `src`.
    test: &'static str,
}

const fn named(part: Part, name: &'static str, seen: &'static str, test: &'static str) -> Named {
    Named { part, name, seen, test }
}

/// Beside those that are played here.
const ELSEWHERE: &[Named] = &[
    named(
        Part::Process,
        "SIGKILL of chromedriver in a job, a try left",
        "ok after 2, 0",
        "killed::a_job_whose_driver_is_killed_is_tried_again",
    ),
    named(
        Part::Process,
        "SIGKILL of geckodriver in a job, no try left",
        "failed, 1",
        "killed::a_job_whose_driver_is_killed_without_retries_fails_and_later_jobs_run",
    ),
    named(
        Part::Process,
        "SIGKILL of the page in a job",
        "ok after 2, 0",
        "killed::a_job_whose_page_is_killed_is_tried_again",
    ),
    named(
        Part::Process,
        "SIGKILL of the GPU process at the third sample",
        "ok after 2, 0",
        "killed::a_job_whose_gpu_process_is_killed_is_tried_again",
    ),
    named(
        Part::Process,
        "SIGINT of gpujobs in a job",
        "rows so far, 130",
        "killed::ctrl_c_keeps_what_was_measured_and_leaves_nothing_else",
    ),
    named(
        Part::Process,
        "SIGTERM of gpujobs in a job",
        "rows so far, 130",
        "killed::sigterm_keeps_what_was_measured_and_leaves_nothing_else",
    ),
    named(
        Part::Process,
        "SIGKILL of gpujobs in a job",
        "rows so far, nothing left",
        "killed::sigkill_keeps_what_was_measured_and_the_watchdog_leaves_nothing_else",
    ),
    named(
        Part::Process,
        "SIGKILL of the watchdog, then of gpujobs",
        "a new watchdog, nothing left",
        "killed::a_watchdog_that_is_killed_in_the_middle_is_started_anew",
    ),
    named(
        Part::Process,
        "SIGKILL of gpujobs and its watchdog at once",
        "no process; the folder goes with the next run",
        "killed::sigkill_of_gpujobs_and_its_watchdog_leaves_nothing_in_the_end",
    ),
    named(
        Part::Process,
        "the same, of a driver that heeds no signal",
        "ended by the next run",
        "killed::a_driver_that_outlives_everything_is_ended_by_the_next_run",
    ),
    named(
        Part::Process,
        "the device is lost at the third sample, a try left or none",
        "ok after 2, 0; failed, 1",
        "killed::a_job_whose_device_is_lost_in_chromium_is_tried_again",
    ),
    named(
        Part::Page,
        "a page that spins for ever",
        "timed_out, 1, the next job ok",
        "faults/mod::a_page_that_spins_for_ever_times_out_and_the_next_job_runs",
    ),
    named(
        Part::Page,
        "an output that is wrong by a constant",
        "incorrect, 1",
        "faults/mod::a_wrong_constant_is_incorrect",
    ),
    named(
        Part::Page,
        "a page that ignores the verdict",
        "incorrect without figures, 1",
        "faults/mod::a_page_that_ignores_the_verdict_has_none_of_its_figures_believed",
    ),
    named(Part::Page, "times that can't be", "failed, 1", "faults/mod::times_and_counts_that_can_not_be_are_failures"),
    named(
        Part::Page,
        "no memory left in the browser",
        "ok in a fresh one",
        "onnx_faults::a_browser_without_memory_left_is_started_again",
    ),
    named(
        Part::Driver,
        "the port of a driver is taken",
        "started again",
        "drivers::a_driver_whose_port_was_taken_is_started_again",
    ),
    named(
        Part::Driver,
        "a browser that is not installed",
        "skipped, 3",
        "faults/mod::a_missing_browser_is_one_clear_row_and_the_others_run",
    ),
    named(
        Part::Disk,
        "rows are removed, replaced or changed in the middle",
        "an error with --resume",
        "records::rows_that_someone_takes_away_are_not_lost_silently",
    ),
    named(
        Part::Disk,
        "a row is torn by a power cut",
        "taken up without it",
        "records::a_torn_run_is_taken_up_with_its_whole_rows_alone",
    ),
    named(Part::Disk, "a second gpujobs writes the same folder", "refused, 3", "records::a_run_folder_has_one_writer"),
    named(
        Part::Network,
        "300 idle connections without the token",
        "pages are served",
        "server::strangers_have_few_places_and_one_answer_each",
    ),
    named(
        Part::Network,
        "headers that trickle or never end",
        "cut off",
        "server::headers_that_trickle_or_never_end_are_cut_off",
    ),
    named(
        Part::Network,
        "tensors of a stranger",
        "403",
        "server::tensors_are_taken_with_the_key_of_their_job_from_a_page_that_is_there",
    ),
    named(
        Part::Network,
        "a hub whose bytes are wrong",
        "deleted, both checksums, 3",
        "store_faults::wrong_bytes_are_deleted_and_shown_with_both_checksums",
    ),
    named(
        Part::Network,
        "a hub that cuts the connection",
        "resumed there",
        "store::a_cut_connection_is_resumed_where_it_broke_off",
    ),
    named(
        Part::Network,
        "a listing that leads out of the model's folder",
        "refused",
        "store_faults::a_hostile_listing_is_refused_before_anything_is_written",
    ),
    named(Part::Network, "a hub that redirects in a circle", "an error", "store_faults::a_redirect_in_a_circle_ends"),
    named(
        Part::Files,
        "a pipe, a device or a folder where a file is named",
        "refused at its line",
        "endless::files_that_are_none_are_refused_where_they_are_named",
    ),
    named(
        Part::Files,
        "a template without an end",
        "an error in it, 2",
        "endless::a_template_without_an_end_is_an_error_in_it",
    ),
    named(
        Part::Files,
        "weights of ONNX behind a link that leads out",
        "refused, 3",
        "src/render/page/onnx::weights_lie_with_their_model_and_no_link_leads_elsewhere",
    ),
    named(
        Part::Files,
        "expected values that are removed in the middle",
        "failed, 1",
        "faults/played::expected_values_that_can_not_be_read_any_more_say_nothing_about_the_output",
    ),
    named(
        Part::Process,
        "SIGKILL of gpujobs with a relative TMPDIR",
        "nothing left",
        "faults/played::sigkill_with_a_relative_temporary_folder_leaves_nothing",
    ),
    named(
        Part::Memory,
        "a tensor of 4 GiB in a cold session, where the adapter takes one",
        "unsupported with both numbers",
        "faults/played::a_tensor_beyond_the_adapter_is_said_before_it_is_made_in_cold_sessions_too",
    ),
    named(
        Part::Memory,
        "a tensor of 2^43 elements",
        "unsupported with both numbers",
        "too_large::a_tensor_that_cant_be_counted_is_a_row_and_the_next_job_runs",
    ),
    named(
        Part::Memory,
        "16 GiB claimed by a file of weights, under 8 GiB",
        "an error, 2",
        "too_large::pages_are_made_of_what_fits_and_no_size_ends_the_program",
    ),
    named(
        Part::Memory,
        "five models that nothing holds, under 8 GiB",
        "rows, the others ok, 1",
        "onnx_faults::a_broken_model_spoils_nothing_for_the_jobs_after_it",
    ),
];

/// The names of the tests of this program that are not left out.
fn tests() -> HashSet<String> {
    let list = |which: &[&str]| {
        let out = Command::new(std::env::current_exe().unwrap()).arg("--list").args(which).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect::<HashSet<_>>()
    };
    &list(&[]) - &list(&["--ignored"])
}

/// Whether there is such a test in a file of `src`, whose tests are another program's.
fn is_in_source(test: &str) -> bool {
    let (file, name) = test.rsplit_once("::").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).with_extension("rs");
    let source = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{test}: {error}"));
    source.contains(&format!("    #[test]\n    fn {name}()"))
}

#[test]
fn forty_faults_and_more_are_named_and_each_is_played_by_a_test() {
    let tests = tests();
    for Named { name, seen, test, .. } in ELSEWHERE {
        let is_there = if test.starts_with("src/") {
            is_in_source(test)
        } else {
            tests.contains(&test.replace("/mod::", "::").replace('/', "::"))
        };
        assert!(is_there && !seen.is_empty(), "{name}: there is no test {test}");
    }
    let played = PAGES.iter().chain(DRIVERS).chain(MACHINE);
    let all: Vec<(Part, &str)> = played
        .map(|fault| (fault.part, fault.name))
        .chain(ELSEWHERE.iter().map(|named| (named.part, named.name)))
        .collect();
    let names: HashSet<&str> = all.iter().map(|(_, name)| *name).collect();
    assert_eq!(names.len(), all.len(), "two faults have one name");
    assert!(all.len() >= 40, "{}", all.len());
    let parts: HashSet<Part> = all.iter().map(|(part, _)| *part).collect();
    assert_eq!(parts.len(), 7, "{parts:?}");
}
