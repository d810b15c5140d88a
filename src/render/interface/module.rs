//! What naga's picture of a shader says of its constants and variables.

use naga::compact::KeepUnused;
use naga::{GlobalVariable, Module, ScalarKind, TypeInner};

use crate::render::wgsl_text::Override;

/// The constants of a module, of which an entry point wants those that it reaches and that have no value.
pub(super) fn overrides(module: &Module, entry: &str) -> Vec<Override> {
    let mut kept = module.clone();
    kept.entry_points.retain(|point| point.name == entry);
    naga::compact::compact(&mut kept, KeepUnused::No);
    let reaches = |name: &str| kept.overrides.iter().any(|(_, one)| one.name.as_deref() == Some(name));
    let all = module.overrides.iter().filter_map(|(_, one)| Some((one.name.clone()?, one)));
    all.map(|(name, one)| Override { wanted: one.init.is_none() && reaches(&name), name, id: one.id }).collect()
}

/// Of a variable, for messages.
pub(super) fn name_of(variable: &GlobalVariable) -> &str {
    variable.name.as_deref().unwrap_or("a variable")
}

/// The scalar type that a buffer holds; `None` for a structure, which may hold several.
pub(super) fn element(module: &Module, variable: &GlobalVariable) -> Option<String> {
    let mut inner = &module.types[variable.ty].inner;
    let scalar = loop {
        match inner {
            TypeInner::Array { base, .. } => inner = &module.types[*base].inner,
            TypeInner::Vector { scalar, .. }
            | TypeInner::Matrix { scalar, .. }
            | TypeInner::Atomic(scalar)
            | TypeInner::Scalar(scalar) => break *scalar,
            _ => return None,
        }
    };
    let letter = match scalar.kind {
        ScalarKind::Float => 'f',
        ScalarKind::Sint => 'i',
        ScalarKind::Uint => 'u',
        _ => return None,
    };
    Some(format!("{letter}{}", 8 * u32::from(scalar.width)))
}
