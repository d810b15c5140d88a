//! What a model's file gets wrong that only a job's values bring to light: drawn at its place, by every command, before a
//! browser opens.

use crate::support::workshop::Workshop;

const MANIFEST: &str = "[matrix]\nbrowser = 'chrome'\nmodel = 'm'\n";

/// What `command` says of a model; the manifest has `more` in it.
fn said(command: &[&str], model: &str, more: &str) -> String {
    let shop = Workshop::new();
    shop.write("models/m.toml", model);
    shop.write("m.toml", &format!("{MANIFEST}{more}"));
    let arguments = [command, &["m.toml"]].concat();
    let ended = shop.gpujobs(&arguments).expect(2);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    ended.stderr.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What `plan` says.
fn planned(model: &str, more: &str) -> String {
    said(&["plan"], model, more)
}

/// Attention with these parameters.
fn attention(params: &str) -> String {
    format!(
        "family = \"text\"\n[params]\nwidth = 12\n\n[[input]]\nname = \"x\"\nshape = [\"batch\", 4, 36]\n\n\
         [[stage]]\nop = \"attention\"\nin = [\"x\"]\nparams = {{ {params} }}\nout = {{ y = [\"batch\", 4, 12] }}\n"
    )
}

/// A layer and a norm after it, each of which may be given another line.
fn layers(replaced: &str, by: &str) -> String {
    let text = "family = \"text\"\n[dims]\nd = 8\n\n[[input]]\nname = \"x\"\nshape = [2, \"d\"]\n\n\
                [[block]]\ntimes = 2\n[[block.stage]]\nname = \"layer.{i}\"\nop = \"linear\"\nin = [\"x\"]\n\
                weights = { weight = [\"d\", \"d\"], bias = [\"d\"] }\nout = { x = [2, \"d\"] }\n\n\
                [[stage]]\nop = \"layer_norm\"\nin = [\"x\"]\nweights = { weight = [\"d\"], bias = [\"d\"] }\n\
                params = { eps = 1e-12 }\nout = { y = [2, \"d\"] }\n";
    assert!(text.contains(replaced), "{replaced}");
    text.replacen(replaced, by, 1)
}

#[test]
fn a_parameter_is_marked_where_it_is_written() {
    insta::assert_snapshot!("unknown_parameter", planned(&layers("eps = 1e-12", "epsilon = 1e-12"), ""));
    insta::assert_snapshot!("mistyped_parameter", planned(&layers("eps = 1e-12", "ep = 1e-12"), ""));
    insta::assert_snapshot!("value_of_a_parameter", planned(&layers("1e-12", "-1e-12"), ""));
    insta::assert_snapshot!(
        "mistyped_activation",
        planned(&layers("[[stage]]", "params = { activation = \"geluu\" }\n[[stage]]"), "")
    );
    insta::assert_snapshot!("missing_parameter", planned(&attention("causal = true"), ""));
}

#[test]
fn an_output_is_named_once() {
    let text = format!("output = [\"x\", \"y\", \"x\"]\n{}", layers("", ""));
    insta::assert_snapshot!("output_twice", planned(&text, ""));
}

#[test]
fn an_expression_is_marked_and_its_value_named() {
    let model = attention("heads = \"= width // 4\"");
    // The model by itself is well.
    let shop = Workshop::new();
    shop.write("models/m.toml", &model);
    shop.write("m.toml", MANIFEST);
    shop.gpujobs(&["plan", "m.toml"]).expect(0);
    insta::assert_snapshot!("overridden_param", planned(&model, "[model.m]\nparams = { width = 2 }\n"));
    insta::assert_snapshot!("axis", planned(&model, "[axes]\nwidth = [12, 20, 2]\n"));
    insta::assert_snapshot!("no_value", planned(&attention("heads = \"= widht // 4\""), ""));
}

#[test]
fn what_shapes_do_not_fit_is_marked_in_the_stage() {
    for (name, replaced, by) in [
        ("shape_of_a_weight", "bias = [\"d\"]", "bias = [9]"),
        ("unknown_weight", "bias = [\"d\"]", "bais = [\"d\"]"),
        ("missing_weight", "weight = [\"d\", \"d\"], ", ""),
        ("shape_of_an_input", "shape = [2, \"d\"]", "shape = [2, 7]"),
        ("shape_of_the_output", "out = { y = [2, \"d\"] }", "out = { y = [3, \"d\"] }"),
        (
            "too_many_inputs",
            "in = [\"x\"]\nweights = { weight = [\"d\"]",
            "in = [\"x\", \"x\", \"x\"]\nweights = { weight = [\"d\"]",
        ),
        ("no_extent", "d = 8", "d = \"batch / 3\""),
    ] {
        insta::assert_snapshot!(name, planned(&layers(replaced, by), ""));
    }
}

#[test]
fn a_place_is_shown_once_however_many_jobs_meet_it_and_others_beside_it() {
    let model = layers("eps = 1e-12", "epsilon = 1e-12");
    let two = "[axes]\nd = [1, 2]\n[measure]\nsamples = 3\n";
    let text = planned(&model, two);
    assert_eq!(text.matches("epsilon").count(), 2, "in the message and in the line: {text}");
    // Of a job that a filter leaves out nothing is said.
    let shop = Workshop::new();
    shop.write("models/m.toml", &attention("heads = \"= width // 4\""));
    shop.write("m.toml", &format!("{MANIFEST}[axes]\nwidth = [12, 2]\n"));
    shop.gpujobs(&["plan", "m.toml"]).expect(2);
    shop.gpujobs(&["plan", "m.toml", "--filter", "width=12"]).expect(0);
}

#[test]
fn every_command_says_the_same() {
    let model = layers("eps = 1e-12", "epsilon = 1e-12");
    let plan = planned(&model, "");
    for command in [&["run"][..], &["tune"], &["render", "--out", "out"]] {
        assert_eq!(said(command, &model, ""), plan, "{command:?}");
    }
}
