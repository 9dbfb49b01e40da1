//! Numbers as safetensors, in and out. The crate is a codec here; what may be wrong with a file is
//! checked before anything is allocated for it.

use std::collections::HashMap;

use kitchen_types::ports::NamedTensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Why a file of tensors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// It is not a safetensors file, or a damaged one.
    #[error("it is not a whole safetensors file: {0}")]
    Format(String),
    /// It holds numbers of another type.
    #[error("`{name}` holds {dtype} numbers; only F32 is read")]
    Type {
        /// Which tensor.
        name: String,
        /// The type it has.
        dtype: String,
    },
}

/// The bytes of a safetensors file. The same tensors always give the same bytes.
pub fn write_tensors(
    tensors: &[NamedTensor],
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, TensorFileError> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(format_error)?;
    safetensors::serialize(views, metadata).map_err(format_error)
}

/// The tensors of a safetensors file, in order of name.
pub fn read_tensors(bytes: &[u8]) -> Result<Vec<NamedTensor>, TensorFileError> {
    let file = SafeTensors::deserialize(bytes).map_err(format_error)?;
    let mut tensors = file
        .iter()
        .map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                return Err(TensorFileError::Type {
                    name: name.into(),
                    dtype: format!("{:?}", view.dtype()),
                });
            }
            Ok(NamedTensor {
                name: name.into(),
                shape: view.shape().to_vec(),
                values: view
                    .data()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

fn format_error(error: safetensors::SafeTensorError) -> TensorFileError {
    TensorFileError::Format(error.to_string())
}
