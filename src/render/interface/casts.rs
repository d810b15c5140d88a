//! Whether the bits of a buffer are read as another type, or such bits written into it: a compare-and-swap on floats, halves
//! as words.
//!
//! Values are followed through variables, calls and what leaves bits where they are. Arithmetic makes new numbers: what a
//! hash computes of a float's bits is a whole number like others.

use std::collections::{HashMap, HashSet};

use naga::{
    AtomicFunction, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle, MathFunction, Module,
    Statement, TypeInner,
};

/// A function, or an entry point by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Body {
    Function(Handle<Function>),
    Entry(usize),
}

/// Where bits are: what a pointer points to, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Global(Handle<GlobalVariable>),
    Local(Body, Handle<naga::LocalVariable>),
    /// A parameter, or what it points to.
    Argument(Body, u32),
    Returned(Body),
    Value(Body, Handle<Expression>),
}

/// Where the bits of a shader go.
struct Flow<'a> {
    module: &'a Module,
    to: HashMap<Place, Vec<Place>>,
    /// What is read as another type, and what comes of it.
    casts: Vec<(Place, Place)>,
}

/// Whether what a variable holds is read as another type, or what it is given was.
pub(super) fn reinterprets(module: &Module, variable: Handle<GlobalVariable>) -> bool {
    let mut flow = Flow { module, to: HashMap::new(), casts: Vec::new() };
    for (handle, function) in module.functions.iter() {
        flow.body(Body::Function(handle), function);
    }
    for (at, point) in module.entry_points.iter().enumerate() {
        flow.body(Body::Entry(at), &point.function);
    }
    let variable = Place::Global(variable);
    let read = flow.reached([variable]);
    flow.casts.iter().any(|(from, _)| read.contains(from))
        || flow.reached(flow.casts.iter().map(|(_, made)| *made)).contains(&variable)
}

impl Flow<'_> {
    fn body(&mut self, body: Body, function: &Function) {
        for (handle, expression) in function.expressions.iter() {
            self.expression(body, handle, expression);
        }
        for (handle, variable) in function.local_variables.iter() {
            if let Some(init) = variable.init {
                self.add(Place::Value(body, init), Place::Local(body, handle));
            }
        }
        self.block(body, function, &function.body);
    }

    fn add(&mut self, from: Place, to: Place) {
        self.to.entry(from).or_default().push(to);
    }

    /// What can be reached from these.
    fn reached(&self, from: impl IntoIterator<Item = Place>) -> HashSet<Place> {
        let mut open: Vec<Place> = from.into_iter().collect();
        let mut reached: HashSet<Place> = open.iter().copied().collect();
        while let Some(place) = open.pop() {
            open.extend(self.to.get(&place).into_iter().flatten().filter(|next| reached.insert(**next)));
        }
        reached
    }

    fn expression(&mut self, body: Body, handle: Handle<Expression>, expression: &Expression) {
        let value = |handle| Place::Value(body, handle);
        let mut from = |places: &[Place]| places.iter().for_each(|place| self.add(*place, value(handle)));
        match expression {
            Expression::GlobalVariable(global) => from(&[Place::Global(*global)]),
            Expression::LocalVariable(local) => from(&[Place::Local(body, *local)]),
            Expression::FunctionArgument(at) => from(&[Place::Argument(body, *at)]),
            Expression::Load { pointer: one }
            | Expression::Access { base: one, .. }
            | Expression::AccessIndex { base: one, .. }
            | Expression::Swizzle { vector: one, .. }
            | Expression::Splat { value: one, .. } => from(&[value(*one)]),
            Expression::Compose { components, .. } => components.iter().for_each(|one| from(&[value(*one)])),
            Expression::Select { accept, reject, .. } => from(&[value(*accept), value(*reject)]),
            Expression::Binary { op: BinaryOperator::And | BinaryOperator::InclusiveOr, left, right } => {
                from(&[value(*left), value(*right)]);
            }
            Expression::Binary { op: BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, left, .. } => {
                from(&[value(*left)]);
            }
            Expression::Math { fun: MathFunction::ExtractBits, arg: bits, .. } => from(&[value(*bits)]),
            Expression::Math { fun: MathFunction::InsertBits, arg: bits, arg1: Some(inserted), .. } => {
                from(&[value(*bits), value(*inserted)]);
            }
            Expression::As { expr: operand, convert: None, .. }
            | Expression::Math {
                fun: MathFunction::Pack2x16float | MathFunction::Unpack2x16float, arg: operand, ..
            } => self.casts.push((value(*operand), value(handle))),
            _ => {}
        }
    }

    fn block(&mut self, body: Body, function: &Function, block: &Block) {
        let value = |handle: Handle<Expression>| Place::Value(body, handle);
        let pointed = |handle| pointed(body, function, handle);
        for statement in block {
            match statement {
                Statement::Block(block) => self.block(body, function, block),
                Statement::If { accept, reject, .. } => {
                    self.block(body, function, accept);
                    self.block(body, function, reject);
                }
                Statement::Switch { cases, .. } => {
                    for case in cases {
                        self.block(body, function, &case.body);
                    }
                }
                Statement::Loop { body: inner, continuing, .. } => {
                    self.block(body, function, inner);
                    self.block(body, function, continuing);
                }
                Statement::Return { value: Some(returned) } => self.add(value(*returned), Place::Returned(body)),
                Statement::Store { pointer, value: stored } => self.add(value(*stored), pointed(*pointer)),
                Statement::Atomic { pointer, fun, value: given, result } => {
                    self.add(value(*given), pointed(*pointer));
                    if let AtomicFunction::Exchange { compare: Some(compare) } = fun {
                        self.add(value(*compare), pointed(*pointer));
                    }
                    if let Some(result) = result {
                        self.add(value(*pointer), value(*result));
                    }
                }
                Statement::WorkGroupUniformLoad { pointer: from, result }
                | Statement::SubgroupGather { argument: from, result, .. } => self.add(value(*from), value(*result)),
                Statement::Call { function: called, arguments, result } => {
                    let parameters = &self.module.functions[*called].arguments;
                    let called = Body::Function(*called);
                    for ((at, argument), parameter) in (0..).zip(arguments).zip(parameters) {
                        self.add(value(*argument), Place::Argument(called, at));
                        if matches!(self.module.types[parameter.ty].inner, TypeInner::Pointer { .. }) {
                            self.add(Place::Argument(called, at), pointed(*argument));
                        }
                    }
                    if let Some(result) = result {
                        self.add(Place::Returned(called), value(*result));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The variable or the parameter that a pointer comes from; of another value itself.
fn pointed(body: Body, function: &Function, pointer: Handle<Expression>) -> Place {
    match &function.expressions[pointer] {
        Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => pointed(body, function, *base),
        Expression::GlobalVariable(global) => Place::Global(*global),
        Expression::LocalVariable(local) => Place::Local(body, *local),
        Expression::FunctionArgument(at) => Place::Argument(body, *at),
        _ => Place::Value(body, pointer),
    }
}
