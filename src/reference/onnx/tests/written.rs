//! Models of ONNX that tests write.

use super::super::{Computed, ElementType, OnnxError, Runtime, Tensor};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A model under construction.
#[derive(Default)]
pub(super) struct Model(pub(super) GraphProto);

impl Model {
    pub(super) fn input(mut self, name: &str, kind: DataType, dims: &[&str]) -> Self {
        self.0.input.push(port(name, kind, dims));
        self
    }

    pub(super) fn output(mut self, name: &str, kind: DataType, dims: &[&str]) -> Self {
        self.0.output.push(port(name, kind, dims));
        self
    }

    pub(super) fn weight(self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.constant(name, DataType::FLOAT, dims, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    pub(super) fn constant(mut self, name: &str, kind: DataType, dims: &[i64], raw_data: Vec<u8>) -> Self {
        self.0.initializer.push(TensorProto {
            name: Some(name.to_owned()),
            dims: dims.to_vec(),
            data_type: Some(kind),
            raw_data: Some(RefCell::new(raw_data)),
            ..TensorProto::default()
        });
        self
    }

    pub(super) fn node(self, op: &str, inputs: &[&str], output: &str) -> Self {
        self.custom("", op, inputs, output, vec![])
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a node, as ONNX names them")]
    pub(super) fn custom(
        mut self,
        domain: &str,
        op: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) -> Self {
        self.0.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: output.split_whitespace().map(str::to_owned).collect(),
            name: Some(format!("{op} of {output}")),
            op_type: Some(op.to_owned()),
            domain: Some(domain.to_owned()),
            attribute,
        });
        self
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        let opset =
            |domain: &str, version| OperatorSetIdProto { domain: Some(domain.to_owned()), version: Some(version) };
        let opset_import = vec![opset("", 17), opset("com.microsoft", 1)];
        ModelProto { ir_version: Some(8), opset_import, graph: Some(self.0), ..ModelProto::default() }
            .write_buf()
            .unwrap()
    }

    pub(super) fn saved(self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, self.bytes()).unwrap();
        (folder, path)
    }

    /// What it makes of these inputs.
    pub(super) fn run(self, feeds: &[Tensor]) -> Result<Computed, OnnxError> {
        let (_folder, path) = self.saved();
        run(&path, feeds)
    }
}

/// Numbers are fixed extents, `?` is none, other words are names.
pub(super) fn port(name: &str, kind: DataType, dims: &[&str]) -> ValueInfoProto {
    let dim = dims.iter().map(|dim| match (*dim, dim.parse()) {
        ("?", _) => Dimension::default(),
        (_, Ok(extent)) => Dimension { dim_value: Some(extent), ..Dimension::default() },
        (name, Err(_)) => Dimension { dim_param: Some(name.to_owned()), ..Dimension::default() },
    });
    let shape = Some(TensorShapeProto { dim: dim.collect() });
    let tensor_type = Some(TypeProtoTensor { elem_type: Some(kind), shape });
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type, ..TypeProto::default() }) }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    let r#type = Some(AttributeType::INT);
    AttributeProto { name: Some(name.to_owned()), i: Some(value), r#type, ..AttributeProto::default() }
}

pub(super) fn f32s(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_f32(name, shape.to_vec(), values).unwrap()
}

/// The library that the lock file names; without it (`gpujobs setup libraries`) these tests fail.
pub(super) fn runtime() -> Runtime {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules");
    let library = super::super::library(Path::new(root));
    Runtime::open(&library.expect("native onnxruntime, which `gpujobs setup libraries` installs")).unwrap()
}

pub(super) fn run(path: &Path, feeds: &[Tensor]) -> Result<Computed, OnnxError> {
    runtime().prepare(path)?.run(feeds)
}

/// relu(x w + b) with x [n, 2], w [2, 3].
pub(super) fn layer() -> Model {
    Model::default()
        .input("x", DataType::FLOAT, &["n", "2"])
        .input("w", DataType::FLOAT, &["2", "3"])
        .weight("w", &[2, 3], &[1.0, -1.0, 0.5, 2.0, 0.0, -0.5])
        .weight("b", &[3], &[0.0, 1.0, -1.0])
        .node("MatMul", &["x", "w"], "product")
        .node("Add", &["product", "b"], "sum")
        .node("Relu", &["sum"], "y")
        .output("y", DataType::FLOAT, &["n", "3"])
        .output("sum", DataType::FLOAT, &["?", "3"])
}

/// Inputs of `model`'s one node, to its one output `y`.
pub(super) fn one(op: &str, feeds: &[Tensor], attribute: Vec<AttributeProto>) -> Result<Vec<f64>, OnnxError> {
    let mut model = Model::default();
    for feed in feeds {
        let dims: Vec<String> = feed.shape().iter().map(ToString::to_string).collect();
        let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
        let kind = if *feed.kind() == ElementType::I64 { DataType::INT64 } else { DataType::FLOAT };
        model = model.input(feed.name(), kind, &dims);
    }
    let names: Vec<&str> = feeds.iter().map(Tensor::name).collect();
    let model = model.custom("", op, &names, "y", attribute).output("y", DataType::FLOAT, &["?"]);
    model.run(feeds).map(|computed| computed.outputs[0].values_f64())
}

pub(super) fn close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 2e-7), "{got:?}, expected {want:?}");
}
