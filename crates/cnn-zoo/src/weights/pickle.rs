//! Just enough of Python's pickle to read a PyTorch state dict; nothing is ever executed.
//!
//! Source: the opcodes of `pickletools`, protocols 2 to 4. Every class or function that a file
//! names must be on a short list; any other one is an error, as with
//! `torch.load(weights_only=True)`. Objects live in one list and refer to each other by number,
//! so that neither deep nesting nor a cycle can exhaust the stack, and their count is at most
//! the file's length.

/// Number of an object.
pub(super) type Id = usize;

/// An object of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    None,
    Bool,
    Number(i64),
    /// A number that no tensor needs: a float, or an integer of more than eight bytes.
    OtherNumber,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Storage),
    Tensor(Box<TensorRecord>),
}

/// A class or function that a state dict may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(Element),
}

/// Type of a stored element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    BF16,
    /// An integer of so many bytes.
    Integer(usize),
}

impl Element {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Integer(bytes) => bytes,
        }
    }
}

/// A block of elements in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub(super) element: Element,
    pub(super) key: String,
    pub(super) count: usize,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorRecord {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Most axes of a tensor.
const MAX_RANK: usize = 8;

impl Name {
    fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "Size") => Self::Size,
            ("torch", "FloatStorage") => Self::Storage(Element::F32),
            ("torch", "DoubleStorage") => Self::Storage(Element::F64),
            ("torch", "HalfStorage") => Self::Storage(Element::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Element::BF16),
            ("torch", "LongStorage") => Self::Storage(Element::Integer(8)),
            ("torch", "IntStorage") => Self::Storage(Element::Integer(4)),
            ("torch", "ShortStorage") => Self::Storage(Element::Integer(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => {
                Self::Storage(Element::Integer(1))
            }
            _ => return None,
        })
    }
}

/// What is wrong with a pickle.
pub(super) type Problem = String;

/// The objects of a pickle and which of them is its value.
#[derive(Debug)]
pub(super) struct Pickle {
    objects: Vec<Object>,
    root: Id,
    /// Bytes up to and including the stop.
    pub(super) length: usize,
}

impl Pickle {
    /// Reads one pickle from the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut machine = Machine {
            bytes,
            at: 0,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: std::collections::HashMap::new(),
        };
        let root = machine
            .run()
            .map_err(|problem| format!("{problem} (byte {} of the pickle)", machine.at))?;
        Ok(Self {
            length: machine.at,
            objects: machine.objects,
            root,
        })
    }

    pub(super) fn root(&self) -> Option<&Object> {
        self.get(self.root)
    }

    /// Every storage that is named anywhere.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    pub(super) fn get(&self, id: Id) -> Option<&Object> {
        self.objects.get(id)
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: std::collections::HashMap<usize, Id>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or("the file ends too early")?;
        self.at += count;
        Ok(taken)
    }

    /// An unsigned little-endian number.
    fn number(&mut self, bytes: usize) -> Result<usize, Problem> {
        let mut value = 0_u64;
        for (place, &byte) in self.take(bytes)?.iter().enumerate() {
            value |= u64::from(byte) << (8 * place);
        }
        usize::try_from(value).map_err(|_| "a length is beyond this machine".to_owned())
    }

    fn text(&mut self, count: usize) -> Result<String, Problem> {
        Ok(String::from_utf8_lossy(self.take(count)?).into_owned())
    }

    fn line(&mut self) -> Result<String, Problem> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b'\n');
        let text = self.text(length.ok_or("a name has no end")?)?;
        self.at += 1;
        Ok(text)
    }

    fn push(&mut self, object: Object) {
        self.stack.push(self.objects.len());
        self.objects.push(object);
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("an instruction finds no object".to_owned());
        }
        self.stack
            .pop()
            .ok_or_else(|| "the stack is empty".to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Problem> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn top(&mut self) -> Result<&mut Object, Problem> {
        let id = self.stack.last().copied().ok_or("the stack is empty")?;
        self.objects
            .get_mut(id)
            .ok_or_else(|| "an object is missing".to_owned())
    }

    fn object(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }

    fn remember(&mut self, key: usize) -> Result<(), Problem> {
        let id = self.stack.last().copied().ok_or("the stack is empty")?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: usize) -> Result<(), Problem> {
        let id = self.memo.get(&key).copied();
        self.stack
            .push(id.ok_or("an object is used before it is made")?);
        Ok(())
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), Problem> {
        let Some(known) = Name::find(module, name) else {
            let what = format!("{module}.{name}").replace(char::is_control, "?");
            let short: String = what.chars().take(120).collect();
            return Err(format!(
                "it asks for {short}, which weights have no use for; nothing was executed"
            ));
        };
        self.push(Object::Name(known));
        Ok(())
    }

    fn run(&mut self) -> Result<Id, Problem> {
        loop {
            let code = *self.take(1)?.first().ok_or("the file ends too early")?;
            match code {
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'N' => self.push(Object::None),
                0x88 | 0x89 => self.push(Object::Bool),
                b'K' | b'M' => {
                    let value = self.number(if code == b'K' { 1 } else { 2 })?;
                    self.push(Object::Number(i64::try_from(value).unwrap_or(i64::MAX)));
                }
                b'J' => {
                    let mut value = [0; 4];
                    value.copy_from_slice(self.take(4)?);
                    self.push(Object::Number(i64::from(i32::from_le_bytes(value))));
                }
                0x8a => self.long()?,
                b'G' => {
                    self.take(8)?;
                    self.push(Object::OtherNumber);
                }
                b'X' | b'U' | b'T' | 0x8c | 0x8d | b'B' | b'C' => {
                    let width = match code {
                        b'X' | b'T' | b'B' => 4,
                        0x8d => 8,
                        _ => 1,
                    };
                    let length = self.number(width)?;
                    let text = self.text(length)?;
                    self.push(Object::Text(text));
                }
                b')' => self.push(Object::Tuple(Vec::new())),
                b']' => self.push(Object::List(Vec::new())),
                b'}' => self.push(Object::Dict(Vec::new())),
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Object::Tuple(items));
                }
                0x85..=0x87 => {
                    let mut items = Vec::with_capacity(3);
                    for _ in 0x85..=code {
                        items.push(self.pop()?);
                    }
                    items.reverse();
                    self.push(Object::Tuple(items));
                }
                b'l' => {
                    let items = self.pop_to_mark()?;
                    self.push(Object::List(items));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_to_mark()?;
                    self.append(items)?;
                }
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push(Object::Dict(Vec::new()));
                    self.set_items(&items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set_items(&items)?;
                }
                b'q' | b'r' => {
                    let key = self.number(if code == b'q' { 1 } else { 4 })?;
                    self.remember(key)?;
                }
                0x94 => self.remember(self.memo.len())?,
                b'h' | b'j' => {
                    let key = self.number(if code == b'h' { 1 } else { 4 })?;
                    self.recall(key)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.name(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Object::Text(module), Object::Text(name)) =
                        (self.object(module).clone(), self.object(name).clone())
                    else {
                        return Err("a name is not text".to_owned());
                    };
                    self.name(&module, &name)?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    let storage = self.storage(id)?;
                    self.push(Object::Storage(storage));
                }
                b'R' | 0x81 => {
                    let (arguments, callable) = (self.pop()?, self.pop()?);
                    let made = self.call(callable, arguments)?;
                    self.push(made);
                }
                b'b' => self.build()?,
                other => return Err(format!("instruction {other:#04x} has no place in weights")),
            }
        }
    }

    /// An integer of up to 255 bytes; those of more than eight are not kept.
    fn long(&mut self) -> Result<(), Problem> {
        let length = self.number(1)?;
        let bytes = self.take(length)?;
        let object = if bytes.len() > 8 {
            Object::OtherNumber
        } else {
            let negative = bytes.last().is_some_and(|&b| b >= 0x80);
            let mut value = [if negative { 0xff } else { 0 }; 8];
            for (to, &from) in value.iter_mut().zip(bytes) {
                *to = from;
            }
            Object::Number(i64::from_le_bytes(value))
        };
        self.push(object);
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Problem> {
        match self.top()? {
            Object::List(list) => list.extend(items),
            _ => return Err("it appends to something that is no list".to_owned()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), Problem> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top()? {
            Object::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err("it sets an item of something that is no dictionary".to_owned()),
        }
    }

    /// `('storage', type, key, place, count)`; the legacy format adds a view, which is refused.
    fn storage(&self, id: Id) -> Result<Storage, Problem> {
        let wrong = || "a storage is not described as PyTorch does".to_owned();
        let Object::Tuple(parts) = self.object(id) else {
            return Err(wrong());
        };
        let parts: Vec<&Object> = parts.iter().map(|&id| self.object(id)).collect();
        let (named, view) = parts.split_at_checked(5).ok_or_else(wrong)?;
        if view.iter().any(|&v| *v != Object::None) {
            return Err("a storage is a view of another one".to_owned());
        }
        match named {
            [
                Object::Text(tag),
                Object::Name(Name::Storage(element)),
                Object::Text(key),
                _,
                Object::Number(count),
            ] if tag == "storage" => Ok(Storage {
                element: *element,
                key: key.clone(),
                count: usize::try_from(*count).map_err(|_| wrong())?,
            }),
            _ => Err(wrong()),
        }
    }

    fn call(&self, callable: Id, arguments: Id) -> Result<Object, Problem> {
        let (Object::Name(name), Object::Tuple(arguments)) =
            (self.object(callable), self.object(arguments))
        else {
            return Err("it calls something that is no function".to_owned());
        };
        let first = arguments.first().map(|&id| self.object(id));
        match (name, first) {
            (Name::OrderedDict, None) => Ok(Object::Dict(Vec::new())),
            (Name::OrderedDict, Some(Object::List(pairs))) => {
                let pair = |&id: &Id| match self.object(id) {
                    Object::Tuple(pair) | Object::List(pair) => match pair[..] {
                        [key, value] => Ok((key, value)),
                        _ => Err("an item is no pair".to_owned()),
                    },
                    _ => Err("an item is no pair".to_owned()),
                };
                Ok(Object::Dict(
                    pairs.iter().map(pair).collect::<Result<_, _>>()?,
                ))
            }
            (Name::RebuildParameter, Some(Object::Tensor(tensor))) => {
                Ok(Object::Tensor(tensor.clone()))
            }
            (Name::Size, Some(Object::Tuple(sizes))) => Ok(Object::Tuple(sizes.clone())),
            (Name::RebuildTensor, Some(Object::Storage(storage))) => {
                let wrong = || "a tensor is not described as PyTorch does".to_owned();
                let [_, offset, shape, strides, ..] = arguments[..] else {
                    return Err(wrong());
                };
                let Object::Number(offset) = self.object(offset) else {
                    return Err(wrong());
                };
                Ok(Object::Tensor(Box::new(TensorRecord {
                    storage: storage.clone(),
                    offset: usize::try_from(*offset).map_err(|_| wrong())?,
                    shape: self.sizes(shape)?,
                    strides: self.sizes(strides)?,
                })))
            }
            _ => Err(format!("it calls {name:?} with arguments that do not fit")),
        }
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>, Problem> {
        let wrong = || "a shape is no row of sizes".to_owned();
        let (Object::Tuple(items) | Object::List(items)) = self.object(id) else {
            return Err(wrong());
        };
        if items.len() > MAX_RANK {
            return Err(format!("a tensor has {} axes", items.len()));
        }
        items
            .iter()
            .map(|&id| match self.object(id) {
                Object::Number(n) => usize::try_from(*n).map_err(|_| wrong()),
                _ => Err(wrong()),
            })
            .collect()
    }

    /// Sets attributes, of which a state dict's `_metadata` is the only kind met; they are dropped.
    fn build(&mut self) -> Result<(), Problem> {
        self.pop()?;
        match self.top()? {
            Object::Dict(_) | Object::Tensor(_) => Ok(()),
            _ => Err("it sets attributes of something other than a dictionary".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_named_and_not_run() {
        // what `pickle.dumps` makes of an object whose __reduce__ is (os.system, ("true",))
        let hostile = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
        let problem = Pickle::read(hostile).unwrap_err();
        assert!(problem.contains("asks for posix.system"), "{problem}");
        assert!(problem.contains("nothing was executed"), "{problem}");
        let newer = b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94\x93.";
        let problem = Pickle::read(newer).unwrap_err();
        assert!(problem.contains("builtins.eval"), "{problem}");
    }

    #[test]
    fn values_survive() {
        // {'a': (1, -2, 300), 'b': None}
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xffM\x2c\x01\x87X\x01\x00\x00\x00bNu.";
        let pickle = Pickle::read(bytes).unwrap();
        assert_eq!(pickle.length, bytes.len());
        let Some(Object::Dict(items)) = pickle.root() else {
            panic!("{:?}", pickle.root());
        };
        let Some(Object::Tuple(numbers)) = pickle.get(items[0].1) else {
            panic!("no tuple");
        };
        let numbers: Vec<_> = numbers.iter().filter_map(|&id| pickle.get(id)).collect();
        assert_eq!(
            numbers,
            [
                &Object::Number(1),
                &Object::Number(-2),
                &Object::Number(300)
            ]
        );
        assert_eq!(pickle.get(items[1].1), Some(&Object::None));
    }

    #[test]
    fn neither_nesting_nor_cycles_matter() {
        let mut deep = vec![0x80, 2, b']'];
        deep.extend(std::iter::repeat_n(0x85, 1 << 20));
        deep.push(b'.');
        assert!(Pickle::read(&deep).is_ok());
        // a list that holds itself
        assert!(Pickle::read(b"\x80\x02]q\x00h\x00a.").is_ok());
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [
            &b""[..],
            b".",
            b"\x80",
            b"(.",
            b"R.",
            b"Q.",
            b"u.",
            b"b.",
            b"h\x05.",
            b"X\xff\xff\xff\xff.",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
            b"ccollections\nOrderedDict\nK\x01R.",
            b"]K\x01s.",
            b"\xff",
        ] {
            assert!(Pickle::read(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Pickle::read(&bytes);
        }
    }
}
