//! What a pickle of weights is made of.

/// Number of an object.
pub(in crate::weights) type Id = usize;

/// An object of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::weights) enum Object {
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
pub(in crate::weights) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(Element),
}

/// Type of a stored element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Element {
    F64,
    F32,
    F16,
    BF16,
    /// An integer of so many bytes.
    Integer(usize),
}

impl Element {
    pub(in crate::weights) fn bytes(self) -> usize {
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
pub(in crate::weights) struct Storage {
    pub(in crate::weights) element: Element,
    pub(in crate::weights) key: String,
    pub(in crate::weights) count: usize,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::weights) struct TensorRecord {
    pub(in crate::weights) storage: Storage,
    pub(in crate::weights) offset: usize,
    pub(in crate::weights) shape: Vec<usize>,
    pub(in crate::weights) strides: Vec<usize>,
}

/// Most axes of a tensor.
pub(super) const MAX_RANK: usize = 8;

impl Name {
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
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
