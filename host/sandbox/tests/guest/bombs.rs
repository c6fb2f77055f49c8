//! Compile bombs: modules and components of a few megabytes at most that take long to compile. Written byte by byte, since as text
//! they would take long to be read themselves.

/// `i64`, and the block type of a block without a result.
const I64: u8 = 0x7e;
const I32: u8 = 0x7f;
const EMPTY: u8 = 0x40;
const END: u8 = 0x0b;
const UNREACHABLE: u8 = 0x00;

/// Sections of a core module.
const TYPES: u8 = 1;
const FUNCTIONS: u8 = 3;
const ELEMENTS: u8 = 9;
const CODE: u8 = 10;

/// The same driver with this module in it, which nobody instantiates. It is compiled all the same.
pub fn with_module(driver: &[u8], module: &[u8]) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    [driver, &section(CORE_MODULE, module.to_vec())].concat()
}

/// The same driver with this module in it, and after it one that isn't valid: which is found when all before it was compiled, so that
/// nothing is kept of it, and it is compiled anew each time.
pub fn in_vain(driver: &[u8], module: &[u8]) -> Vec<u8> {
    const DROP: u8 = 0x1a;
    with_module(&with_module(driver, module), &alike(1, &[0, DROP, END]))
}

/// A component with this metadata: a package.
pub fn packaged(component: &[u8], metadata: &str) -> Vec<u8> {
    const CUSTOM: u8 = 0;
    const NAME: &str = "ironbark-driver";
    let content = [
        &number(NAME.len() as u64),
        NAME.as_bytes(),
        metadata.as_bytes(),
    ];
    [component, &section(CUSTOM, content.concat())].concat()
}

/// The same driver with an instance of this component in it.
pub fn with_component(driver: &[u8], component: &[u8]) -> Vec<u8> {
    const COMPONENT: u8 = 4;
    const INSTANCE: u8 = 5;
    // The driver's own is the one that `wit-component` makes for its export.
    const INDEX: u8 = 1;
    let instance = vec![1, 0, INDEX, 0];
    let sections = [
        section(COMPONENT, component.to_vec()),
        section(INSTANCE, instance),
    ];
    [driver, &sections.concat()].concat()
}

/// So many functions that do nothing.
pub fn many_functions(count: u32) -> Vec<u8> {
    alike(count, &[0, END])
}

/// Functions that do nothing, with so many parameters each, that can be called from outside.
pub fn many_parameters(count: u32, parameters: usize) -> Vec<u8> {
    let declared = [
        &[1, 3, 0][..],
        &vec_of((0..count).map(|index| number(index.into()))),
    ];
    module(vec![
        types(&[signature(&vec![I64; parameters])]),
        section(FUNCTIONS, vec_of((0..count).map(|_| vec![0]))),
        section(ELEMENTS, declared.concat()),
        section(
            CODE,
            vec_of((0..count).map(|_| body(&[0, UNREACHABLE, END]))),
        ),
    ])
}

/// Functions that do nothing, with so many local variables each.
pub fn many_locals(count: u32, locals: u32) -> Vec<u8> {
    let code = [&[1][..], &number(locals.into()), &[I64, END]].concat();
    alike(count, &code)
}

/// So many types of functions with so many parameters each, no two alike, and no function.
pub fn many_types(count: u32, parameters: usize) -> Vec<u8> {
    let all: Vec<Vec<u8>> = (0..count)
        .map(|index| {
            let kinds = (0..parameters).map(|bit| match index >> bit.min(31) & 1 {
                1 => I32,
                _ => I64,
            });
            signature(&kinds.collect::<Vec<u8>>())
        })
        .collect();
    module(vec![types(&all)])
}

/// One function of this many bytes whose many variables are all alive everywhere.
pub fn giant_function(bytes: usize) -> Vec<u8> {
    const LOCALS: u32 = 120;
    const LOOP: u8 = 0x03;
    const BR_IF: u8 = 0x0d;
    const GET: u8 = 0x20;
    const SET: u8 = 0x21;
    const MULTIPLY: u8 = 0x7e;
    const WRAP: u8 = 0xa7;
    let mut code = vec![1, u8::try_from(LOCALS).unwrap(), I64, LOOP, EMPTY];
    let mut at: u32 = 1;
    while code.len() < bytes {
        let mut local = || {
            at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from((at >> 16) % LOCALS).unwrap()
        };
        let (a, b, c, d) = (local(), local(), local(), local());
        code.extend([GET, a, GET, b, MULTIPLY, SET, c, GET, d, WRAP, BR_IF, 0]);
    }
    code.extend([END, END]);
    alike(1, &code)
}

/// So many functions of blocks within blocks.
pub fn nested_blocks(count: u32, depth: usize) -> Vec<u8> {
    const BLOCK: u8 = 0x02;
    let mut code = vec![0];
    for _ in 0..depth {
        code.extend([BLOCK, EMPTY]);
    }
    code.resize(code.len() + depth + 1, END);
    alike(count, &code)
}

/// A component whose parts instantiate each other twice: two to the power of `depth` instances.
pub fn doubling(depth: u32) -> Vec<u8> {
    let mut text = String::from("(component $root (component $c0)");
    for level in 1..=depth {
        text.push_str(&format!(
            "(component $c{level} (alias outer $root $c{} (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))",
            level - 1
        ));
    }
    text.push_str(&format!("(instance (instantiate $c{depth})))"));
    wat::parse_str(text).unwrap()
}

/// A module of so many functions without parameters, all with this code.
fn alike(count: u32, code: &[u8]) -> Vec<u8> {
    module(vec![
        types(&[signature(&[])]),
        section(FUNCTIONS, vec_of((0..count).map(|_| vec![0]))),
        section(CODE, vec_of((0..count).map(|_| body(code)))),
    ])
}

fn module(sections: Vec<Vec<u8>>) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

fn types(signatures: &[Vec<u8>]) -> Vec<u8> {
    section(TYPES, vec_of(signatures.iter().cloned()))
}

/// A function of these parameters that returns nothing.
fn signature(parameters: &[u8]) -> Vec<u8> {
    [
        &[0x60][..],
        &number(parameters.len() as u64),
        parameters,
        &[0],
    ]
    .concat()
}

/// Local variables and instructions, with their length.
fn body(code: &[u8]) -> Vec<u8> {
    [&number(code.len() as u64), code].concat()
}

fn section(id: u8, content: Vec<u8>) -> Vec<u8> {
    [vec![id], number(content.len() as u64), content].concat()
}

fn vec_of(items: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut all = number(items.len() as u64);
    all.extend(items.flatten());
    all
}

/// Unsigned LEB128.
fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
