//! The named tensors of a network.

use std::collections::HashMap;

use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

/// What training does to a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changed by the optimiser.
    Trainable,
    /// A running mean or variance of a batch norm, changed by the training pass itself.
    Statistic,
}

/// One named tensor of a network.
#[derive(Debug, Clone)]
pub struct Parameter {
    name: String,
    role: Role,
    tensor: Tensor,
    variable: Option<Var>,
}

impl Parameter {
    pub(crate) fn variable_of(name: String, role: Role, variable: Var) -> Self {
        Self {
            name,
            role,
            tensor: variable.as_tensor().clone(),
            variable: Some(variable),
        }
    }

    pub(crate) fn constant(name: String, role: Role, tensor: Tensor) -> Self {
        Self {
            name,
            role,
            tensor,
            variable: None,
        }
    }

    /// The name, `layer1.0.conv1.weight` for example.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What training does to it.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The tensor; for a trainable network it shares the variable's storage.
    #[must_use]
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The variable behind the tensor; `None` in a fused copy.
    #[must_use]
    pub fn variable(&self) -> Option<&Var> {
        self.variable.as_ref()
    }

    /// Number of elements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tensor.elem_count()
    }
}

/// The named tensors of a network, in the order in which its layers were built.
///
/// Names are those of the PyTorch model (torchvision, else timm) in both conventions; a bias that
/// only Keras has gets the name PyTorch would give it, `conv1.bias` for example.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    list: Vec<Parameter>,
    index: HashMap<String, usize>,
}

impl Parameters {
    pub(crate) fn push(&mut self, parameter: Parameter) {
        self.index.insert(parameter.name.clone(), self.list.len());
        self.list.push(parameter);
    }

    /// All tensors.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Parameter> {
        self.list.iter()
    }

    /// The tensors of one role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Parameter> {
        self.list.iter().filter(move |p| p.role == role)
    }

    /// The tensor called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.index.get(name).and_then(|&at| self.list.get(at))
    }

    /// Number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Number of elements in the tensors of one role.
    #[must_use]
    pub fn count(&self, role: Role) -> usize {
        self.with_role(role).map(Parameter::count).sum()
    }
}
