//! How much work a component is to compile, told without compiling it.
//!
//! What compiling costs isn't only a matter of the bytes of code: each function and each parameter has code made for it that the
//! component doesn't contain, blocks within blocks cost with their depth squared, and parts that instantiate each other multiply.

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, CompositeInnerType, Encoding, FunctionBody,
    Instance, Operator, Parser, Payload,
};

use crate::ContentsError;

/// What compiling costs beside the code, as so many bytes of it: for each function and each type of functions, whatever it does;
/// for each of its parameters and results, for which calls into and out of the component are made.
const FUNCTION: u64 = 16;
const VALUE: u64 = 4;
/// So many local variables cost as much as one byte of code.
const LOCALS: u64 = 16;

/// How much there is to compile, all nested modules and components together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeSize {
    /// Bytes of all functions, and what they, their types and local variables cost beside, as bytes.
    pub total: u64,
    /// Bytes of the largest function, and what its local variables cost beside.
    pub largest_function: u64,
    /// Most blocks within blocks of one function.
    pub deepest_blocks: u64,
    /// What the component is made of when all of its instances are made: instances, aliases, exports and functions that are lifted
    /// or lowered, in each instance anew.
    pub parts: u64,
}

impl CodeSize {
    /// Adds it up. Takes time in proportion to the component's size, however large what it describes is, and never panics.
    ///
    /// # Errors
    /// Bytes that are no WebAssembly.
    pub fn of(component: &[u8]) -> Result<Self, ContentsError> {
        let mut counting = Counting::default();
        for payload in Parser::new(0).parse_all(component) {
            counting.take(payload?)?;
        }
        Ok(counting.size)
    }
}

/// What is being counted, from the outermost component to where the parser is.
#[derive(Default)]
struct Counting {
    size: CodeSize,
    nested: Vec<Nested>,
}

/// A component or module that isn't over yet.
#[derive(Default)]
struct Nested {
    is_component: bool,
    /// Parameters and results of each type, if it is a function's.
    values: Vec<u64>,
    /// How many parts an instance of each component of the index space has; none if that can't be known here.
    components: Vec<Option<u64>>,
    /// Of an instance of this one.
    parts: u64,
}

impl Counting {
    fn take(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => self.nested.push(Nested {
                is_component: encoding == Encoding::Component,
                ..Nested::default()
            }),
            Payload::End(_) => self.leave(),
            Payload::TypeSection(section) => {
                for group in section {
                    for of_type in group?.into_types() {
                        self.core_type(&of_type.composite_type.inner);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    let values = self.nested.last().and_then(|module| {
                        let index = usize::try_from(index.as_ref().copied().ok()?).ok()?;
                        module.values.get(index).copied()
                    });
                    self.add(FUNCTION + VALUE * values.unwrap_or(0));
                    index?;
                }
            }
            Payload::CodeSectionEntry(body) => self.function(&body)?,
            payload => self.component(payload)?,
        }
        Ok(())
    }

    /// What only components have.
    fn component(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    let given = match instance? {
                        Instance::Instantiate { args, .. } => args.len(),
                        Instance::FromExports(exports) => exports.len(),
                    };
                    self.part(1_u64.saturating_add(given as u64));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let parts = match instance? {
                        ComponentInstance::Instantiate {
                            component_index,
                            args,
                        } => {
                            let index = usize::try_from(component_index).unwrap_or(usize::MAX);
                            let component = self.last_component(0, index);
                            // Nobody's tools make instances of what they get from elsewhere.
                            component
                                .unwrap_or(u64::MAX)
                                .saturating_add(args.len() as u64)
                        }
                        ComponentInstance::FromExports(exports) => exports.len() as u64,
                    };
                    self.part(parts.saturating_add(1));
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    if let CanonicalFunction::Lift { .. } | CanonicalFunction::Lower { .. } =
                        function?
                    {
                        self.add(FUNCTION);
                    }
                    self.part(1);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        self.define(None);
                    }
                    self.part(1);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        let index = usize::try_from(export.index).unwrap_or(usize::MAX);
                        self.define(self.last_component(0, index));
                    }
                    self.part(1);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn core_type(&mut self, of_type: &CompositeInnerType) {
        let values = match of_type {
            CompositeInnerType::Func(function) => {
                (function.params().len() as u64).saturating_add(function.results().len() as u64)
            }
            _ => 0,
        };
        self.add(FUNCTION + VALUE * values);
        if let Some(module) = self.nested.last_mut() {
            module.values.push(values);
        }
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        let range = body.range();
        let mut bytes = range.end.saturating_sub(range.start) as u64;
        let mut locals: u64 = 0;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(group?.0.into());
        }
        bytes = bytes.saturating_add(locals / LOCALS);
        self.add(bytes);
        self.size.largest_function = self.size.largest_function.max(bytes);
        let mut depth: u64 = 0;
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. } => depth += 1,
                Operator::End => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.size.deepest_blocks = self.size.deepest_blocks.max(depth);
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let outwards = usize::try_from(*count).unwrap_or(usize::MAX);
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                self.define(self.last_component(outwards, index));
            }
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => self.define(None),
            _ => {}
        }
        self.part(1);
    }

    /// The parts of an instance of the component of this index, in the component so many levels outwards.
    fn last_component(&self, outwards: usize, index: usize) -> Option<u64> {
        let nested = self.nested.iter().rev().nth(outwards)?;
        nested.components.get(index).copied().flatten()
    }

    /// Another component in the index space of the innermost one.
    fn define(&mut self, parts: Option<u64>) {
        if let Some(nested) = self.nested.last_mut() {
            nested.components.push(parts);
        }
    }

    fn part(&mut self, count: u64) {
        if let Some(nested) = self.nested.last_mut() {
            nested.parts = nested.parts.saturating_add(count);
        }
    }

    /// The innermost component or module is over.
    fn leave(&mut self) {
        let Some(left) = self.nested.pop() else {
            return;
        };
        if left.is_component {
            match self.nested.last_mut() {
                Some(outer) => outer.components.push(Some(left.parts)),
                None => self.size.parts = left.parts,
            }
        }
    }

    fn add(&mut self, cost: u64) {
        self.size.total = self.size.total.saturating_add(cost);
    }
}
