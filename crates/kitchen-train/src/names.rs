//! What each parameter is called outside, and how it lies there.
//!
//! Names and layouts are PyTorch's, so that `torch.load_state_dict` takes an exported file as it
//! is. Inside, Burn multiplies `[rows, inputs]` by `[inputs, outputs]`, so the matrices of linear
//! and recurrent layers lie transposed; everything else lies as outside.

/// Where a walk over a module's parameters has come to.
///
/// Feed it from `enter_module` and `exit_module` of a `ModuleVisitor` or `ModuleMapper`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParameterPath {
    /// Field names, list positions and variants, each with the kind of container it stands in.
    steps: Vec<(String, Container)>,
}

/// The containers that decide about names and layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    /// A choice between models: it leaves no trace in names.
    Choice,
    /// Stores its matrix transposed.
    Linear,
    /// Stores its matrices transposed, and counts layers in the name's suffix.
    Recurrent,
    /// Anything else.
    Plain,
}

impl From<&str> for Container {
    fn from(container_type: &str) -> Self {
        match container_type {
            "Struct:Linear" => Self::Linear,
            "Struct:RecurrentLayer" => Self::Recurrent,
            other if other.starts_with("Enum:") => Self::Choice,
            _ => Self::Plain,
        }
    }
}

impl ParameterPath {
    /// Goes into `name` of a container such as `Struct:Linear`, as Burn calls it.
    pub(crate) fn enter(&mut self, name: &str, container_type: &str) {
        self.steps.push((name.into(), container_type.into()));
    }

    /// Comes back out of it.
    pub(crate) fn exit(&mut self) {
        self.steps.pop();
    }

    /// The parameter's name, such as `blocks.0.attention.qkv.weight` or `rnn.weight_ih_l0`.
    pub(crate) fn name(&self) -> String {
        let parts: Vec<&str> = (self.steps.iter())
            .filter(|(_, container)| *container != Container::Choice)
            .map(|(name, _)| name.as_str())
            .collect();
        match (self.container(), parts.as_slice()) {
            (Container::Recurrent, [above @ .., layer, field]) => {
                let field = format!("{field}_l{layer}");
                [above, &[field.as_str()]].concat().join(".")
            }
            _ => parts.join("."),
        }
    }

    /// Whether a matrix here lies transposed, compared with PyTorch.
    pub(crate) fn is_transposed(&self) -> bool {
        matches!(self.container(), Container::Linear | Container::Recurrent)
    }

    fn container(&self) -> Container {
        (self.steps.last()).map_or(Container::Plain, |(_, container)| *container)
    }
}

/// The numbers of a `rows` by `columns` matrix, columns first.
pub(crate) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| {
            values
                .iter()
                .skip(column)
                .step_by(columns.max(1))
                .take(rows)
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[(&str, &str)]) -> ParameterPath {
        let mut path = ParameterPath::default();
        for (name, container) in steps {
            path.enter(name, container);
        }
        path
    }

    #[test]
    fn names_are_those_of_pytorch() {
        let linear = path(&[
            ("Gpt", "Enum:Model"),
            ("blocks", "Struct:Gpt"),
            ("3", "Vec"),
            ("attention", "Struct:Block"),
            ("qkv", "Struct:Attention"),
            ("weight", "Struct:Linear"),
        ]);
        assert_eq!(linear.name(), "blocks.3.attention.qkv.weight");
        assert!(linear.is_transposed());

        let recurrent = path(&[
            ("Rnn", "Enum:Model"),
            ("rnn", "Struct:Rnn"),
            ("1", "Vec"),
            ("weight_hh", "Struct:RecurrentLayer"),
        ]);
        assert_eq!(recurrent.name(), "rnn.weight_hh_l1");
        assert!(recurrent.is_transposed());

        let embedding = path(&[
            ("token_embedding", "Struct:Gpt"),
            ("weight", "Struct:Embedding"),
        ]);
        assert_eq!(embedding.name(), "token_embedding.weight");
        assert!(!embedding.is_transposed());
    }

    #[test]
    fn transposes() {
        assert_eq!(
            transpose(&[1., 2., 3., 4., 5., 6.], 2, 3),
            [1., 4., 2., 5., 3., 6.]
        );
        assert!(transpose(&[], 0, 0).is_empty());
    }
}
