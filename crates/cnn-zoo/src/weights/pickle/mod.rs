//! Just enough of Python's pickle to read a PyTorch state dict; nothing is ever executed.
//!
//! Source: the opcodes of `pickletools`, protocols 2 to 4. Every class or function that a file
//! names must be on a short list; any other one is an error, as with
//! `torch.load(weights_only=True)`. Objects live in one list and refer to each other by number,
//! so that neither deep nesting nor a cycle can exhaust the stack, and their count is at most
//! the file's length.

mod object;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(super) use object::{Element, Object, Storage, TensorRecord};
use object::{Id, MAX_RANK, Name};

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
            memo: HashMap::new(),
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
    memo: HashMap<usize, Id>,
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
