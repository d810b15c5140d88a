//! Models of a few nodes, built here as protobuf, so that what is expected can be worked out by hand.

use std::path::{Path, PathBuf};

use rten_onnx::onnx::{AttributeProto, AttributeType, DataLocation, DataType, StringStringEntryProto, TensorProto};

use super::{
    Computed, Dim, ElementType, OnnxError, Runtime, Tensor, Tolerance, compare, signature, signature_of_bytes,
};

mod written;

use written::{Model, close, f32s, int, layer, one, run, runtime};

#[test]
fn a_signature_is_what_the_file_declares() {
    let (_folder, path) = layer().custom("com.example", "Spy", &["y"], "z", vec![]).saved();
    let signature = signature(&path).unwrap();
    let [x] = signature.inputs.as_slice() else { panic!("w has an initializer: {:?}", signature.inputs) };
    assert_eq!((x.name.as_str(), &x.kind), ("x", &ElementType::F32));
    assert_eq!(x.dims, Some(vec![Dim::Named("n".to_owned()), Dim::Fixed(2)]));
    assert_eq!(signature.outputs[1].dims, Some(vec![Dim::Unknown, Dim::Fixed(3)]));
    let operators: Vec<_> = signature.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    assert_eq!(operators, ["Add 1", "MatMul 1", "Relu 1", "com.example.Spy 1"]);
    assert_eq!(signature.opsets["ai.onnx"], 17);
    assert_eq!(signature.initializer_bytes, 36);
    assert!(signature.external.is_empty());
}

#[test]
fn external_weights_and_bodies_are_in_the_signature() {
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value.to_owned()) };
    let inner = || {
        let mut inner = Model::default().node("Erf", &["x"], "e").output("e", DataType::FLOAT16, &[]);
        inner.0.initializer.push(TensorProto {
            dims: vec![3, 3],
            data_type: Some(DataType::INT4),
            data_location: Some(DataLocation::EXTERNAL),
            external_data: vec![entry("location", "model.onnx_data"), entry("offset", "0")],
            ..TensorProto::default()
        });
        inner.0
    };
    let body = |name: &str| AttributeProto {
        name: Some(name.to_owned()),
        g: Some(inner()),
        r#type: Some(AttributeType::GRAPH),
        ..AttributeProto::default()
    };
    let model = Model::default()
        .input("c", DataType::BOOL, &[])
        .custom("", "If", &["c"], "y", vec![body("then_branch"), body("else_branch")])
        .output("y", DataType::BFLOAT16, &[]);
    let signature = signature_of_bytes(&model.bytes(), Path::new("m.onnx")).unwrap();
    assert_eq!((signature.operators["If"], signature.operators["Erf"]), (1, 2));
    assert_eq!(signature.initializer_bytes, 10);
    assert_eq!(signature.external.iter().collect::<Vec<_>>(), ["model.onnx_data"]);
    assert_eq!(signature.outputs[0].kind.to_string(), "bfloat16");
}

#[test]
fn corrupt_bytes_name_their_file() {
    let bytes = layer().bytes();
    for len in [0, 1, 7, bytes.len() / 2, bytes.len() - 1, bytes.len() - 4] {
        let error = signature_of_bytes(&bytes[..len], Path::new("cut.onnx")).unwrap_err().to_string();
        assert!(error.starts_with("cut.onnx: it is no ONNX model, or cut short: "), "{len}: {error}");
    }
    assert!(matches!(signature(Path::new("/nowhere/m.onnx")), Err(OnnxError::Unreadable { .. })));
}

#[test]
fn a_layer_is_computed_for_any_batch() {
    let (_folder, path) = layer().saved();
    let mut prepared = runtime().prepare(&path).unwrap();
    for n in [1, 3] {
        let x = f32s("x", &[n, 2], &[1.0, 2.0].repeat(n));
        let Computed { outputs, flops } = prepared.run(&[f32s("unused", &[1], &[0.0]), x]).unwrap();
        assert_eq!((outputs[0].name(), outputs[1].name()), ("y", "sum"));
        assert_eq!(outputs[1].shape(), [n, 3]);
        assert_eq!(outputs[1].values_f64(), [5.0, 0.0, -1.5].repeat(n));
        assert_eq!(outputs[0].values_f64(), [5.0, 0.0, 0.0].repeat(n));
        assert_eq!(flops, Some(2 * n as u64 * 2 * 3));
    }
    let Computed { outputs, .. } = prepared.run(&[f32s("x", &[0, 2], &[])]).unwrap();
    assert_eq!((outputs[0].name(), outputs[0].shape()), ("y", &[0, 3][..]));
}

#[test]
fn feeds_are_checked() {
    let (_folder, path) = layer().saved();
    let mut prepared = runtime().prepare(&path).unwrap();
    let mut error = |feeds: &[Tensor]| prepared.run(feeds).unwrap_err().to_string();
    assert_eq!(error(&[]), "input `x`: the model needs it and it is not given");
    let ids = error(&[Tensor::from_i64("x", vec![1, 2], &[1, 2]).unwrap()]);
    assert!(ids.contains("int64") && ids.contains("expected: (tensor(float))"), "{ids}");
    let rank = error(&[f32s("x", &[2], &[1.0, 2.0])]);
    assert!(rank.contains("Invalid rank for input: x"), "{rank}");
    let extent = error(&[f32s("x", &[1, 3], &[0.0; 3])]);
    assert!(extent.contains("Got: 3 Expected: 2"), "{extent}");
}

#[test]
fn rows_are_gathered_by_int64_ids() {
    let table = f32s("table", &[3, 2], &[0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
    let ids = |ids: &[i64]| Tensor::from_i64("ids", vec![1, ids.len()], ids).unwrap();
    assert_eq!(one("Gather", &[table.clone(), ids(&[2, -3])], vec![]).unwrap(), [20.0, 21.0, 0.0, 1.0]);
    let error = one("Gather", &[table, ids(&[3])], vec![]).unwrap_err();
    assert!(matches!(error, OnnxError::Failed(_)), "{error:?}");
}

#[test]
fn functions_are_as_exact_as_f32() {
    let x: Vec<f32> = (-100..=100_i16).map(|x| f32::from(x) / 16.0).collect();
    let expected = |f: fn(f64) -> f64| x.iter().map(|x| f(f64::from(*x))).collect::<Vec<f64>>();
    let x = || f32s("x", &[x.len()], &x);
    close(&one("Erf", &[x()], vec![]).unwrap(), &expected(statrs::function::erf::erf));
    close(&one("Tanh", &[x()], vec![]).unwrap(), &expected(f64::tanh));
    close(&one("Sigmoid", &[x()], vec![]).unwrap(), &expected(|x| 1.0 / (1.0 + (-x).exp())));
    let softmax = one("Softmax", &[x()], vec![int("axis", -1)]).unwrap();
    let sum: f64 = expected(f64::exp).iter().sum();
    close(&softmax, &expected(f64::exp).iter().map(|x| x / sum).collect::<Vec<_>>());
}

#[test]
fn a_layer_norm_subtracts_a_large_mean() {
    let x = f32s("x", &[1, 4], &[1000.0, 1001.0, 1002.0, 1003.0]);
    let (scale, bias) = (f32s("s", &[4], &[1.0, 1.0, 2.0, 1.0]), f32s("b", &[4], &[0.0, 0.0, 0.0, 5.0]));
    let deviation = 1.25_f64.sqrt();
    let expected = [-1.5 / deviation, -0.5 / deviation, 1.0 / deviation, 1.5 / deviation + 5.0];
    let got = one("LayerNormalization", &[x, scale, bias], vec![int("axis", -1)]).unwrap();
    assert!(got.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-5), "{got:?}, expected {expected:?}");
}

#[test]
fn an_erf_gelu_stays_exact_when_fused() {
    let model = Model::default()
        .input("x", DataType::FLOAT, &["n"])
        .weight("root", &[], &[std::f32::consts::SQRT_2])
        .weight("one", &[], &[1.0])
        .weight("half", &[], &[0.5])
        .node("Div", &["x", "root"], "scaled")
        .node("Erf", &["scaled"], "erf")
        .node("Add", &["erf", "one"], "more")
        .node("Mul", &["x", "more"], "product")
        .node("Mul", &["product", "half"], "y")
        .output("y", DataType::FLOAT, &["n"]);
    let (_folder, path) = model.saved();
    let x: Vec<f32> = (-40..40_i16).map(|x| f32::from(x) / 8.0).collect();
    let got = run(&path, &[f32s("x", &[x.len()], &x)]).unwrap().outputs[0].values_f64();
    let gelu = |x: f64| x * 0.5 * (1.0 + statrs::function::erf::erf(x / 2.0_f64.sqrt()));
    let error = x.iter().zip(&got).map(|(x, got)| (gelu(f64::from(*x)) - got).abs()).fold(0.0, f64::max);
    assert!(error < 5e-7, "{error}");
}

#[test]
fn a_cache_grows_from_nothing() {
    let model = Model::default()
        .input("past", DataType::FLOAT, &["1", "past", "2"])
        .input("key", DataType::FLOAT, &["1", "new", "2"])
        .custom("", "Concat", &["past", "key"], "present", vec![int("axis", 1)])
        .output("present", DataType::FLOAT, &["1", "past + new", "2"]);
    let (_folder, path) = model.saved();
    let mut prepared = runtime().prepare(&path).unwrap();
    let key = f32s("key", &[1, 1, 2], &[1.0, 2.0]);
    let present = prepared.run(&[f32s("past", &[1, 0, 2], &[]), key.clone()]).unwrap().outputs;
    assert_eq!((present[0].shape(), present[0].values_f64()), (&[1, 1, 2][..], vec![1.0, 2.0]));
    let present = prepared.run(&[f32s("past", &[1, 2, 2], &[0.0; 4]), key]).unwrap().outputs;
    assert_eq!(present[0].shape(), [1, 3, 2]);
}

/// A file of the tests.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/onnx/{name}.onnx"))
}

#[test]
fn a_branch_decides_on_an_outputs_shape() {
    let mut prepared = runtime().prepare(&shipped("branch")).unwrap();
    let small: Vec<f32> = (-12..12_i16).map(f32::from).collect();
    let large: Vec<f32> = small.iter().map(|x| x + 1e6).collect();
    let twice = prepared.run(&[f32s("input", &[3, 8], &small)]).unwrap().outputs;
    assert_eq!(
        (twice[0].shape(), twice[0].values_f64()),
        (&[6, 8][..], f32s("x", &[48], &small.repeat(2)).values_f64())
    );
    let once = prepared.run(&[f32s("input", &[3, 8], &large)]).unwrap().outputs;
    assert_eq!((once[0].shape(), once[0].values_f64()), (&[3, 8][..], f32s("x", &[24], &large).values_f64()));
}

#[test]
fn a_loops_products_are_counted_as_often_as_it_turned() {
    let mut prepared = runtime().prepare(&shipped("loop")).unwrap();
    for turns in [0, 3] {
        let feeds = [Tensor::from_i64("turns", vec![1], &[turns]).unwrap(), f32s("input", &[2, 8], &[0.5; 16])];
        let Computed { outputs, flops } = prepared.run(&feeds).unwrap();
        assert_eq!(outputs[1].shape(), [usize::try_from(turns).unwrap(), 2, 8]);
        assert_eq!(flops, Some(turns.unsigned_abs() * 2 * 2 * 8 * 8));
    }
}

#[test]
fn weights_of_four_bits_keep_their_scales() {
    let (k, block) = (64_usize, 32_usize);
    let quantised: Vec<u8> = (0..k / 2).map(|at| u8::try_from(at * 37 % 256).unwrap()).collect();
    // What no f16 holds.
    let scales = [0.012_345_678_f32, 0.023_456_79];
    let x: Vec<f32> = (0..64_u8).map(|at| f32::from(at) / 16.0 - 2.0).collect();
    let expected: f64 = (0..k)
        .map(|at| {
            let bits = if at % 2 == 0 { quantised[at / 2] & 15 } else { quantised[at / 2] >> 4 };
            f64::from(x[at]) * f64::from(scales[at / block]) * (f64::from(bits) - 8.0)
        })
        .sum();
    let model = Model::default()
        .input("x", DataType::FLOAT, &["1", "64"])
        .constant("q", DataType::UINT8, &[1, 2, 16], quantised)
        .weight("scales", &[2], &scales)
        .custom(
            "com.microsoft",
            "MatMulNBits",
            &["x", "q", "scales"],
            "y",
            vec![int("K", 64), int("N", 1), int("bits", 4), int("block_size", 32)],
        )
        .output("y", DataType::FLOAT, &["1", "1"]);
    let computed = model.run(&[f32s("x", &[1, 64], &x)]).unwrap();
    let got = computed.outputs[0].values_f64()[0];
    assert!((got - expected).abs() < 1e-6 * expected.abs().max(1.0), "{got}, expected {expected}");
    assert_eq!(computed.flops, Some(128));
}

#[test]
fn halves_are_computed_in_f32() {
    let model = Model::default()
        .input("x", DataType::FLOAT16, &["n"])
        .node("Add", &["x", "x"], "double")
        .node("Sub", &["double", "x"], "y")
        .output("y", DataType::FLOAT16, &["n"]);
    // 40000, whose double is beyond f16.
    let x = Tensor::new("x", ElementType::F16, vec![1], half::f16::from_f32(40_000.0).to_le_bytes().to_vec()).unwrap();
    let got = model.run(&[x]).unwrap().outputs;
    assert_eq!((got[0].kind(), got[0].values_f64()), (&ElementType::F16, vec![40_000.0]));
}

#[test]
fn what_is_not_covered_is_named() {
    let x = f32s("x", &[1, 2], &[1.0, 2.0]);
    // An `Add` of another domain is another operator.
    for (domain, op) in [("com.example", "Add"), ("", "Vanish"), ("", "RandomNormalLike"), ("com.microsoft", "Conv")] {
        let inputs: &[&str] = if op == "RandomNormalLike" { &["y"] } else { &["y", "y"] };
        let error = layer().custom(domain, op, inputs, "z", vec![]).run(std::slice::from_ref(&x)).unwrap_err();
        let message = match &error {
            OnnxError::NotCovered(message) if op != "RandomNormalLike" => message,
            OnnxError::Random(message) if op == "RandomNormalLike" => message,
            _ => panic!("{error:?}"),
        };
        assert!(message.contains(op) && message.contains(domain), "{message}");
    }
}

#[test]
fn malformed_graphs_are_errors() {
    let x = f32s("x", &[1, 2], &[1.0, 2.0]);
    let broken = [
        layer().node("Relu", &["nowhere"], "z"),
        layer().output("nowhere", DataType::FLOAT, &[]),
        // A cycle.
        layer().node("Add", &["q", "x"], "p").node("Relu", &["p"], "q").output("q", DataType::FLOAT, &[]),
        layer().node("Conv", &[], "z").output("z", DataType::FLOAT, &[]),
        layer().node("MatMul", &["y", "y"], "z").output("z", DataType::FLOAT, &[]),
        layer().weight("short", &[1000, 1000], &[1.0]).node("Add", &["y", "short"], "z"),
        layer().weight("negative", &[-1], &[1.0]).node("Add", &["y", "negative"], "z"),
    ];
    for (position, model) in broken.into_iter().enumerate() {
        let error = model.run(std::slice::from_ref(&x)).unwrap_err();
        assert!(matches!(error, OnnxError::NotCovered(_) | OnnxError::Failed(_)), "{position}: {error:?}");
    }
}

#[test]
fn a_library_that_is_none_is_named() {
    let told = Runtime::open(Path::new("/nowhere/libonnxruntime.so.1")).unwrap_err().to_string();
    assert!(told.starts_with("/nowhere/libonnxruntime.so.1 can't be opened: "), "{told}");
}

#[test]
fn products_are_counted() {
    let model = Model::default()
        .input("x", DataType::FLOAT, &["1", "4", "?", "?"])
        .weight("w", &[6, 2, 3, 3], &[0.0; 108])
        .custom("", "Conv", &["x", "w"], "y", vec![int("group", 2)])
        .output("y", DataType::FLOAT, &["1", "6", "?", "?"]);
    let computed = model.run(&[f32s("x", &[1, 4, 8, 8], &[0.0; 256])]).unwrap();
    assert_eq!(computed.flops, Some(2 * 6 * 36 * 2 * 9));
}

#[test]
fn outputs_are_held_to_a_share_of_their_size() {
    let want = [f32s("y", &[4], &[100.0, -100.0, 0.0, 1.0])];
    let verdict = |values: &[f32]| compare(&[f32s("y", &[4], values)], &want, Tolerance::of_share(0.01));
    // The root mean square is 71.
    let fine = verdict(&[100.9, -99.1, 0.7, 0.4]);
    assert_eq!((fine.verified, &fine.failure), (Some(true), &None));
    let (max_abs, max_rel) = (fine.max_abs_error.unwrap(), fine.max_rel_error.unwrap());
    assert!((max_abs - 0.9).abs() < 1e-5 && (max_rel - 0.009).abs() < 1e-7);
    let failure = verdict(&[100.9, -99.1, 0.8, 3.0]).failure.unwrap();
    assert_eq!((failure.index.as_slice(), failure.wrong, failure.of), (&[3][..], 2, 4));
    assert_eq!(verdict(&[f32::NAN, -100.0, 0.0, 1.0]).failure.unwrap().wrong, 1);
    assert_eq!(verdict(&[f32::INFINITY, -100.0, 0.0, 1.0]).verified, Some(false));
}

#[test]
fn forms_and_infinities_must_be_the_same() {
    let want = [f32s("y", &[2], &[f32::NEG_INFINITY, 1.0])];
    let verdict = |got: &[Tensor]| compare(got, &want, Tolerance::of_share(0.01));
    assert_eq!(verdict(&want).verified, Some(true));
    assert_eq!(verdict(&[f32s("y", &[2], &[-1e30, 1.0])]).verified, Some(false));
    let reason = |got: &[Tensor]| verdict(got).failure.unwrap().reason;
    assert_eq!(reason(&[]), "was not returned");
    assert_eq!(reason(&[f32s("y", &[1, 2], &[0.0, 1.0])]), "has the shape [1, 2], the reference [2]");
    assert_eq!(reason(&[Tensor::from_i64("y", vec![2], &[0, 1]).unwrap()]), "is int64, the reference float32");
    let unknown = [f32s("y", &[2], &[f32::NAN, 1.0])];
    // What is no number in the reference either is right.
    let verdict = compare(&unknown, &unknown, Tolerance::of_share(0.01));
    assert_eq!((verdict.verified, verdict.not_finite), (Some(true), 1));
    let large = |last: i64| [Tensor::from_i64("i", vec![1], &[(1 << 60) + last]).unwrap()];
    assert_eq!(compare(&large(0), &large(0), Tolerance::of_share(0.01)).verified, Some(true));
    assert_eq!(compare(&large(1), &large(0), Tolerance::of_share(0.01)).verified, Some(false));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    /// Whatever a file holds, the program goes on.
    #[test]
    fn a_damaged_file_is_an_error_or_a_model(changes in proptest::collection::vec((0_usize..1000, 0_u8..=255), 1..6)) {
        let mut bytes = layer().bytes();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.onnx");
        std::fs::write(&path, bytes).unwrap();
        let _ = signature(&path);
        let _ = run(&path, &[f32s("x", &[1, 2], &[1.0, 2.0])]);
    }
}
