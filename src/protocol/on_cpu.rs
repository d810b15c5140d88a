//! Which of the nodes that a runtime left to the CPU are work.

use super::event::{ExecutionInfo, OnCpu};

/// Operators that count, compare and move a few whole numbers: runtimes keep them on the CPU on purpose, where shapes are
/// known. Every other one is work, and one of them on the CPU means that the backend is not all that ran.
const BOOKKEEPING: [&str; 40] = [
    "Add",
    "And",
    "Cast",
    "Ceil",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Div",
    "Equal",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "If",
    "Less",
    "LessOrEqual",
    "Loop",
    "Max",
    "MemcpyFromHost",
    "MemcpyToHost",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Range",
    "ReduceProd",
    "Reshape",
    "Shape",
    "Size",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Unsqueeze",
    "Where",
];

impl ExecutionInfo {
    /// The operators on the CPU that are work and the runtime's reasons, for instance `2 Conv, 1 MatMul (dynamic shape is not
    /// supported)`; empty where there are none.
    #[must_use]
    pub fn work_on_cpu(&self) -> String {
        let work = work(&self.on_cpu);
        if work.is_empty() || self.why_on_cpu.is_empty() {
            work
        } else {
            format!("{work} ({})", self.why_on_cpu.join("; "))
        }
    }

    /// How many nodes ran on the CPU.
    #[must_use]
    pub fn cpu_nodes(&self) -> u32 {
        self.on_cpu.iter().fold(0, |sum, nodes| sum.saturating_add(nodes.count))
    }
}

/// The nodes that are work, for instance `2 Conv, 1 MatMul`; empty where there are none.
#[must_use]
pub fn work(on_cpu: &[OnCpu]) -> String {
    let work = on_cpu.iter().filter(|nodes| !BOOKKEEPING.contains(&nodes.op.as_str()));
    work.map(|nodes| format!("{} {}", nodes.count, nodes.op)).collect::<Vec<_>>().join(", ")
}
