//! Tuning: a search by way of a fake browser, and `gpujobs tune` in real ones.
//!
//! The last need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use gpujobs::harness::fake::{Act, Script};
use gpujobs::manifest::tune::Tune;
use gpujobs::manifest::{AxisValue, Manifest};
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::kernels::Configuration;
use gpujobs::render::page::{Page, PageRequest};
use gpujobs::render::space::check;
use gpujobs::report::format::TableFormat;
use gpujobs::run::{Browsers, Dispatcher, Nodes, RunEvent, Status};
use gpujobs::tune::drive::{Batch, Evaluation, TaskResult, TuneRequest, drive};
use gpujobs::tune::files::winner;
use gpujobs::tune::replay::{ReplaySummary, replays};
use gpujobs::tune::search::{BATCH, Candidate, Phase, Search};
use gpujobs::tune::tasks::{TuneTask, tasks};
use tokio::sync::watch;

use crate::support::dispatched::plan;
use crate::support::workshop::{Row, Workshop, rows};
use crate::support::{browser_turn, traces};

/// A small product in Chrome, measured briefly.
pub(crate) fn product(tune: &str) -> Plan {
    plan(&format!(
        "[matrix]\nbrowser = 'chrome'\nmodel = 'square'\nworkgroup_size = [[64, 1, 1], [8, 8, 1]]\n\
         [model.square]\nfile = 'models/matmul.toml'\nparams = {{ m = 64, n = 64, k = 64 }}\n\
         [measure]\nsamples = 8\nrounds = 4\nwarmup = 0\nretries = 1\n[tune]\n{tune}\n"
    ))
}

pub(crate) fn task(plan: &Plan) -> TuneTask {
    let templates = Templates::new(None, None).unwrap();
    check(&templates, &plan.manifest.tune).unwrap();
    let mut tasks = tasks(plan, &templates).unwrap();
    assert_eq!(tasks.len(), 1, "jobs that differ in the workgroup alone are one task");
    tasks.remove(0)
}

/// Drives a task in a fake browser; `act` says what each job meets.
async fn driven(plan: &Plan, exhaustive: bool, act: impl Fn(&str) -> Act) -> (TuneTask, TaskResult, Vec<String>) {
    let templates = Templates::new(None, None).unwrap();
    let task = task(plan);
    let script = Script::new();
    let (_sender, stop) = watch::channel(false);
    let mut browsers = Browsers::default();
    let Manifest { tune, measure, .. } = &plan.manifest;
    let request = TuneRequest { task: &task, tune, measure, settled: &[], exhaustive };
    let finding = drive(request, async |meeting: Batch| {
        let mut manifest = plan.manifest.clone();
        manifest.measure = meeting.measure.clone();
        let jobs = meeting.jobs.clone();
        // A script knows jobs by a part of their ids, so the longest go first.
        let mut ids: Vec<&str> = jobs.iter().map(|job| job.id.0.as_str()).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
        let script = ids.into_iter().fold(script.clone(), |script, id| script.job(id, [act(id)]));
        let batch = Plan { manifest, jobs };
        let dispatcher = Dispatcher {
            plan: &batch,
            executor: |settings| script.executor(&settings.name),
            render: |request: &PageRequest<'_>| {
                let overrides = &meeting.overrides[&request.job.id];
                Page::render(&templates, &PageRequest { overrides, ..*request })
            },
            stop: stop.clone(),
            give_up: meeting.give_up,
            nodes: &Nodes::new(),
        };
        let mut reports = Vec::new();
        let mut tell = |event: RunEvent<'_>| {
            if let RunEvent::JobFinished(report) = event {
                reports.push(*report);
            }
            Ok(())
        };
        let outcome = Box::pin(dispatcher.run_in(&mut browsers, |_| true, &mut tell)).await?;
        Ok::<_, std::io::Error>((meeting.tried(&reports), outcome))
    })
    .await
    .unwrap();
    browsers.close().await;
    (task, finding, script.calls())
}

/// A product in its tiled form, of two by two values and two workgroups.
pub(crate) const SMALL: &str =
    "parameters = { form = 'tiled', tm = [4, 8], tn = [4, 8] }\nworkgroups = [[8, 8, 1], [16, 8, 1]]";

#[tokio::test]
async fn the_fastest_that_is_right_wins_and_the_browser_is_opened_once() {
    let act = |id: &str| match id {
        _ if id.contains("tm=4") && id.contains("tn=4") => Act::Incorrect("wrong".to_owned()),
        _ if id.contains("16x8x1") && id.contains("tn=4") => Act::Runs(vec![0.5]),
        _ if id.contains("16x8x1") => Act::Runs(vec![0.75]),
        _ => Act::Runs(vec![1.0]),
    };
    let (task, finding, calls) = driven(&product(SMALL), false, act).await;
    let won = finding.winner.clone().unwrap();
    assert!(task.described(won.point).contains("16x8x1") && task.described(won.point).contains("tn=4"));
    assert_eq!((won.status, won.verified, won.phase), (Status::Ok, Some(true), Phase::Final));
    assert_eq!(finding.evaluations, 9);
    assert_eq!(finding.wrong(), 2);
    assert_eq!(calls.iter().filter(|call| call.starts_with("open")).count(), 1, "{calls:?}");
    // What is far behind the best is left after its pilot; the finals measure the others in full.
    let given_up: Vec<_> = finding.tried.iter().filter(|one| one.reason.contains("given up")).collect();
    let is_slow = |one: &Evaluation| one.samples == 0 && one.time.is_some_and(|time| time.median > 0.9);
    assert!(!given_up.is_empty() && given_up.iter().all(|one| is_slow(one)), "{given_up:?}");
    assert!(given_up.iter().all(|one| one.phase != Phase::Final && one.point != won.point));
    assert_eq!(won.samples, 8);
    let finals: Vec<_> = finding.tried.iter().filter(|one| one.phase == Phase::Final).collect();
    assert!((2..=5).contains(&finals.len()) && finals.iter().any(|one| one.point == 0), "{finals:?}");
    let written = winner(&task, &finding).unwrap();
    assert_eq!((written.workgroup_size, written.size, written.default_ms), ([16, 8, 1], vec![64, 64, 64], Some(1.0)));
}

#[tokio::test]
async fn the_default_stays_where_nothing_is_surely_faster() {
    let scattered = Act::Runs(vec![0.9, 1.3, 0.8, 1.2, 0.95, 1.1, 0.7, 1.25]);
    let (_, finding, _) = driven(&product(SMALL), true, |_| scattered.clone()).await;
    assert_eq!(finding.winner.unwrap().point, 0);
    assert_eq!(finding.evaluations, 9);
    assert!(finding.replays.iter().all(|replay| replay.evaluations == 9 && replay.slower() < 1e-9));
}

#[tokio::test]
async fn a_default_that_can_not_run_is_beaten_by_what_can_and_nothing_wins_where_nothing_can() {
    let plain = |id: &str| !id.contains("form=tiled");
    let act = |id: &str| if plain(id) { Act::Unsupported("no".to_owned()) } else { Act::Runs(vec![1.0]) };
    let (_, finding, _) = driven(&product(SMALL), false, act).await;
    assert!(finding.winner.is_some_and(|winner| winner.point != 0));
    let (_, finding, _) = driven(&product(SMALL), false, |_| Act::Failed("broken".to_owned())).await;
    assert!(finding.winner.is_none());
    assert_eq!(finding.wrong(), 9);
}

#[tokio::test]
async fn where_the_template_refuses_the_default_there_is_none_to_beat() {
    // The direct form sums in f32.
    let mut plan = product(SMALL);
    plan.jobs.iter_mut().for_each(|job| {
        job.axes.dtype = "fp16".to_owned();
        job.axes.custom.insert("accumulate".to_owned(), AxisValue::Int(16));
    });
    let act = |id: &str| Act::Runs(vec![if id.contains("16x8x1") && id.contains("tn=4") { 0.5 } else { 1.0 }]);
    let (task, finding, _) = driven(&plan, false, act).await;
    assert_eq!((task.space.has_default, task.space.points.len()), (false, 8));
    assert!((0..8).all(|point| !task.is_default(point) && task.described(point).contains("form=tiled")));
    assert_eq!(finding.default, None);
    let won = finding.winner.clone().unwrap();
    assert!(task.described(won.point).contains("16x8x1"), "{}", task.described(won.point));
    assert_eq!(winner(&task, &finding).unwrap().default_ms, None);
    let text = gpujobs::report::tuning::text(&[(task, finding)], TableFormat::Json);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((told[0]["is_default"].as_bool(), told[0]["default_ms"].is_null()), (Some(false), true));
}

#[tokio::test]
async fn no_more_is_tried_than_is_allowed() {
    let plan = product("evaluations = 15");
    let (task, finding, _) = driven(&plan, false, |_| Act::Runs(vec![1.0])).await;
    assert_eq!(finding.evaluations, 15);
    assert!(task.space.points.len() > 100, "{}", task.space.points.len());
    let plan = product("budget = '1ms'");
    let (_, finding, _) = driven(&plan, false, |_| Act::Slow(std::time::Duration::from_millis(2), vec![1.0])).await;
    let begun = finding.tried.iter().filter(|one| one.phase == Phase::Sample).count();
    assert_eq!(finding.evaluations, begun, "the batch that was begun");
    assert!((1..=BATCH).contains(&begun), "{begun}");
}

#[test]
fn winners_are_found_in_both_browsers_and_used_by_a_run() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/models/matmul.toml");
    let manifest = format!(
        "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'mine'\n\
         [model.mine]\nfile = '{model}'\nparams = {{ m = 33, n = 40, k = 17 }}\n\
         [measure]\nsamples = 6\nrounds = 2\nwarmup = 0\nfallback = []\n"
    );
    // Without the direct form, whichever wins, the default can be told from it.
    shop.write("t.toml", &format!("{manifest}[tune]\nevaluations = 6\n{SMALL}\n"));
    let ended = shop.gpujobs(&["tune", "t.toml", "--out", "out", "--format", "json"]).expect(0);
    traces::assert_none(&shop);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 2);
    let folder = shop.run_folder();
    let tried = rows(&folder.join("tried.csv"));
    assert!(tried.iter().all(|row| row["status"] == "ok" && row["verified"] == "true"), "{tried:#?}");
    for (browser, finding) in ["chrome", "firefox"].into_iter().zip(told.as_array().unwrap()) {
        assert_eq!((finding["browser"].as_str(), finding["space"].as_u64()), (Some(browser), Some(9)));
        let of = |phase: &str| tried.iter().filter(|row| row["browser"] == browser && row["phase"] == phase).count();
        assert_eq!((of("sample") + of("search"), (1..=5).contains(&of("final"))), (6, true));
    }
    let run_toml = std::fs::read_to_string(folder.join("run.toml")).unwrap();
    assert!(run_toml.contains("[browser.firefox]"), "{run_toml}");

    // Their times are a matter of chance on a software adapter, so a winner is put in their place that is none by chance.
    let tuned = std::fs::read_to_string(folder.join("tuned.toml")).unwrap();
    let mut file: toml::Table = toml::from_str(&tuned).unwrap();
    for winner in file["winner"].as_array_mut().unwrap() {
        let winner = winner.as_table_mut().unwrap();
        winner.insert("workgroup_size".to_owned(), vec![8_i64, 8, 1].into());
        let parameters = winner["parameters"].as_table_mut().unwrap();
        parameters.insert("form".to_owned(), "tiled".into());
        parameters.insert("tm".to_owned(), 4.into());
    }
    shop.write("tuned.toml", &toml::to_string(&file).unwrap());
    let run = manifest.replace("model = 'mine'", "model = 'mine'\nworkgroup_size = ['tuned', [64, 1, 1]]");
    for (name, file) in [("found", folder.join("tuned.toml")), ("made", shop.path("tuned.toml"))] {
        let text = format!("name = '{name}'\n{run}[compiler]\ntuned = '{}'\n", file.display());
        shop.write("r.toml", &text);
        shop.gpujobs(&["run", "r.toml", "--out", name, "--quiet"]).expect(0);
        let folder = std::fs::read_dir(shop.path(name)).unwrap().next().unwrap().unwrap().path();
        let jobs = rows(&folder.join("jobs.csv"));
        assert_eq!(jobs.len(), 4);
        let winners = toml::from_str::<toml::Table>(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for (browser, winner) in ["chrome", "firefox"].into_iter().zip(winners["winner"].as_array().unwrap()) {
            let tuned = jobs.iter().find(|job| job["browser"] == browser && job["job_id"].contains("/tuned/")).unwrap();
            assert_eq!((tuned["status"].as_str(), tuned["verified"].as_str()), ("ok", "true"));
            let shape: Vec<String> =
                winner["workgroup_size"].as_array().unwrap().iter().map(ToString::to_string).collect();
            let begin = format!("product {} form={} ", shape.join("x"), winner["parameters"]["form"].as_str().unwrap());
            assert!(tuned["tuning"].starts_with(&begin), "{} is not {begin}", tuned["tuning"]);
            if name == "made" {
                assert!(begin.contains("8x8x1 form=tiled") && tuned["tuning"].contains(" tm=4 "), "{tuned:?}");
            }
        }
    }
    traces::assert_none(&shop);
}

#[test]
fn a_space_that_was_tried_in_full_tells_what_searches_would_have_found() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/models/matmul.toml");
    let manifest = format!(
        "[matrix]\nbrowser = 'chrome'\nmodel = 'mine'\n\
         [model.mine]\nfile = '{model}'\nparams = {{ m = 33, n = 40, k = 17 }}\n\
         [measure]\nsamples = 6\nrounds = 2\nwarmup = 0\n[tune]\nevaluations = 2\n{SMALL}\n"
    );
    shop.write("t.toml", &manifest);
    let ended = shop.gpujobs(&["tune", "t.toml", "--out", "out", "--exhaustive"]).expect(0);
    assert!(ended.stdout.contains("9 of 9") && ended.stdout.contains("2 of 9 (22.2 %)"), "{}", ended.stdout);
    let folder = shop.run_folder();
    let tried = rows(&folder.join("tried.csv"));
    let times: Vec<f64> =
        tried.iter().filter(|row| row["phase"] == "sample").map(|row| row["median_ms"].parse().unwrap()).collect();
    assert_eq!(times.len(), 9);
    let best = times.iter().copied().min_by(f64::total_cmp).unwrap();
    let replays = rows(&folder.join("replays.csv"));
    assert_eq!(replays.len(), 20);
    for replay in replays {
        assert_eq!((replay["space"].as_str(), replay["evaluations"].as_str()), ("9", "2"));
        let [found, fastest, slower] =
            ["found_ms", "best_ms", "slower_percent"].map(|name| replay[name].parse::<f64>().unwrap());
        assert!((fastest - best).abs() < 1e-5 * best, "{replay:?} {best}");
        assert!((100.0 * (found / best - 1.0) - slower).abs() < 0.02, "{replay:?}");
    }
    traces::assert_none(&shop);
}

/// A space that was tried in full on a GPU: its places, and all its times, as a search knows them.
fn recorded(manifest: &str, folder: &str, browser: &str) -> (Vec<Candidate>, Search) {
    let templates = Templates::new(None, None).unwrap();
    let plan = Plan::of(Manifest::load(manifest.as_ref(), &[]).unwrap());
    let task = tasks(&plan, &templates).unwrap().into_iter().find(|task| task.base.axes.browser == browser).unwrap();
    let file = format!("results/{folder}/tried.csv");
    let tried = rows(file.as_ref());
    let tried: Vec<_> = tried.iter().filter(|row| row["browser"] == browser && row["phase"] != "final").collect();
    let time = |point: usize| {
        let Configuration { workgroup: [x, y, z], values } = &task.space.points[point];
        let shape = format!("{x}x{y}x{z}");
        let same = |name: &String, value: &AxisValue, row: &Row| row[&format!("param_{name}")] == value.to_string();
        let is_it =
            |row: &&&Row| row["workgroup"] == shape && values.iter().all(|(name, value)| same(name, value, row));
        let row = tried.iter().find(is_it).unwrap_or_else(|| panic!("{file} lacks {}", task.described(point)));
        row["median_ms"].parse::<f64>().ok()
    };
    let places = task.places();
    let mut all = Search::exhaustive(places.clone());
    while let Some((_, batch)) = all.batch() {
        all.tell(&batch.iter().map(|point| (*point, time(*point))).collect::<Vec<_>>());
    }
    assert_eq!(tried.len(), places.len(), "{file} has the whole space of {browser} and nothing else");
    (places, all)
}

#[test]
fn searches_of_spaces_that_were_tried_in_full_on_a_gpu_come_near_the_best() {
    let limit = |places: &[Candidate]| Tune::default().limit(places.len());
    for folder in ["h200/tune-conv1d-exhaustive", "h100/tune-conv1d-exhaustive"] {
        let (manifest, browser) = ("manifests/h200/tune-conv1d.toml", "chrome");
        let (places, all) = recorded(manifest, folder, browser);
        // Five times what `gpujobs tune --exhaustive` replays.
        let replayed: Vec<_> = (0..5).flat_map(|times| replays(&places, &all, limit(&places), 20 * times)).collect();
        let shortly = ReplaySummary::of(&replayed).unwrap();
        println!("{folder}, {browser}: {shortly:?}");
        assert!(shortly.evaluations * 100 <= 15 * places.len(), "{shortly:?}");
        assert!(shortly.within_2_percent >= 85, "{folder}, {browser}: {shortly:?}");
    }
}
