//! Models of a few nodes, built here as protobuf, so that what is expected can be worked out by hand.

use std::path::{Path, PathBuf};

use prost::Message;
use tempfile::TempDir;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as Extent};
use tract_onnx::pb::type_proto::{Tensor as TensorType, Value as PortType};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
};

use super::{
    Dim, ElementType, OnnxError, Prepared, Tensor, Tolerance, compare, flops, run, signature, signature_of_bytes,
};

/// A model under construction.
#[derive(Default)]
struct Model(GraphProto);

impl Model {
    fn input(mut self, name: &str, kind: DataType, dims: &[&str]) -> Self {
        self.0.input.push(port(name, kind, dims));
        self
    }

    fn output(mut self, name: &str, kind: DataType, dims: &[&str]) -> Self {
        self.0.output.push(port(name, kind, dims));
        self
    }

    fn weight(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: DataType::Float as i32,
            raw_data,
            ..TensorProto::default()
        });
        self
    }

    fn node(self, op: &str, inputs: &[&str], output: &str) -> Self {
        self.custom("", op, inputs, output, vec![])
    }

    fn custom(mut self, domain: &str, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> Self {
        self.0.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            op_type: op.to_owned(),
            domain: domain.to_owned(),
            attribute,
            ..NodeProto::default()
        });
        self
    }

    fn bytes(self) -> Vec<u8> {
        let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
        ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(self.0), ..ModelProto::default() }
            .encode_to_vec()
    }

    fn saved(self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, self.bytes()).unwrap();
        (folder, path)
    }
}

/// Numbers are fixed extents, `?` is none, other words are names.
fn port(name: &str, kind: DataType, dims: &[&str]) -> ValueInfoProto {
    let dim = dims.iter().map(|dim| Dimension {
        denotation: String::new(),
        value: match (*dim, dim.parse()) {
            ("?", _) => None,
            (_, Ok(extent)) => Some(Extent::DimValue(extent)),
            (name, Err(_)) => Some(Extent::DimParam(name.to_owned())),
        },
    });
    let shape = Some(TensorShapeProto { dim: dim.collect() });
    let value = Some(PortType::TensorType(TensorType { elem_type: kind as i32, shape }));
    let r#type = Some(TypeProto { denotation: String::new(), value });
    ValueInfoProto { name: name.to_owned(), r#type, doc_string: String::new() }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: value, r#type: AttributeType::Int as i32, ..AttributeProto::default() }
}

fn f32s(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_f32(name, shape.to_vec(), values).unwrap()
}

/// relu(x w + b) with x [n, 2], w [2, 3].
fn layer() -> Model {
    Model::default()
        .input("x", DataType::Float, &["n", "2"])
        .input("w", DataType::Float, &["2", "3"])
        .weight("w", &[2, 3], &[1.0, -1.0, 0.5, 2.0, 0.0, -0.5])
        .weight("b", &[3], &[0.0, 1.0, -1.0])
        .node("MatMul", &["x", "w"], "product")
        .node("Add", &["product", "b"], "sum")
        .node("Relu", &["sum"], "y")
        .output("y", DataType::Float, &["n", "3"])
        .output("sum", DataType::Float, &["?", "3"])
}

/// Inputs of `model`'s one node, to its one output `y`.
fn one(op: &str, feeds: &[Tensor], attribute: Vec<AttributeProto>) -> Result<Vec<f64>, OnnxError> {
    let mut model = Model::default();
    for feed in feeds {
        let dims: Vec<String> = feed.shape().iter().map(ToString::to_string).collect();
        let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
        let kind = if *feed.kind() == ElementType::I64 { DataType::Int64 } else { DataType::Float };
        model = model.input(feed.name(), kind, &dims);
    }
    let names: Vec<&str> = feeds.iter().map(Tensor::name).collect();
    let (_folder, path) = model.custom("", op, &names, "y", attribute).output("y", DataType::Float, &["?"]).saved();
    run(&path, feeds, &[]).map(|outputs| outputs[0].values_f64())
}

fn close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 2e-7), "{got:?}, expected {want:?}");
}

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
    let mut inner = Model::default().node("Erf", &["x"], "e").output("e", DataType::Float16, &[]).0;
    let entry = |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    inner.initializer.push(TensorProto {
        dims: vec![3, 3],
        data_type: DataType::Int4 as i32,
        data_location: Some(DataLocation::External as i32),
        external_data: vec![entry("location", "model.onnx_data"), entry("offset", "0")],
        ..TensorProto::default()
    });
    let body = |name: &str| AttributeProto { name: name.to_owned(), g: Some(inner.clone()), ..Default::default() };
    let model = Model::default()
        .input("c", DataType::Bool, &[])
        .custom("", "If", &["c"], "y", vec![body("then_branch"), body("else_branch")])
        .output("y", DataType::Bfloat16, &[]);
    let signature = signature_of_bytes(&model.bytes(), Path::new("m.onnx")).unwrap();
    assert_eq!((signature.operators["If"], signature.operators["Erf"]), (1, 2));
    assert_eq!(signature.initializer_bytes, 10);
    assert_eq!(signature.external.iter().collect::<Vec<_>>(), ["model.onnx_data"]);
    assert_eq!(signature.outputs[0].kind.name(), "bfloat16");
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
    let wanted = ["sum".to_owned(), "y".to_owned()];
    for n in [1, 3] {
        let x = f32s("x", &[n, 2], &[1.0, 2.0].repeat(n));
        let outputs = run(&path, &[f32s("unused", &[1], &[0.0]), x], &wanted).unwrap();
        assert_eq!((outputs[0].name(), outputs[1].name()), ("sum", "y"));
        assert_eq!(outputs[0].shape(), [n, 3]);
        assert_eq!(outputs[0].values_f64(), [5.0, 0.0, -1.5].repeat(n));
        assert_eq!(outputs[1].values_f64(), [5.0, 0.0, 0.0].repeat(n));
    }
    let outputs = run(&path, &[f32s("x", &[0, 2], &[])], &[]).unwrap();
    assert_eq!((outputs[0].name(), outputs[0].shape()), ("y", &[0, 3][..]));
}

#[test]
fn feeds_are_checked() {
    let (_folder, path) = layer().saved();
    let error = |feeds: &[Tensor], wanted: &[String]| run(&path, feeds, wanted).unwrap_err().to_string();
    assert_eq!(error(&[], &[]), "input `x`: the model needs it and it is not given");
    let ids = Tensor::from_i64("x", vec![1, 2], &[1, 2]).unwrap();
    assert_eq!(error(&[ids], &[]), "input `x`: the model declares float32, not int64 [1, 2]");
    assert!(error(&[f32s("x", &[2], &[1.0, 2.0])], &[]).contains("2 dimensions"));
    assert!(error(&[f32s("x", &[1, 3], &[0.0; 3])], &[]).contains("Fixed(2) is 2, not 3"));
    let x = f32s("x", &[1, 2], &[1.0, 2.0]);
    assert_eq!(error(std::slice::from_ref(&x), &["z".to_owned()]), "there is no output `z`; the model has y, sum");
    let prepared = Prepared::new(&path, &[x], &[]).unwrap();
    let error = prepared.run(&[f32s("x", &[2, 2], &[0.0; 4])]).unwrap_err();
    assert!(matches!(error, OnnxError::BadFeed { .. }), "{error}");
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
        .input("x", DataType::Float, &["n"])
        .weight("root", &[], &[std::f32::consts::SQRT_2])
        .weight("one", &[], &[1.0])
        .weight("half", &[], &[0.5])
        .node("Div", &["x", "root"], "scaled")
        .node("Erf", &["scaled"], "erf")
        .node("Add", &["erf", "one"], "more")
        .node("Mul", &["x", "more"], "product")
        .node("Mul", &["product", "half"], "y")
        .output("y", DataType::Float, &["n"]);
    let (_folder, path) = model.saved();
    let x: Vec<f32> = (-40..40_i16).map(|x| f32::from(x) / 8.0).collect();
    let got = run(&path, &[f32s("x", &[x.len()], &x)], &[]).unwrap()[0].values_f64();
    let gelu = |x: f64| x * 0.5 * (1.0 + statrs::function::erf::erf(x / 2.0_f64.sqrt()));
    let error = x.iter().zip(&got).map(|(x, got)| (gelu(f64::from(*x)) - got).abs()).fold(0.0, f64::max);
    assert!(error < 5e-7, "{error}");
}

#[test]
fn a_cache_grows_from_nothing() {
    let model = Model::default()
        .input("past", DataType::Float, &["1", "past", "2"])
        .input("key", DataType::Float, &["1", "new", "2"])
        .custom("", "Concat", &["past", "key"], "present", vec![int("axis", 1)])
        .output("present", DataType::Float, &["1", "past + new", "2"]);
    let (_folder, path) = model.saved();
    let key = f32s("key", &[1, 1, 2], &[1.0, 2.0]);
    let present = run(&path, &[f32s("past", &[1, 0, 2], &[]), key.clone()], &[]).unwrap();
    assert_eq!((present[0].shape(), present[0].values_f64()), (&[1, 1, 2][..], vec![1.0, 2.0]));
    let present = run(&path, &[f32s("past", &[1, 2, 2], &[0.0; 4]), key], &[]).unwrap();
    assert_eq!(present[0].shape(), [1, 3, 2]);
}

#[test]
fn a_branch_is_built_in_where_shapes_depend_on_it() {
    let join = Model::default().custom("", "Concat", &["past", "key"], "t", vec![int("axis", 0)]);
    let body = |name: &str, model: Model| AttributeProto {
        name: name.to_owned(),
        g: Some(model.output("t", DataType::Float, &["?", "1"]).0),
        r#type: AttributeType::Graph as i32,
        ..AttributeProto::default()
    };
    let branches = vec![body("then_branch", join), body("else_branch", Model::default().node("Tanh", &["key"], "t"))];
    let model = Model::default()
        .input("use_cache", DataType::Bool, &["1"])
        .input("past", DataType::Float, &["p", "1"])
        .input("key", DataType::Float, &["n", "1"])
        .custom("", "If", &["use_cache"], "y", branches.clone())
        .custom("", "If", &["use_cache"], "z", branches)
        .output("y", DataType::Float, &["?", "1"])
        .output("z", DataType::Float, &["?", "1"]);
    let (_folder, path) = model.saved();
    let feeds = |cache: u8| {
        let cache = Tensor::new("use_cache", ElementType::Bool, vec![1], vec![cache]).unwrap();
        [cache, f32s("past", &[2, 1], &[5.0, 6.0]), f32s("key", &[1, 1], &[0.5])]
    };
    let prepared = Prepared::new(&path, &feeds(1), &[]).unwrap();
    for output in prepared.run(&feeds(1)).unwrap() {
        assert_eq!(output.values_f64(), [5.0, 6.0, 0.5], "{}", output.name());
    }
    assert!(prepared.run(&feeds(0)).unwrap_err().to_string().contains("another value"));
    close(&run(&path, &feeds(0), &[]).unwrap()[0].values_f64(), &[0.5_f64.tanh()]);
}

#[test]
fn halves_are_computed_in_f32() {
    let model = Model::default()
        .input("x", DataType::Float16, &["n"])
        .node("Add", &["x", "x"], "double")
        .node("Sub", &["double", "x"], "y")
        .output("y", DataType::Float16, &["n"]);
    let (_folder, path) = model.saved();
    // 40000, whose double is beyond f16.
    let x = Tensor::new("x", ElementType::F16, vec![1], half::f16::from_f32(40_000.0).to_le_bytes().to_vec()).unwrap();
    let got = run(&path, &[x], &[]).unwrap();
    assert_eq!((got[0].kind(), got[0].values_f64()), (&ElementType::F16, vec![40_000.0]));
}

#[test]
fn what_is_not_covered_is_named() {
    let x = f32s("x", &[1, 2], &[1.0, 2.0]);
    // An `Add` of another domain is another operator.
    for (domain, op) in [("com.example", "Add"), ("", "Vanish"), ("", "RandomNormalLike"), ("com.microsoft", "Conv")] {
        let (_folder, path) = layer().custom(domain, op, &["y", "y"], "z", vec![]).saved();
        let error = run(&path, std::slice::from_ref(&x), &[]).unwrap_err();
        let OnnxError::NotCovered(message) = &error else { panic!("{error:?}") };
        assert!(message.contains(op) && message.contains(domain), "{message}");
        assert_eq!(flops(&path, &[("x".to_owned(), vec![1, 2])]), None);
    }
}

#[test]
fn malformed_graphs_are_errors() {
    let x = f32s("x", &[1, 2], &[1.0, 2.0]);
    let broken = [
        layer().node("Relu", &["nowhere"], "z"),
        layer().output("nowhere", DataType::Float, &[]),
        // A cycle.
        layer().node("Add", &["q", "x"], "p").node("Relu", &["p"], "q").output("q", DataType::Float, &[]),
        layer().node("Conv", &[], "z").output("z", DataType::Float, &[]),
        layer().node("MatMul", &["y", "y"], "z").output("z", DataType::Float, &[]),
        layer().weight("short", &[1000, 1000], &[1.0]).node("Add", &["y", "short"], "z"),
        layer().weight("negative", &[-1], &[1.0]),
    ];
    for (position, model) in broken.into_iter().enumerate() {
        let (_folder, path) = model.saved();
        let error = run(&path, std::slice::from_ref(&x), &[]).unwrap_err();
        assert!(matches!(error, OnnxError::NotCovered(_)), "{position}: {error:?}");
    }
}

#[test]
fn products_are_counted() {
    let (_folder, path) = layer().saved();
    assert_eq!(flops(&path, &[("x".to_owned(), vec![5, 2])]), Some(2 * 5 * 2 * 3));
    assert_eq!(flops(&path, &[]), None);
    assert_eq!(Prepared::new(&path, &[f32s("x", &[5, 2], &[0.0; 10])], &[]).unwrap().flops(), Some(60));
    let model = Model::default()
        .input("x", DataType::Float, &["1", "4", "?", "?"])
        .weight("w", &[6, 2, 3, 3], &[0.0; 108])
        .custom("", "Conv", &["x", "w"], "y", vec![int("group", 2)])
        .output("y", DataType::Float, &["1", "6", "?", "?"]);
    let (_folder, path) = model.saved();
    assert_eq!(flops(&path, &[("x".to_owned(), vec![1, 4, 8, 8])]), Some(2 * 6 * 36 * 2 * 9));
}

#[test]
fn outputs_are_held_to_a_share_of_their_size() {
    let want = [f32s("y", &[4], &[100.0, -100.0, 0.0, 1.0])];
    let verdict = |values: &[f32]| compare(&[f32s("y", &[4], values)], &want, Tolerance(0.01));
    // The root mean square is 71.
    let fine = verdict(&[100.9, -99.1, 0.7, 0.4]);
    assert_eq!((fine.verified, &fine.failure), (Some(true), &None));
    assert!((fine.max_abs_error - 0.9).abs() < 1e-5 && (fine.max_rel_error - 0.009).abs() < 1e-7);
    let failure = verdict(&[100.9, -99.1, 0.8, 3.0]).failure.unwrap();
    assert_eq!((failure.index.as_slice(), failure.wrong, failure.of), (&[3][..], 2, 4));
    assert_eq!(verdict(&[f32::NAN, -100.0, 0.0, 1.0]).failure.unwrap().wrong, 1);
    assert_eq!(verdict(&[f32::INFINITY, -100.0, 0.0, 1.0]).verified, Some(false));
}

#[test]
fn forms_and_infinities_must_be_the_same() {
    let want = [f32s("y", &[2], &[f32::NEG_INFINITY, 1.0])];
    let verdict = |got: &[Tensor]| compare(got, &want, Tolerance(0.01));
    assert_eq!(verdict(&want).verified, Some(true));
    assert_eq!(verdict(&[f32s("y", &[2], &[-1e30, 1.0])]).verified, Some(false));
    let reason = |got: &[Tensor]| verdict(got).failure.unwrap().reason;
    assert_eq!(reason(&[]), "was not returned");
    assert_eq!(reason(&[f32s("y", &[1, 2], &[0.0, 1.0])]), "has the shape [1, 2], the reference [2]");
    assert_eq!(reason(&[Tensor::from_i64("y", vec![2], &[0, 1]).unwrap()]), "is int64, the reference float32");
    let unknown = [f32s("y", &[2], &[f32::NAN, 1.0])];
    assert_eq!(compare(&unknown, &unknown, Tolerance(0.01)).verified, None);
    let large = |last: i64| [Tensor::from_i64("i", vec![1], &[(1 << 60) + last]).unwrap()];
    assert_eq!(compare(&large(0), &large(0), Tolerance(0.01)).verified, Some(true));
    assert_eq!(compare(&large(1), &large(0), Tolerance(0.01)).verified, Some(false));
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
        let _ = run(&path, &[f32s("x", &[1, 2], &[1.0, 2.0])], &[]);
    }
}
